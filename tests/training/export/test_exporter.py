"""A tiny model goes through the whole exporter; the package computes what torch computes, at any size."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from inference.package import Dials, open_package, verify_package
from inference.types import CancelToken
from training.export import component
from training.export.agreement import Parity
from training.export.components import COMPONENTS, trace, traceable
from training.export.errors import ExportCancelled, ExportError, ExportTargetError
from training.export.exporter import ExportReport, export_package
from training.export.load import load_pipeline, open_source, put_weights
from training.export.quiet import quiet
from training.export.skeleton import Skeleton

WANTED: dict[str, Any] = {
    "name": "tiny",
    "licence": "MIT",
    "precision": "fp32",
    "dials": Dials(),
    "instructions": (),
}


@pytest.fixture(scope="module")
def pipeline(full: ExportReport) -> Any:
    return load_pipeline(full.folder.parent / "tiny-source")


def session(folder: Path, component: str, optimised: Path | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    file = folder / component / "model.onnx"
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def graph(report: ExportReport, component: str) -> onnx.ModelProto:
    return onnx.load(str(report.folder / component / "model.onnx"))


def test_the_package_is_whole_and_opens(full: ExportReport) -> None:
    package = open_package(full.folder)
    verify_package(package)
    assert (package.name, package.licence, package.precision) == ("tiny-fp32", "MIT", "fp32")
    assert package.dials == Dials(steps=4, text_scale=3.0, image_scale=1.5, sampler="euler", size=64)
    assert package.instructions == ("make it black and white",)
    assert (package.latent_channels, package.image_channels, package.factor, package.multiple) == (4, 4, 4, 16)
    assert (package.scaling_factor, package.text_length, package.prediction_type) == (0.7, 32, "epsilon")
    assert full.sha256 == package.sha256


def test_the_files_are_those_that_other_tools_read(full: ExportReport) -> None:
    files = {file.relative_to(full.folder).as_posix() for file in full.folder.rglob("*") if file.is_file()}
    tokenizer = ("merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json")
    assert files == {
        "manifest.json",
        "model_index.json",
        "parity.json",
        "scheduler/scheduler_config.json",
        *(f"{component}/{name}" for component in COMPONENTS for name in ("config.json", "model.onnx")),
        *(f"tokenizer/{name}" for name in tokenizer),
    }
    home = str(full.folder.parent)
    assert not any(home in file.read_text("utf-8") for file in full.folder.rglob("*.json"))


def test_the_scheduler_is_the_models_own(full: ExportReport, pipeline: Any) -> None:
    found = json.loads((full.folder / "scheduler" / "scheduler_config.json").read_text())
    for key in ("beta_start", "beta_end", "beta_schedule", "prediction_type", "steps_offset", "set_alpha_to_one"):
        assert found[key] == pipeline.scheduler.config[key]


def test_the_report_says_how_far_each_graph_is_from_torch(full: ExportReport, half: ExportReport) -> None:
    assert [parity.component for parity in full.parity] == list(COMPONENTS)
    assert all(parity.relative < 2e-5 for parity in full.parity)
    assert all(1e-5 < parity.relative < 1e-2 for parity in half.parity)
    assert all(len(set(parity.sizes)) == 2 for parity in full.parity)
    assert set(full.seconds) >= {"load", "unet", "unet parity", "manifest"}
    assert full.sizes["unet"] > 1_000_000


@pytest.mark.parametrize("component", COMPONENTS)
def test_graphs_load_in_older_runtimes_and_stay_float32_outside(half: ExportReport, component: str) -> None:
    model = graph(half, component)
    onnx.checker.check_model(model)
    assert model.ir_version == 8
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    types = [value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)]
    allowed = {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64} if component == "text_encoder" else {1}
    assert set(types) <= allowed


def test_the_timestep_is_a_float_without_dimensions(full: ExportReport) -> None:
    timestep = next(value for value in graph(full, "unet").graph.input if value.name == "timestep")
    assert timestep.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert len(timestep.type.tensor_type.shape.dim) == 0
    unet = session(full.folder, "unet")
    rng = np.random.default_rng(0)
    feeds = {"sample": normal(rng, 1, 8, 8, 8), "encoder_hidden_states": normal(rng, 1, 32, 32)}
    near, far = (unet.run(None, {**feeds, "timestep": np.array(t, np.float32)})[0] for t in (946.0, 946.42))
    assert np.abs(near - far).max() > 1e-6  # an integer input would make the two the same


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 32, 32), (2, 48, 32), (3, 24, 40)])
@torch.no_grad()
def test_every_size_and_batch_gives_what_torch_gives(
    full: ExportReport, pipeline: Any, batch: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(batch)
    time = np.array(321.7, np.float32)
    noisy, image = normal(rng, batch, 8, height, width), normal(rng, batch, 3, 4 * height, 4 * width)
    text, ids = normal(rng, batch, 20 + batch, 32), rng.integers(0, 500, (batch, 32))
    latent = np.ascontiguousarray(noisy[:, :4])
    tensors = [torch.from_numpy(value) for value in (noisy, time, text, image, latent, ids)]
    wanted = {
        "unet": pipeline.unet(*tensors[:3]).sample,
        "vae_encoder": pipeline.vae.encode(tensors[3]).latent_dist.parameters,
        "vae_decoder": pipeline.vae.decode(tensors[4]).sample,
        "text_encoder": pipeline.text_encoder(tensors[5]).last_hidden_state,
    }
    feeds = {
        "unet": {"sample": noisy, "timestep": time, "encoder_hidden_states": text},
        "vae_encoder": {"sample": image},
        "vae_decoder": {"latent_sample": latent},
        "text_encoder": {"input_ids": ids},
    }
    for name, reference in wanted.items():
        found = session(full.folder, name).run(None, feeds[name])[0]
        np.testing.assert_allclose(found, reference.numpy(), rtol=0, atol=1e-4, err_msg=name)


@torch.no_grad()
def test_the_encoder_gives_the_mode_and_the_same_twice(full: ExportReport, pipeline: Any) -> None:
    image = normal(np.random.default_rng(1), 1, 3, 32, 32)
    encoder = session(full.folder, "vae_encoder")
    first, second = (encoder.run(None, {"sample": image})[0] for _ in range(2))
    assert (first == second).all()
    mode = pipeline.vae.encode(torch.from_numpy(image)).latent_dist.mode().numpy()
    np.testing.assert_allclose(first[:, : mode.shape[1]], mode, atol=1e-5)


def test_fp16_is_storage_alone_and_half_as_large(full: ExportReport, half: ExportReport, tmp_path: Path) -> None:
    operators: list[Counter[str]] = []
    for report in (full, half):
        session(report.folder, "unet", tmp_path / report.precision)
        operators.append(Counter(node.op_type for node in onnx.load(str(tmp_path / report.precision)).graph.node))
    assert operators[0] == operators[1]
    large, small = (
        sum(len(weight.raw_data) for weight in graph(report, "unet").graph.initializer) for report in (full, half)
    )
    assert small < 0.55 * large


def test_tracing_the_same_weights_gives_the_same_bytes(full: ExportReport) -> None:
    loaded = load_pipeline(full.folder.parent / "tiny-source")
    parts = traceable(loaded)
    first, second = (trace("vae_decoder", *parts["vae_decoder"], 32) for _ in range(2))
    assert first.model.SerializeToString() == second.model.SerializeToString() and first.origins == second.origins


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_graph_is_what_optimum_exports_with_all_weights(
    full: ExportReport, pipeline: Any, component: str, tmp_path: Path
) -> None:
    from optimum.exporters.onnx.convert import export

    module, config = traceable(pipeline)[component]
    shapes = {"sequence_length": 32, "height": 16, "width": 16}
    source = open_source(full.folder.parent / "tiny-source")
    put_weights(module, source.weights["vae" if component.startswith("vae") else component])
    with quiet():
        export(module, config, tmp_path / "model.onnx", opset=17, input_shapes=shapes)
    wanted, found = onnx.load(str(tmp_path / "model.onnx")), graph(full, component)
    # Equal weights, such as biases of zeros, are one weight and its copies there; here they are not known to be equal.
    operators = [[node.op_type for node in each.graph.node if node.op_type != "Identity"] for each in (found, wanted)]
    assert operators[0] == operators[1]
    assert [shape_of(value) for value in found.graph.output] == [shape_of(value) for value in wanted.graph.output]
    values = {weight.raw_data for weight in wanted.graph.initializer}
    assert {weight.raw_data for weight in found.graph.initializer} == values


def shape_of(value: onnx.ValueInfoProto) -> tuple[str, list[str | int]]:
    return value.name, [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]


def test_the_upsampling_of_an_odd_sized_unet_is_not_written_in(full: ExportReport) -> None:
    loaded = load_pipeline(full.folder.parent / "tiny-source")
    loaded.unet.register_to_config(sample_size=9)
    assert traceable(loaded)["unet"][0].config.sample_size == 16


def test_progress_rises_to_one(full: ExportReport, tmp_path: Path, quick: Callable[..., None]) -> None:
    quick()
    seen: list[tuple[str, float]] = []
    export_package(
        full.folder.parent / "tiny-source", tmp_path / "out", progress=lambda *step: seen.append(step), **WANTED
    )
    shares = [share for _, share in seen]
    assert shares == sorted(shares) and shares[0] == 0 and seen[-1] == ("done", 1.0)
    assert {stage for stage, _ in seen} >= set(COMPONENTS)


@pytest.fixture
def quick(full: ExportReport, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces the tracing by the graphs of `full`, and the comparison by its result."""

    def replace(relative: float = 0.0) -> None:
        monkeypatch.setattr(component, "trace", lambda name, *_: Skeleton(graph(full, name), {}))
        monkeypatch.setattr(component, "references", lambda *_: ())
        monkeypatch.setattr(component, "compare", lambda name, *_: Parity(name, relative, relative, ()))

    return replace


@pytest.mark.parametrize("stage", ["load", "unet", "manifest"])
def test_cancelling_leaves_nothing(full: ExportReport, tmp_path: Path, quick: Callable[..., None], stage: str) -> None:
    quick()
    cancel = CancelToken()
    with pytest.raises(ExportCancelled):
        export_package(
            full.folder.parent / "tiny-source",
            tmp_path / "out",
            progress=lambda name, _: cancel.cancel() if name == stage else None,
            cancel=cancel,
            **WANTED,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("relative", [0.01, float("nan")])
def test_a_graph_that_differs_from_torch_is_not_shipped(
    full: ExportReport, tmp_path: Path, quick: Callable[..., None], relative: float
) -> None:
    quick(relative)
    with pytest.raises(ExportError, match="text_encoder differs from the original"):
        export_package(full.folder.parent / "tiny-source", tmp_path / "out", **WANTED)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    full: ExportReport, tmp_path: Path, quick: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    quick()
    monkeypatch.setattr(component, "write_graph", refuse)
    with pytest.raises(ExportTargetError, match="No space left on device"):
        export_package(full.folder.parent / "tiny-source", tmp_path / "out", **WANTED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"precision": "int3"}, "choose one of fp32, fp16"),
        ({"name": "a/b"}, "cannot be named"),
        ({"name": ""}, "cannot be named"),
        ({"dials": Dials(sampler="heun")}, "There is no sampler 'heun': choose one of euler"),
        ({"dials": Dials(steps=0)}, "1 step or more"),
        ({"dials": Dials(size=7)}, "a size of 8"),
        ({"dials": Dials(image_scale=-1.0)}, "scales of 0"),
        ({"dials": Dials(text_scale=float("nan"))}, "scales of 0"),
    ],
)
def test_wrong_wishes_are_refused_before_any_work(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ExportError, match=sentence):
        export_package(tmp_path / "missing", tmp_path / "out", **{**WANTED, **change})
