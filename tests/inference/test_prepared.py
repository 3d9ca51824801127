"""Graphs that ONNX Runtime's processor finds prepared: the same numbers, made once, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference import kept, prepared
from inference.errors import EngineError, EngineMemoryError, PackageError
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel

SIZE = 16


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where prepared graphs go; small ones are worth it too."""
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(prepared, "LEAST_BYTES", 1000)
    yield tmp_path / "home" / "cache" / "made" / "onnxruntime"
    kept.settle()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What sessions were made of, by file name, or "bytes"."""
    seen, start = list[str](), OnnxModel._start

    def watched(self: OnnxModel, source: str | bytes, options: Any) -> Any:
        seen.append("bytes" if isinstance(source, bytes) else "/".join(Path(source).parts[-2:]))
        return start(self, source, options)

    monkeypatch.setattr(OnnxModel, "_start", watched)
    return seen


def graph(path: Path, external: str = "weights.bin") -> Path:
    """A convolution, a matrix product and a sum of float32 (batch, 16, height, width), weights stored as float16."""
    random = np.random.RandomState(0)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array((random.normal(0, 1, shape) / SIZE**0.5).astype(np.float16), name)

    weights = [weight("c", SIZE, SIZE, 3, 3), weight("m", SIZE, SIZE), weight("b", SIZE)]
    wide = [helper.make_node("Cast", [name], [f"{name}32"], to=TensorProto.FLOAT) for name in ("c", "m", "b")]
    nodes = [
        *wide,
        helper.make_node("Conv", ["x", "c32"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("Transpose", ["relu"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["last", "m32"], ["product"]),
        helper.make_node("Add", ["product", "b32"], ["y"]),
    ]
    sides = (("x", ["batch", SIZE, "height", "width"]), ("y", ["batch", "height", "width", SIZE]))
    ports = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in sides)
    model = helper.make_model(
        helper.make_graph(nodes, "g", *ports, initializer=weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    apart = {"save_as_external_data": True, "location": external, "size_threshold": 8} if external else {}
    onnx.save_model(model, str(path), **apart)
    return path


def run(path: Path, **how: Any) -> np.ndarray:
    x = np.random.RandomState(1).normal(0, 1, (2, SIZE, 8, 8)).astype(np.float32)
    with OnnxModel(path, CPU, **how) as model:
        (found,) = model.run({"x": x})
    kept.settle()
    return found


def plain(path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    with monkeypatch.context() as without:
        without.setattr(prepared, "LEAST_BYTES", 1 << 60)
        return run(path)


def lots(shelf: Path) -> list[Path]:
    return [path for path in shelf.iterdir() if path.is_dir()]


@pytest.mark.parametrize("external", ["weights.bin", ""])
@pytest.mark.parametrize("composed", [False, True], ids=["file", "bytes"])
def test_the_same_numbers_from_a_graph_that_is_made_once(
    tmp_path: Path, shelf: Path, starts: list[str], external: str, composed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = graph(tmp_path / "unet" / "model.onnx", external)
    wanted = plain(path, monkeypatch)
    data = path.read_bytes() if composed else None
    starts.clear()
    first = run(path, data=data)
    (lot,) = lots(shelf)
    own = "bytes" if composed else "unet/model.onnx"
    assert starts == [own, "wide/graph.onnx", f"{lot.name}.part/graph.onnx"]
    second = run(path, data=data)
    assert starts[3:] == [f"{lot.name}/graph.onnx"]
    assert np.array_equal(first, wanted) and np.array_equal(second, wanted)
    assert sorted(file.name for file in lot.iterdir()) == ["graph.onnx", "weights", "whole.json"]


def test_inputs_and_outputs_keep_their_names_and_sizes(tmp_path: Path) -> None:
    for _ in range(2):
        with OnnxModel(graph(tmp_path / "unet" / "model.onnx"), CPU) as model:
            (x,), (y,) = model.inputs, model.outputs
        assert (x.name, x.shape) == ("x", ("batch", SIZE, "height", "width"))
        assert (y.name, y.shape) == ("y", ("batch", "height", "width", SIZE))
        kept.settle()


def test_weights_lie_in_the_file_as_float32(tmp_path: Path, shelf: Path) -> None:
    run(graph(tmp_path / "unet" / "model.onnx"))
    (lot,) = lots(shelf)
    assert (lot / "weights").stat().st_size >= 4 * SIZE * (SIZE * 9 + SIZE)
    assert (lot / "graph.onnx").stat().st_size < 10_000


def test_fixed_sizes_another_graph_and_another_machine_have_their_own(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = graph(tmp_path / "unet" / "model.onnx")
    run(path)
    run(path, dimensions={"batch": 2, "height": 8, "width": 8})
    other = onnx.load(str(path), load_external_data=False)
    other.graph.name = "other"
    run(path, data=other.SerializeToString())
    assert len(lots(shelf)) == 3
    monkeypatch.setattr(prepared.cv2, "getCPUFeaturesLine", lambda: "SSE")
    run(path)
    assert len(lots(shelf)) == 4


@pytest.mark.parametrize("name", ["graph.onnx", "weights"])
def test_a_damaged_one_is_made_again(
    tmp_path: Path, shelf: Path, name: str, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = graph(tmp_path / "unet" / "model.onnx")
    wanted = plain(path, monkeypatch)
    run(path)
    (lot,) = lots(shelf)
    whole = (lot / name).read_bytes()
    (lot / name).write_bytes(whole[:-1])
    starts.clear()
    assert np.array_equal(run(path), wanted) and len(starts) == 3
    if name == "graph.onnx":  # of the same length, so that only the runtime sees it
        (lot / name).write_bytes(bytes(len(whole)))
        assert np.array_equal(run(path), wanted)


@pytest.mark.parametrize("trouble", ["full", "refused"])
def test_without_room_a_model_runs_all_the_same(
    tmp_path: Path, shelf: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = graph(tmp_path / "unet" / "model.onnx")
    wanted = plain(path, monkeypatch)
    if trouble == "full":
        monkeypatch.setattr(kept, "SPARE_BYTES", 1 << 60)
    else:
        shelf.parent.mkdir(parents=True)
        shelf.write_bytes(b"a file where the folder would be")
    assert np.array_equal(run(path), wanted)
    assert not shelf.is_dir() or lots(shelf) == []


def test_no_memory_is_told_and_not_tried_again(
    tmp_path: Path, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = graph(tmp_path / "unet" / "model.onnx")
    run(path)
    starts.clear()
    start = OnnxModel._start

    def full(self: OnnxModel, source: str | bytes, options: Any) -> Any:
        start(self, source, options)
        raise EngineMemoryError("There is not enough memory.")

    monkeypatch.setattr(OnnxModel, "_start", full)
    with pytest.raises(EngineMemoryError):
        OnnxModel(path, CPU)
    assert len(starts) == 1


def test_what_is_wrong_with_a_graph_is_told_as_ever(tmp_path: Path, shelf: Path) -> None:
    path = graph(tmp_path / "unet" / "model.onnx")
    (path.parent / "weights.bin").write_bytes(bytes(1000))  # fewer than there should be
    with pytest.raises(EngineError, match="unet"):
        OnnxModel(path, CPU)
    (path.parent / "weights.bin").unlink()
    with pytest.raises(EngineError, match="unet"):
        OnnxModel(path, CPU)
    path.write_bytes(b"no graph")
    with pytest.raises(PackageError, match=r"model\.onnx .* again\.$"):
        OnnxModel(path, CPU)
    assert not shelf.exists() or lots(shelf) == []


def test_a_small_model_leaves_nothing_on_the_disk(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(graph(tmp_path / "unet" / "model.onnx"), monkeypatch)
    assert not shelf.exists()
