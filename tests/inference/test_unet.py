from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from inference.errors import Cancelled, PackageError
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.types import CancelToken
from inference.unet import UNet

Writer = Callable[..., Path]


def inputs(count: int = 3, channels: int = 8) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    sample = random.normal(0, 1, (count, channels, 6, 4)).astype(np.float32)
    return sample, random.normal(0, 1, (count, 16, 8)).astype(np.float32)


@pytest.fixture
def predict(tmp_path: Path, write_tiny_package: Writer) -> Callable[..., np.ndarray]:
    def run(*arguments: Any, **options: Any) -> np.ndarray:
        folder = write_tiny_package(tmp_path / "_".join(map(str, options.values())), **options)
        with OnnxModel(folder / "unet/model.onnx", CPU) as model:
            return UNet(model).predict(*arguments)

    return run


def test_a_scalar_and_a_vector_timestep_mean_the_same(predict: Callable[..., np.ndarray]) -> None:
    sample, text = inputs()
    scalar = predict(sample, 946.42, text, timestep_rank=0)
    vector = predict(sample, 946.42, text, timestep_rank=1)
    assert scalar.shape == (3, 4, 6, 4) and scalar.dtype == np.float32
    assert np.array_equal(scalar, vector)


def test_the_timestep_stays_fractional_where_the_graph_takes_fractions(predict: Callable[..., np.ndarray]) -> None:
    sample, text = inputs()
    exact = predict(sample, 10.4, text, timestep_type="float32")
    assert not np.allclose(exact, predict(sample, 10.0, text, timestep_type="float32"), rtol=1e-3)
    assert np.array_equal(
        predict(sample, 10.4, text, timestep_type="int64"), predict(sample, 10.0, text, timestep_type="float32")
    )


def test_other_types_and_channels(predict: Callable[..., np.ndarray]) -> None:
    sample, text = inputs(channels=16)
    wide = predict(sample, 500.5, text, latent_channels=8)
    half = predict(sample, 500.5, text, latent_channels=8, io_type="float16")
    assert wide.shape == half.shape == (3, 8, 6, 4) and half.dtype == np.float32
    assert np.allclose(wide, half, atol=0.05)


def test_one_text_serves_the_whole_batch(predict: Callable[..., np.ndarray]) -> None:
    sample, text = inputs()
    one = predict(sample, 1.5, text[:1], timestep_rank=1)
    assert np.array_equal(one, predict(sample, 1.5, text[[0, 0, 0]], timestep_rank=1))


def rename(folder: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    path = folder / "unet/model.onnx"
    model = onnx.load(path)
    change(model)
    onnx.save_model(model, str(path))
    return path


def test_inputs_of_other_names_are_found_by_rank(tiny_package: Path) -> None:
    sample, text = inputs()
    with OnnxModel(tiny_package / "unet/model.onnx", CPU) as model:
        wanted = UNet(model).predict(sample, 3.0, text)

    def change(model: onnx.ModelProto) -> None:
        names = {"sample": "x", "timestep": "t", "encoder_hidden_states": "c"}
        for port in model.graph.input:
            port.name = names[port.name]
        for node in model.graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]

    with OnnxModel(rename(tiny_package, change), CPU) as model:
        assert np.array_equal(UNet(model).predict(sample, 3.0, text), wanted)


def test_a_batch_of_timesteps_that_the_graph_fixes(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", timestep_rank=1)
    sample, text = inputs()
    with OnnxModel(folder / "unet/model.onnx", CPU) as model:
        wanted = UNet(model).predict(sample, 3.0, text)

    def change(model: onnx.ModelProto) -> None:
        model.graph.input[1].type.tensor_type.shape.dim[0].dim_value = 1

    with OnnxModel(rename(folder, change), CPU) as model:
        assert np.array_equal(UNet(model).predict(sample, 3.0, text), wanted)


def test_what_wants_more_or_less_is_refused(tiny_package: Path) -> None:
    with (
        OnnxModel(tiny_package / "vae_decoder/model.onnx", CPU) as model,
        pytest.raises(PackageError, match="timestep"),
    ):
        UNet(model)

    def change(model: onnx.ModelProto) -> None:
        model.graph.input.append(onnx.helper.make_tensor_value_info("time_ids", onnx.TensorProto.FLOAT, ["n", 6]))

    with OnnxModel(rename(tiny_package, change), CPU) as model, pytest.raises(PackageError, match="time_ids"):
        UNet(model)


def test_cancelling(tiny_package: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    sample, text = inputs()
    with OnnxModel(tiny_package / "unet/model.onnx", CPU) as model, pytest.raises(Cancelled):
        UNet(model).predict(sample, 1.0, text, cancel)
