"""Storing weights as float16 changes nothing but the weights' rounding, in the graph or in a file beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from training.export.errors import ExportError
from training.export.graph_file import write_graph
from training.export.precision import SMALLEST_HALF
from training.export.skeleton import Origin, Skeleton
from training.export.storing import DATA_FILE, SMALLEST_OUTSIDE, store, weight_bytes, with_values, with_vectors
from training.export.weights import Weight


def skeleton(*shape: int, transposed: bool = False) -> Skeleton:
    """y = x + w, where w comes from the weight "layer.weight"."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "add",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(shape))],
        [onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Skeleton(model, {"w": Origin("layer.weight", shape, transposed)})


def weights(values: np.ndarray) -> dict[str, Weight]:
    return {"layer.weight": Weight(values.shape, "F32", lambda: values.astype(np.float32))}


def written(
    folder: Path, values: np.ndarray, *, halve: bool = True, external: bool = False, transposed: bool = False
) -> tuple[onnx.ModelProto, TensorProto]:
    shape = values.shape[::-1] if transposed else values.shape
    made = skeleton(*shape, transposed=transposed)
    stored = store(made, weights(values), folder, halve=halve, external=external, advance=lambda _: None)
    model = with_values(made.model, stored)
    write_graph(model, folder / "model.onnx")
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    return model, stored["w"]


def run(folder: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x.astype(np.float32)})[0]


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_large_weight_is_rounded_and_the_maths_stays_float32(
    tmp_path: Path, external: bool, transposed: bool
) -> None:
    weight = np.random.default_rng(0).normal(size=(32, 40)).astype(np.float32)
    _, tensor = written(tmp_path, weight, external=external, transposed=transposed)
    assert tensor.data_type == TensorProto.FLOAT16
    assert (tmp_path / DATA_FILE).is_file() == external
    expected = weight.T if transposed else weight
    x = np.full(expected.shape, 1e-5)  # would vanish in float16
    np.testing.assert_array_equal(run(tmp_path, x), np.float32(1e-5) + expected.astype(np.float16).astype(np.float32))


def test_what_lies_outside_begins_at_a_page(tmp_path: Path) -> None:
    values = {name: np.full((40, 40), number, np.float32) for number, name in enumerate("ab")}
    made = Skeleton(onnx.ModelProto(), {name: Origin(name, (40, 40), False) for name in values})
    read = {name: Weight((40, 40), "F32", lambda value=value: value) for name, value in values.items()}
    seen: list[int] = []
    stored = store(made, read, tmp_path, halve=True, external=True, advance=seen.append)
    places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in stored.values()]
    assert [place["offset"] for place in places] == ["0", "4096"] and places[1]["length"] == "3200"
    assert sum(seen) == 2 * 40 * 40 * 4 and weight_bytes(made, True) == 2 * 40 * 40 * 2


@pytest.mark.parametrize(
    "weight",
    [np.ones(SMALLEST_HALF - 1), np.full((40, 40), 70_000.0), np.full((40, 40), -7e4)],
    ids=["small", "beyond float16", "below float16"],
)
def test_what_float16_cannot_hold_or_is_not_worth_it_stays(tmp_path: Path, weight: np.ndarray) -> None:
    model, tensor = written(tmp_path, weight, external=True)
    assert tensor.data_type == TensorProto.FLOAT
    assert len(model.graph.node) == 1
    assert (run(tmp_path, np.zeros(weight.shape)) == weight.astype(np.float32)).all()


def test_vectors_and_small_weights_stay_in_the_graph_with_their_values(tmp_path: Path) -> None:
    for shape in ((5000,), (1, 5000, 1), (SMALLEST_OUTSIDE // 40, 40)):
        folder = tmp_path / str(shape)
        folder.mkdir()
        _, tensor = written(folder, np.arange(np.prod(shape)).reshape(shape) / 7, external=True)
        assert tensor.raw_data and (folder / DATA_FILE).stat().st_size == 0


def test_fusions_see_vectors_as_they_are_stored() -> None:
    made = skeleton(5000)
    values = np.linspace(0, 1, 5000, dtype=np.float32)
    stored = store(made, weights(values), Path(), halve=True, external=False, advance=lambda _: None)
    seen = numpy_helper.to_array(with_vectors(made.model, stored).graph.initializer[0])
    assert seen.dtype == np.float32 and (seen == values.astype(np.float16)).all()


def test_fp32_changes_nothing(tmp_path: Path) -> None:
    model, tensor = written(tmp_path, np.ones((40, 40)), halve=False)
    assert tensor.data_type == TensorProto.FLOAT and len(model.graph.node) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_damaged_weight_is_named(tmp_path: Path, value: float) -> None:
    with pytest.raises(ExportError, match=r"layer\.weight is not a number"):
        written(tmp_path, np.full((40, 40), value))
