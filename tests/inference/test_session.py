from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference import runtime
from inference.errors import Cancelled, EngineMemoryError, PackageError, ProviderError
from inference.graph_file import read_graph
from inference.provider import Provider
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.types import CancelToken

ROOT = Path(__file__).parents[2]
FLOAT, HALF, LONG = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
Port = tuple[str, int, list[Any]]


def save(
    path: Path, nodes: list[onnx.NodeProto], inputs: list[Port], outputs: list[Port], *weights: onnx.TensorProto
) -> Path:
    ports = ([helper.make_tensor_value_info(*port) for port in side] for side in (inputs, outputs))
    graph = helper.make_graph(nodes, "g", *ports, initializer=list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(path))
    return path


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """y = x + x for float32 (n, 2)."""
    nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    return save(tmp_path / "twice.onnx", nodes, [("x", FLOAT, ["n", 2])], [("y", FLOAT, ["n", 2])])


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A loop of `count` small matrix products, hours for a large count."""
    product = helper.make_node("MatMul", ["state", "state"], ["next"])
    keep = helper.make_node("Identity", ["condition"], ["go_on"])
    scalar, square = helper.make_tensor_value_info, [32, 32]
    body = helper.make_graph(
        [product, keep],
        "body",
        [scalar("i", LONG, []), scalar("condition", TensorProto.BOOL, []), scalar("state", FLOAT, square)],
        [scalar("go_on", TensorProto.BOOL, []), scalar("next", FLOAT, square)],
    )
    loop = helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)
    inputs: list[Port] = [("count", LONG, []), ("x", FLOAT, square)]
    return save(tmp_path / "endless.onnx", [loop], inputs, [("y", FLOAT, square)])


def test_a_graph_tells_its_inputs_and_outputs(twice: Path) -> None:
    with OnnxModel(twice, CPU) as model:
        (x,), (y,) = model.inputs, model.outputs
        assert (x.name, x.shape, x.dtype) == ("x", ("n", 2), np.float32)
        assert (y.name, y.shape, y.dtype) == ("y", ("n", 2), np.float32)
        (result,) = model.run({"x": np.ones((3, 2), np.float32), "not wanted": np.ones(1)})
        assert result.dtype == np.float32 and np.array_equal(result, np.full((3, 2), 2.0))


@pytest.mark.parametrize(
    ("kind", "given", "seen"),
    [
        (HALF, np.float64(0.5), np.float16(0.5)),
        (LONG, np.float32(998.7), np.int64(999)),
        (TensorProto.INT32, np.int64(7), np.int32(7)),
        (FLOAT, np.float64(946.42), np.float32(946.42)),
        (TensorProto.DOUBLE, np.float32(0.25), np.float64(0.25)),
    ],
)
def test_feeds_are_cast_and_a_scalar_stays_one(tmp_path: Path, kind: int, given: Any, seen: Any) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], [("x", kind, [])], [("y", kind, [])])
    with OnnxModel(path, CPU) as model:
        (result,) = model.run({"x": np.asarray(given)})
    assert result.shape == () and result.dtype == seen.dtype and result == seen


def test_arrays_in_any_order_in_memory(twice: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(2, 6).T[::3]
    with OnnxModel(twice, CPU) as model:
        assert np.array_equal(model.run({"x": array})[0], 2 * array)


def test_a_type_that_no_model_uses_is_refused(tmp_path: Path) -> None:
    kind = TensorProto.STRING
    path = save(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], [("x", kind, [])], [("y", kind, [])])
    with pytest.raises(PackageError, match=r"tensor\(string\)"):
        OnnxModel(path, CPU)


def test_a_cancelled_run_ends_soon_and_the_next_one_runs(endless: Path) -> None:
    cancel = CancelToken()
    feeds = {"x": np.zeros((32, 32), np.float32)}
    with OnnxModel(endless, CPU, threads=1) as model:
        timer = threading.Timer(0.2, cancel.cancel)
        timer.start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            model.run(feeds | {"count": np.array(10**12)}, cancel)
        assert time.monotonic() - start < 20
        timer.join()
        assert model.run(feeds | {"count": np.array(2)}, CancelToken())[0].shape == (32, 32)


def test_a_token_that_is_cancelled_already_runs_nothing(endless: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with OnnxModel(endless, CPU) as model, pytest.raises(Cancelled):
        model.run({"x": np.zeros((32, 32)), "count": np.array(10**12)}, cancel)


def test_a_token_is_left_as_it_was(twice: Path) -> None:
    cancel = CancelToken()
    with OnnxModel(twice, CPU) as model:
        model.run({"x": np.ones((1, 2))}, cancel)
    assert cancel._stoppers == []


def test_one_run_at_a_time_where_the_provider_wants_it(endless: Path) -> None:
    with OnnxModel(endless, replace(CPU, exclusive=True), threads=1) as model:
        first, second = CancelToken(), CancelToken()
        ended: list[str] = []

        def run(name: str, cancel: CancelToken, count: int) -> None:
            try:
                model.run({"x": np.zeros((32, 32)), "count": np.array(count)}, cancel)
            except Cancelled:
                name += " cancelled"
            ended.append(name)

        long = threading.Thread(target=run, args=("first", first, 10**12))
        long.start()
        while not first._stoppers:
            time.sleep(0.01)
        short = threading.Thread(target=run, args=("second", second, 1))
        short.start()
        short.join(0.3)
        assert ended == []
        first.cancel()
        long.join()
        short.join()
    assert ended == ["first cancelled", "second"]


def test_a_closed_model_cannot_run(twice: Path) -> None:
    model = OnnxModel(twice, CPU)
    model.close()
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        model.run({"x": np.ones((1, 2))})


@pytest.mark.parametrize("content", [None, b"", b"no graph", b"\x08\x08"])
def test_what_is_no_graph_is_a_package_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PackageError, match=r"m\.onnx .* again\.$") as caught:
        OnnxModel(path, CPU)
    assert "\n" not in str(caught.value) and "ONNXRuntimeError" not in str(caught.value)


def test_a_wrong_shape_is_a_package_error(twice: Path) -> None:
    with OnnxModel(twice, CPU) as model, pytest.raises(PackageError, match="twice"):
        model.run({"x": np.ones((1, 3))})


def test_an_operator_that_no_one_has_is_a_provider_error(tmp_path: Path) -> None:
    kind = TensorProto.DOUBLE
    path = save(tmp_path / "m.onnx", [helper.make_node("Acos", ["x"], ["y"])], [("x", kind, [2])], [("y", kind, [2])])
    with pytest.raises(ProviderError, match="choose another provider"):
        OnnxModel(path, CPU)


def test_no_memory_is_a_memory_error(tmp_path: Path) -> None:
    fill = helper.make_node("ConstantOfShape", ["shape"], ["y"])
    path = save(tmp_path / "m.onnx", [fill], [("shape", LONG, [2])], [("y", FLOAT, ["a", "b"])])
    with OnnxModel(path, CPU) as model, pytest.raises(EngineMemoryError, match="not enough memory"):
        model.run({"shape": np.array([2**21, 2**21])})


def test_a_provider_that_is_not_there_is_not_replaced_in_silence(
    twice: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProviderError, match="CUDAExecutionProvider"):
        OnnxModel(twice, replace(CPU, name="cuda", ort_name="CUDAExecutionProvider"))
    assert capfd.readouterr() == ("", "")


def test_a_provider_that_is_listed_but_does_not_start_is_told(twice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CUDA without its libraries: the runtime lists it, prints, and goes on with the processor."""
    module = runtime.runtime()
    real = module.InferenceSession

    def fall_back(path: str, **options: Any) -> Any:
        return real(path, **options | {"providers": ["CPUExecutionProvider"]})

    monkeypatch.setattr(module, "InferenceSession", fall_back)
    monkeypatch.setattr(module, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(ProviderError, match="does not start"):
        OnnxModel(twice, replace(CPU, name="cuda", ort_name="CUDAExecutionProvider"))


def test_dimensions_can_be_fixed(twice: Path) -> None:
    with OnnxModel(twice, CPU, dimensions={"n": 3}) as model:
        assert model.inputs[0].shape == (3, 2)
        with pytest.raises(PackageError):
            model.run({"x": np.ones((4, 2))})


def optimized(path: Path, provider: Provider = CPU) -> Path:
    """The graph as the runtime really runs it."""
    result = path.with_name("optimized.onnx")

    def tune(options: runtime.SessionOptions) -> None:
        options.optimized_model_filepath = str(result)

    OnnxModel(path, replace(provider, tune=tune)).close()
    return result


def test_float16_weights_are_widened_once_while_loading(tmp_path: Path) -> None:
    weight = np.random.RandomState(0).normal(0, 1, (64, 64)).astype(np.float16)
    nodes = [
        helper.make_node("Cast", ["w16"], ["w"], to=FLOAT),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Transpose", ["w"], ["w_t"]),
        helper.make_node("MatMul", ["h", "w_t"], ["y"]),
    ]
    shape = ["n", 64]
    stored = numpy_helper.from_array(weight, "w16")
    path = save(tmp_path / "m.onnx", nodes, [("x", FLOAT, shape)], [("y", FLOAT, shape)], stored)
    assert read_graph(path).precision == "fp16"
    running = read_graph(optimized(path))
    assert "Cast" not in running.operators and running.precision == "fp32"
    x = np.random.RandomState(1).normal(0, 1, (2, 64)).astype(np.float32)
    with OnnxModel(path, CPU) as model:
        wide = weight.astype(np.float32)
        assert np.allclose(model.run({"x": x})[0], x @ wide @ wide.T, atol=1e-3)


def test_no_cast_of_a_weight_is_left_in_a_whole_package(
    tmp_path: Path, write_tiny_package: Callable[..., Path]
) -> None:
    folder = write_tiny_package(tmp_path / "p", fp16=True)
    for part in ("unet", "vae_encoder", "vae_decoder"):
        path = folder / part / "model.onnx"
        assert read_graph(path).precision == "fp16"
        model = onnx.load(optimized(path))
        weights = {tensor.name for tensor in model.graph.initializer}
        assert not [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in weights]
        assert not [tensor for tensor in model.graph.initializer if tensor.data_type == HALF]


LOAD = """
import sys
from pathlib import Path
from inference.providers.cpu import PROVIDER
from inference.runtime import runtime
from inference.session import OnnxModel

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

runtime()
before = resident()
model = OnnxModel(Path(sys.argv[1]), PROVIDER, threads=1)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_loaded_graph_holds_its_weights_once(tmp_path: Path) -> None:
    """Neither the float16 originals nor the runtime's working copies stay."""
    shape, nodes, stored = (192, 192, 3, 3), list[onnx.NodeProto](), list[onnx.TensorProto]()
    for i in range(20):
        weight = np.random.RandomState(i).normal(0, 0.01, shape).astype(np.float16)
        stored.append(numpy_helper.from_array(weight, f"w{i}"))
        nodes.append(helper.make_node("Cast", [f"w{i}"], [f"wide{i}"], to=FLOAT))
        nodes.append(helper.make_node("Conv", [f"x{i}", f"wide{i}"], [f"x{i + 1}"], pads=[1, 1, 1, 1]))
    port = [1, 192, "h", "w"]
    path = save(tmp_path / "m.onnx", nodes, [("x0", FLOAT, port)], [("x20", FLOAT, port)], *stored)
    weights = 20 * 4 * int(np.prod(shape))
    child = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(child.stdout) < weights * 1.25 + (16 << 20)


def test_threads_follow_what_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    siblings = {0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda pid: {0, 1, 4, 5}, raising=False)
    monkeypatch.setattr(runtime, "_siblings", siblings.__getitem__)
    monkeypatch.setattr(runtime, "_quota", lambda: 64)
    assert runtime.cores() == 2
    assert CPU.session_options().intra_op_num_threads == 2
    assert CPU.session_options(threads=5).intra_op_num_threads == 5
    monkeypatch.setattr(runtime, "_quota", lambda: 1)
    assert runtime.cores() == 1
    monkeypatch.delattr(runtime.os, "sched_getaffinity")
    assert runtime.cores() == 0


@pytest.mark.parametrize(("text", "quota"), [("150000 100000", 2), ("max 100000", None), ("", None), ("5 0", None)])
def test_the_quota_of_a_container(monkeypatch: pytest.MonkeyPatch, text: str, quota: int | None) -> None:
    monkeypatch.setattr(runtime.Path, "read_text", lambda self: text)
    assert runtime._quota() == (quota or runtime.sys.maxsize)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), EngineMemoryError),
        (RuntimeError("... Failed to allocate memory for requested buffer of size 5"), EngineMemoryError),
        (RuntimeError("std::bad_alloc"), EngineMemoryError),
        (RuntimeError("Available memory of 1 is smaller than requested bytes of 2"), EngineMemoryError),
        (RuntimeError("CUDNN_STATUS_ALLOC_FAILED"), EngineMemoryError),
        (type("InvalidProtobuf", (Exception,), {})("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : bad"), PackageError),
        (type("EPFail", (Exception,), {})("[ONNXRuntimeError] : 11 : EP_FAIL : x\ny"), ProviderError),
        (RuntimeError("x" * 1000), ProviderError),
        (ValueError(), ProviderError),
    ],
)
def test_failures_in_our_words(error: Exception, kind: type[Exception]) -> None:
    ours = runtime.in_our_words(error, Path("folder/unet/model.onnx"), "cpu")
    assert type(ours) is kind
    assert "unet" in str(ours) and "\n" not in str(ours) and len(str(ours)) < 400 and str(ours).endswith(".")
    assert "ONNXRuntimeError" not in str(ours)


def test_no_runtime_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(runtime.importlib, "import_module", fail)
    with pytest.raises(ProviderError, match=r"palimpsest\[cpu\]"):
        runtime.runtime()
