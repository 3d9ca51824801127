from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from inference.errors import PackageError
from inference.onnx_nodes import read_nodes
from inference.onnx_write import FLOAT, FLOAT16
from inference.shallow import DEEP, cut, shallow, with_deep_output
from tests.training.tiny_model import export_tiny

SHAPE = (3, 8, 16, 24)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (export_tiny(tmp_path_factory.getbasetemp()).folder / "unet" / "model.onnx").read_bytes()


@pytest.fixture(scope="module")
def tiny_half(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Weights stored as float16 behind Cast nodes."""
    return (export_tiny(tmp_path_factory.getbasetemp(), "fp16").folder / "unet" / "model.onnx").read_bytes()


def feeds(data: bytes) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    text = onnx.load_from_string(data).graph.input[2].type.tensor_type.shape.dim[2].dim_value
    return {
        "sample": rng.standard_normal(SHAPE, np.float32),
        "timestep": np.array(321.5, np.float32),
        "encoder_hidden_states": rng.standard_normal((SHAPE[0], 32, text), np.float32),
    }


def run(data: bytes, values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # it warns of inputs that nothing reads
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {port.name: values[port.name] for port in session.get_inputs()})


def optimized(data: bytes, folder: Path) -> bytes:
    """As ONNX Runtime would compute it: nodes are fused and renamed."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return (folder / "optimized.onnx").read_bytes()


def check(data: bytes, depth: int, tolerance: float = 1e-5) -> None:
    """The shallow graph gives the whole one's answer, and takes its deep features alone from elsewhere."""
    found = cut(data, depth)
    assert found is not None
    values = feeds(data)
    (plain,) = run(data, values)
    answer, deep = run(with_deep_output(data, found), values)
    np.testing.assert_array_equal(answer, plain)
    assert found.channels in (None, deep.shape[1])
    (again,) = run(shallow(data, found), {**values, DEEP: deep})
    assert np.abs(again - plain).max() < tolerance * np.abs(plain).max()
    (other,) = run(shallow(data, found), {**values, DEEP: np.zeros_like(deep)})
    assert np.abs(other - plain).max() > 0.01 * np.abs(plain).max()
    (later,) = run(shallow(data, found), {**values, "sample": -values["sample"], DEEP: deep})
    assert np.abs(later - plain).max() > 0.01 * np.abs(plain).max()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_shallow_with_the_deep_features_is_the_whole(tiny: bytes, depth: int) -> None:
    check(tiny, depth)


def test_weights_behind_casts(tiny_half: bytes) -> None:
    check(tiny_half, 2)
    found = cut(tiny_half)
    assert found is not None and found.element == FLOAT


def test_a_graph_that_was_fused(tiny: bytes, tmp_path: Path) -> None:
    data = optimized(tiny, tmp_path)
    assert len(read_nodes(data).nodes) < len(read_nodes(tiny).nodes)
    check(data, 1, 1e-4)


def test_names_do_not_matter(tiny: bytes) -> None:
    model = onnx.load_from_string(tiny)
    ports = {port.name for port in (*model.graph.input, *model.graph.output)}
    for number, node in enumerate(model.graph.node):
        node.name = f"n{number}"
        for names in (node.input, node.output):
            names[:] = [name if name in ports or not name else f"t{name[::-1]}" for name in names]
    for weight in model.graph.initializer:
        weight.name = f"t{weight.name[::-1]}"
    check(model.SerializeToString(), 1)


def test_where_the_tiny_model_is_cut(tiny: bytes) -> None:
    found, deeper, lower = cut(tiny, 1), cut(tiny), cut(tiny, 3)
    assert found is not None and deeper is not None and lower is not None
    assert found.tensor == "/up_blocks.2/resnets.0/Div_1_output_0"
    assert found.shape == ("batch_size", 16, "height", "width")
    assert deeper.shape == ("batch_size", 24, "height", "width")
    assert lower.shape == ("batch_size", 24, "deep_height", "deep_width")
    assert found.element == FLOAT


def test_the_shallow_graph_is_small_and_keeps_the_inputs(tiny: bytes) -> None:
    found = cut(tiny)
    assert found is not None
    part = onnx.load_from_string(shallow(tiny, found))
    onnx.checker.check_model(part)
    assert [port.name for port in part.graph.input] == ["sample", "timestep", "encoder_hidden_states", DEEP]
    assert [port.name for port in part.graph.output] == ["out_sample"]
    weights = {weight.name for weight in part.graph.initializer}
    assert weights == weights & {name for node in part.graph.node for name in node.input}
    assert not any("down_blocks.1" in name for name in weights)


def test_the_whole_graph_stays_valid(tiny: bytes) -> None:
    found = cut(tiny)
    assert found is not None
    whole = onnx.load_from_string(with_deep_output(tiny, found))
    onnx.checker.check_model(whole, full_check=True)
    assert [port.name for port in whole.graph.output] == ["out_sample", DEEP]


def small_unet(half: bool, last: bool = False) -> bytes:
    """conv_in, a deep part, and a Concat of both; computed in float16 or laid out channels last for a test."""
    kind = onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT
    make = onnx.helper.make_node
    weights = {"w_in": (4, 8, 3, 3), "w_deep": (6, 4, 3, 3), "w_out": (4, 10, 1, 1)}
    type_of = np.float16 if half else np.float32
    rng = np.random.default_rng(0)
    tensors = [
        onnx.numpy_helper.from_array(rng.standard_normal(shape).astype(type_of), name)
        for name, shape in weights.items()
    ]
    nodes = [
        make("Cast", ["sample"], ["x"], to=kind),
        make("Conv", ["x", "w_in"], ["skip"], pads=[1, 1, 1, 1]),
        make("Conv", ["skip", "w_deep"], ["hidden"], pads=[1, 1, 1, 1]),
        make("Transpose", ["hidden"], ["hidden_last"], perm=[0, 2, 3, 1]),
        make("Transpose", ["skip"], ["skip_last"], perm=[0, 2, 3, 1]),
        make("Concat", ["hidden_last", "skip_last"], ["joined_last"], axis=-1),
        make("Transpose", ["joined_last"], ["turned"], perm=[0, 3, 1, 2]),
        make("Concat", ["hidden", "skip"], ["joined"], axis=1),
        make("Conv", ["turned" if last else "joined", "w_out"], ["y"]),
        make("Cast", ["y"], ["out_sample"], to=onnx.TensorProto.FLOAT),
    ]
    if last:
        nodes.pop(7)
    else:
        nodes[3:7] = []
    port = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [port("sample", onnx.TensorProto.FLOAT, ["n", 8, "h", "w"])],
        [port("out_sample", onnx.TensorProto.FLOAT, ["n", 4, "h", "w"])],
        tensors,
    )
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def test_features_keep_the_type_they_are_computed_in() -> None:
    data = small_unet(half=True)
    found = cut(data)
    assert found is not None
    assert (found.tensor, found.element, found.shape) == ("hidden", FLOAT16, ("n", 6, "h", "w"))
    sample = np.random.default_rng(1).standard_normal((2, 8, 5, 7), np.float32)
    answer, deep = run(with_deep_output(data, found), {"sample": sample})
    assert deep.dtype == np.float16
    (again,) = run(shallow(data, found), {"sample": sample, DEEP: deep})
    # On the processor the runtime leaves out roundings to float16 in between.
    assert np.abs(again - answer).max() < 2e-3 * np.abs(answer).max()


def test_channels_last() -> None:
    data = small_unet(half=False, last=True)
    found = cut(data)
    assert found is not None
    assert (found.tensor, found.shape[:3]) == ("hidden_last", ("n", "h", "w"))
    sample = np.random.default_rng(1).standard_normal((2, 8, 5, 7), np.float32)
    answer, deep = run(with_deep_output(data, found), {"sample": sample})
    assert deep.shape == (2, 5, 7, 6)
    (again,) = run(shallow(data, found), {"sample": sample, DEEP: deep})
    np.testing.assert_array_equal(again, answer)


def test_a_graph_without_a_way_around_is_not_cut() -> None:
    model = onnx.load_from_string(small_unet(half=False))
    model.graph.node[3].input[:] = ["hidden", "hidden"]
    assert cut(model.SerializeToString()) is None


def test_a_graph_with_one_way_around_is_cut_there() -> None:
    assert cut(small_unet(half=False)) == cut(small_unet(half=False), depth=1)


def test_damaged_bytes_are_refused_in_words(tiny: bytes) -> None:
    for data in (tiny[:-100], b"\xff" * 64, b""):
        with pytest.raises(PackageError, match="no ONNX model"):
            cut(data)


@pytest.mark.slow
def test_the_full_size_model() -> None:
    folder = os.environ.get("PALIMPSEST_FULL_SIZE")
    if not folder:
        pytest.skip("PALIMPSEST_FULL_SIZE names no package folder of the full-size model.")
    unet = Path(folder) / "unet"
    data = (unet / "model.onnx").read_bytes()
    found = cut(data)
    assert found is not None and found.channels == 320
    rng = np.random.default_rng(0)
    values = {
        "sample": rng.standard_normal((1, 8, 32, 32), np.float32),
        "timestep": np.array(500, np.float32),
        "encoder_hidden_states": rng.standard_normal((1, 77, 768), np.float32),
    }
    answer, deep = run_beside(unet, with_deep_output(data, found), values)
    (again,) = run_beside(unet, shallow(data, found), {**values, DEEP: deep})
    assert np.abs(again - answer).max() < 1e-5 * np.abs(answer).max()


def run_beside(folder: Path, data: bytes, values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The graph with its weights in the file of `folder`."""
    options = ort.SessionOptions()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {port.name: values[port.name] for port in session.get_inputs()})
