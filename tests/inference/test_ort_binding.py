from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from inference.errors import Cancelled, EngineError
from inference.ort_binding import OrtBinding
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.types import CancelToken

REPLAYING = replace(CPU, can_replay=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """next = 2 x + y, sum = next + whole"""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node("Add", ["twice", "y"], ["next"]),
        helper.make_node("Cast", ["whole"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["next", "real"], ["sum"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("x", "y")]
    inputs.append(helper.make_tensor_value_info("whole", TensorProto.INT64, []))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("next", "sum")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    file = tmp_path / "part" / "model.onnx"
    file.parent.mkdir()
    onnx.save_model(model, str(file))
    return file


@pytest.fixture(params=[CPU, REPLAYING], ids=["plain", "replaying"])
def model(path: Path, request: pytest.FixtureRequest) -> Iterator[OnnxModel]:
    with OnnxModel(path, request.param, replay=True) as model:
        yield model


def fed(model: OnnxModel) -> OrtBinding:
    binding = model.bind()
    binding.feed("x", np.array([1.0, 2.0, 3.0]))
    binding.feed("y", np.array([0.5, 0.5, 0.5]))
    binding.feed("whole", np.array(1.6))
    return binding


def test_an_output_is_the_next_input(model: OnnxModel) -> None:
    binding = fed(model)
    x = np.array([1.0, 2.0, 3.0], np.float32)
    for _ in range(5):
        given = binding.run()
        x = 2 * x + np.float32(0.5)
        np.testing.assert_array_equal(given["next"].numpy(), x)
        np.testing.assert_array_equal(given["sum"].numpy(), x + 2)  # a fraction goes to the nearest whole number
        binding.feed("x", given["next"])


def test_an_input_stays_until_it_is_fed_again(model: OnnxModel) -> None:
    binding = fed(model)
    mine = np.array([4.0, 5.0, 6.0], np.float32)
    binding.feed("x", mine)
    mine[:] = 0
    assert [binding.run()["next"].numpy().tolist() for _ in "123"] == [[8.5, 10.5, 12.5]] * 3
    binding.feed("y", np.array([1, 1, 1]))
    assert binding.run()["next"].numpy().tolist() == [9.0, 11.0, 13.0]


def test_an_output_lives_until_the_second_run_after(model: OnnxModel) -> None:
    binding = fed(model)
    first = binding.run()["next"]
    binding.feed("x", np.zeros(3))
    assert binding.run()["next"].numpy().tolist() == [0.5, 0.5, 0.5]
    assert first.numpy().tolist() == [2.5, 4.5, 6.5]


def test_values_pass_from_one_binding_to_another(model: OnnxModel) -> None:
    one, other = fed(model), fed(model)
    other.feed("x", one.run()["next"])
    assert other.run()["next"].numpy().tolist() == [5.5, 9.5, 13.5]


def test_replayed_buffers_keep_their_places_and_repeat_their_recordings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[int] = []
    original = OrtBinding._recording
    monkeypatch.setattr(
        OrtBinding, "_recording", lambda self, kept: recorded.append(original(self, kept)) or recorded[-1]
    )
    with OnnxModel(path, REPLAYING, replay=True) as model:
        binding = fed(model)
        for _ in range(2):  # two variants, each from an array through five steps
            binding.feed("x", np.array([1.0, 2.0, 3.0]))
            for _ in range(6):
                binding.feed("x", binding.run()["next"])
    assert recorded == [1, 2, 3, 2, 3, 2] * 2


def test_a_cancelled_run_and_a_wrong_shape(model: OnnxModel) -> None:
    binding, cancel = fed(model), CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        binding.run(cancel)
    binding.feed("x", np.zeros(4))
    with pytest.raises(EngineError, match="invalid dimensions"):
        binding.run()
    binding.feed("x", np.zeros(3))
    assert binding.run()["next"].numpy().tolist() == [0.5, 0.5, 0.5]
