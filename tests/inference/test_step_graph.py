from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from inference.errors import Cancelled, PackageError
from inference.graph_file import parse_graph
from inference.guidance import branches
from inference.guided_step import GuidedStepper, Shape
from inference.models import Models
from inference.package import open_package
from inference.pipeline import Asked, Row
from inference.providers.cpu import PROVIDER as CPU
from inference.step_graph import compose_step
from inference.types import CancelToken
from tests.inference.reference import ReferenceStepper

Writer = Callable[..., Path]
ROWS = (Row(946.42, 0.9, 0.3, 0.0, 0.0, 1.25, -0.75), Row(10.4, 0.5, 0.7, -0.2, 0.4, 1.1, -0.4))
TOLERANCE = 2e-6


def asked(count: int = 3, channels: int = 4, length: int = 16, width: int = 8) -> Asked:
    random = np.random.default_rng(count)
    used = branches(*{3: (7.5, 1.5), 2: (7.5, 1.0), 1: (1.0, 1.0)}[count])
    images = random.normal(0, 1, (count, channels, 6, 4)).astype(np.float32)
    return Asked(used, images, random.normal(0, 1, (count, length, width)).astype(np.float32))


def normal(seed: int, variants: int = 1, channels: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (variants, channels, 6, 4)).astype(np.float32)


def plain(path: Path) -> Callable[[np.ndarray, float, np.ndarray], np.ndarray]:
    """The UNet itself, fed as its graph declares."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}
    sample, timestep, text = session.get_inputs()

    def predict(x: np.ndarray, time: float, c: np.ndarray) -> np.ndarray:
        whole = timestep.type == "tensor(int64)"
        shape = [size if isinstance(size, int) else len(x) for size in timestep.shape]
        feeds = {
            sample.name: x.astype(kinds[sample.type]),
            timestep.name: np.full(shape, round(time) if whole else time, kinds[timestep.type]),
            text.name: c.astype(kinds[text.type]),
        }
        return session.run(None, feeds)[0].astype(np.float32)

    return predict


def stepped(stepper: Any, question: Asked, latents: np.ndarray) -> list[np.ndarray]:
    """The latents and estimates after each of `ROWS`."""
    found: list[np.ndarray] = []
    stepper.begin(latents, len(ROWS))
    for number, row in enumerate(ROWS):
        noise = normal(9, *latents.shape[:2]) if row.d else None
        now, estimate = stepper.step(question, row, noise, True, CancelToken())
        found += [now, estimate.numpy()]
        assert number == 0 or not np.array_equal(now, latents)
    return found


def assert_alike(folder: Path, question: Asked, latents: np.ndarray, tolerance: float = TOLERANCE) -> None:
    models = Models(open_package(folder), CPU)
    found = stepped(models.stepper(), question, latents)
    models.close()
    wanted = stepped(ReferenceStepper(plain(folder / "unet/model.onnx")), question, latents)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=tolerance * np.abs(other).max())


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("variants", [1, 3])
def test_the_graph_is_the_formula(tiny_package: Path, count: int, variants: int) -> None:
    assert_alike(tiny_package, asked(count), normal(1, variants))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("kind", ["float32", "int64"])
def test_timesteps_of_every_rank_and_type(tmp_path: Path, write_tiny_package: Writer, rank: int, kind: str) -> None:
    folder = write_tiny_package(tmp_path / "p", timestep_rank=rank, timestep_type=kind)
    assert_alike(folder, asked(), normal(1))


def test_half_precision_inputs_and_other_channels(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", latent_channels=8, io_type="float16")
    # The sum over branches widens the rounding of float16 by the weights of guidance.
    assert_alike(folder, asked(channels=8), normal(1, channels=8), tolerance=1e-2)


def rewrite(folder: Path, change: Callable[[onnx.ModelProto], Any]) -> Path:
    path = folder / "unet/model.onnx"
    model = onnx.load(path)
    onnx.save_model(change(model) or model, str(path))
    (folder / "manifest.json").unlink(missing_ok=True)  # it vouches for the graph as it was
    return folder


def test_inputs_of_other_names_are_found_by_rank(tiny_package: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        names = {"sample": "x", "timestep": "t", "encoder_hidden_states": "c"}
        for port in model.graph.input:
            port.name = names[port.name]
        for node in model.graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]

    assert_alike(rewrite(tiny_package, change), asked(), normal(1))


def test_a_batch_of_timesteps_that_the_graph_fixes(tmp_path: Path, write_tiny_package: Writer) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[1].type.tensor_type.shape.dim[0].dim_value = 1

    assert_alike(rewrite(write_tiny_package(tmp_path / "p", timestep_rank=1), change), asked(), normal(1))


def test_old_operators(tiny_package: Path) -> None:
    """Before opset 13 a sum takes its axes as an attribute."""

    def change(_: onnx.ModelProto) -> onnx.ModelProto:
        kinds = {"sample": (1, ["n", 8, "h", "w"]), "timestep": (1, []), "encoder_hidden_states": (1, ["n", 16, 8])}
        inputs = [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()]
        output = helper.make_tensor_value_info("out_sample", 1, ["n", 4, "h", "w"])
        nodes = [
            helper.make_node("Split", ["sample"], ["x", "image"], axis=1),
            helper.make_node("ReduceMean", ["encoder_hidden_states"], ["said"], axes=[1, 2], keepdims=1),
            helper.make_node("Unsqueeze", ["said"], ["word"], axes=[3]),
            helper.make_node("Sin", ["timestep"], ["time"]),
            helper.make_node("Sum", ["x", "image", "word", "time"], ["all"]),
            helper.make_node("Tanh", ["all"], ["out_sample"]),
        ]
        graph = helper.make_graph(nodes, "old", inputs, [output])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)

    assert_alike(rewrite(tiny_package, change), asked(), normal(1))


def composed(folder: Path) -> onnx.ModelProto:
    path = folder / "unet/model.onnx"
    data = path.read_bytes()
    package = open_package(folder)
    step = compose_step(parse_graph(path, memoryview(data)), data, package.latent_channels, package.image_channels)
    return onnx.load_from_string(step)


def test_it_is_a_valid_graph_with_the_same_weights(tiny_package: Path) -> None:
    model, plain_model = composed(tiny_package), onnx.load(tiny_package / "unet/model.onnx")
    onnx.checker.check_model(model, full_check=True)
    own = {weight.name: weight for weight in model.graph.initializer}
    assert all(own[weight.name] == weight for weight in plain_model.graph.initializer)
    assert [port.name for port in model.graph.output] == ["step.next", "step.estimate"]


def test_weights_in_a_file_of_their_own_are_found(tiny_package: Path) -> None:
    wanted = stepped(ReferenceStepper(plain(tiny_package / "unet/model.onnx")), asked(), normal(1))
    path = tiny_package / "unet/model.onnx"
    onnx.save_model(onnx.load(path), str(path), save_as_external_data=True, location="w.onnx_data", size_threshold=1024)
    (tiny_package / "manifest.json").unlink(missing_ok=True)
    models = Models(open_package(tiny_package), CPU)
    np.testing.assert_allclose(stepped(models.stepper(), asked(), normal(1))[-1], wanted[-1], atol=1e-4)
    models.close()


def test_what_wants_more_or_less_is_refused(tiny_package: Path) -> None:
    data = (tiny_package / "vae_decoder/model.onnx").read_bytes()
    graph = parse_graph(tiny_package, memoryview(data))
    with pytest.raises(PackageError, match="timestep"):
        compose_step(graph, data, 4, 4)

    def change(model: onnx.ModelProto) -> None:
        model.graph.input.append(helper.make_tensor_value_info("time_ids", onnx.TensorProto.FLOAT, [1]))

    with pytest.raises(PackageError, match="time_ids"):
        composed(rewrite(tiny_package, change))


def test_cancelling(tiny_package: Path) -> None:
    models, cancel = Models(open_package(tiny_package), CPU), CancelToken()
    stepper = models.stepper()
    stepper.begin(normal(1), 1)
    cancel.cancel()
    with pytest.raises(Cancelled):
        stepper.step(asked(), ROWS[0], None, True, cancel)
    models.close()


def test_a_step_that_reuses_what_has_not_changed_is_a_whole_one(tmp_path: Path) -> None:
    """With the deep features of the very same input the shallow graph gives what the whole one gives."""
    from tests.training.tiny_model import export_tiny

    package = open_package(export_tiny(tmp_path).folder)
    models = Models(package, CPU)
    question = asked(length=package.text_length, width=32)
    question = replace(question, images=np.random.default_rng(1).normal(0, 1, (3, 4, 8, 8)).astype(np.float32))
    latents = np.random.default_rng(2).normal(0, 1, (2, 4, 8, 8)).astype(np.float32)
    stays = replace(ROWS[0], a=1.0, b=0.0)  # the latent after the step is the one before it
    stepper = models.stepper(reuses=True)
    stepper.begin(latents, 2)
    _, whole = stepper.step(question, stays, None, True, CancelToken())
    wanted = whole.numpy()
    _, shallow = stepper.step(question, stays, None, False, CancelToken())
    np.testing.assert_allclose(shallow.numpy(), wanted, atol=1e-5)
    models.close()


@pytest.mark.parametrize("sizes", [(1, 3, 6, 4), (2, 1, 6, 4)])
def test_every_dimension_can_be_fixed(tiny_package: Path, sizes: Sequence[int]) -> None:
    models = Models(open_package(tiny_package), replace(CPU, static=True))
    question, latents = asked(sizes[1]), normal(1, sizes[0])
    found = stepped(GuidedStepper(models.bind), question, latents)
    models.close()
    wanted = stepped(ReferenceStepper(plain(tiny_package / "unet/model.onnx")), question, latents)
    np.testing.assert_allclose(found[-1], wanted[-1], atol=1e-4)
    assert Shape(*sizes).part == "whole"
