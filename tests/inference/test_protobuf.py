"""Protobuf messages field by field, against google's own reader where onnx brings one."""

from __future__ import annotations

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import protobuf
from inference.protobuf import fields

numbers = st.integers(0, 2**64 - 1)


@given(st.lists(st.tuples(st.integers(1, 500), st.one_of(numbers, st.binary(max_size=300)))))
def test_what_is_written_is_read(values: list[tuple[int, int | bytes]]) -> None:
    parts = [
        protobuf.number(field, value) if isinstance(value, int) else protobuf.message(field, value)
        for field, value in values
    ]
    found = list(fields(memoryview(b"".join(parts))))
    assert [bytes(field.raw) for field in found] == parts
    assert [(field.number, field.value) for field in found] == values


@given(st.lists(numbers, max_size=20))
def test_repeated_numbers_may_be_packed_or_not(values: list[int]) -> None:
    packed = protobuf.message(1, b"".join(map(protobuf.varint, values)))
    single = b"".join(protobuf.number(1, value) for value in values)
    for data in (packed, single):
        assert [number for field in fields(memoryview(data)) for number in protobuf.numbers(field)] == values


def test_messages_of_others_are_read() -> None:
    tensor = onnx.TensorProto(name="é", dims=[3, 2**40], data_type=1, float_data=[1.5, -2.0], double_data=[0.1])
    found = {field.number: field for field in fields(memoryview(tensor.SerializeToString()))}
    assert found[8].text == "é"
    assert found[2].value == 1


def test_numbers_of_fixed_width_are_passed_over() -> None:
    attribute = onnx.helper.make_attribute("epsilon", 0.5)
    data = attribute.SerializeToString()
    found = list(fields(memoryview(data)))
    assert b"".join(field.raw for field in found) == data
    assert [field.number for field in found if field.value is None] == [2]


@pytest.mark.parametrize("data", [b"\x0a\x05abc", b"\x08", b"\x09abc", b"\x0b", b"\x08" + b"\xff" * 11, b"\xff" * 30])
def test_damage_is_a_value_or_index_error(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(fields(memoryview(data)))


def test_a_number_has_no_body() -> None:
    (field,) = fields(memoryview(protobuf.number(1, 7)))
    with pytest.raises(ValueError, match="no message"):
        _ = field.body
