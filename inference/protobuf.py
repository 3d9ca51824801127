"""Reading and writing protobuf messages field by field (https://protobuf.dev/programming-guides/encoding/).

A message is the bytes of its fields one after the other, so fields may be left out, added and put together as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Field:
    """value: of a number, or the bytes of a message, string or packed numbers; None for numbers of fixed width.

    raw: the whole field with its key, as it stands in the message.
    """

    number: int
    value: int | memoryview | None
    raw: memoryview

    @property
    def body(self) -> memoryview:
        """The bytes of a field that has a length. Raises ValueError for another."""
        if not isinstance(self.value, memoryview):
            raise ValueError("no message")
        return self.value

    @property
    def text(self) -> str:
        return str(self.body, "utf-8")


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of one message in order. Raises ValueError or IndexError where the bytes are no message."""
    position = 0
    while position < len(data):
        start = position
        key, position = _varint(data, position)
        wire, value = key & 7, None
        if wire == 0:
            value, position = _varint(data, position)
        elif wire == 2:
            length, position = _varint(data, position)
            value, position = data[position : position + length], position + length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError("no protobuf")
        if position > len(data):
            raise ValueError("cut short")
        yield Field(key >> 3, value, data[start:position])


def numbers(field: Field) -> list[int]:
    """The numbers of a repeated field: one, or several packed."""
    if isinstance(field.value, int):
        return [field.value]
    body, position, result = field.body, 0, list[int]()
    while position < len(body):
        value, position = _varint(body, position)
        result.append(value)
    return result


def number(field: int, value: int) -> bytes:
    """A field with a whole number from 0 up."""
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes | memoryview) -> bytes:
    """A field with a message of these fields."""
    return b"".join((varint(field << 3 | 2), varint(sum(map(len, parts))), *parts))


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def varint(value: int) -> bytes:
    """A whole number from 0 up, seven bits a byte, the lowest first."""
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, position
        shift += 7
        if shift > 63:
            raise ValueError("no protobuf")
