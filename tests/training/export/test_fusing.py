"""Fused graphs share the plain one's weights and compute what it computes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from diffusers import UNet2DConditionModel

from inference.package import Dials, open_package
from tests.training.tiny_model import save_tiny, tiny_text_encoder, tiny_tokenizer, tiny_unet, tiny_vae
from training.export.components import COMPONENTS, trace
from training.export.exporter import ExportReport, export_package
from training.export.fusing import attention_fused, counts, fully_fused
from training.export.half import to_half
from training.export.load import load_pipeline
from training.export.single_file import UNET
from training.export.skeleton import Skeleton, empty_modules
from training.export.storing import is_vector, store, with_vectors
from training.export.weights import Weight

CROSS = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}


@pytest.fixture(scope="module")
def numpy_operators() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contrib", Path(__file__).with_name("contrib.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion 1's kinds of blocks, small; with attention in the autoencoder."""
    torch.manual_seed(2)
    base = tmp_path_factory.mktemp("fused")
    tokenizer = tiny_tokenizer(base / "words")
    unet = tiny_unet(
        **CROSS,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        attention_head_dim=4,
        resnet_time_scale_shift="default",
        addition_embed_type=None,
    )
    vae = tiny_vae(block_out_channels=(16, 16, 32), mid_block_add_attention=True)
    for module in (*unet.modules(), *vae.modules()):  # else a scale of one and an offset of zero would hide faults
        if isinstance(module, torch.nn.GroupNorm | torch.nn.LayerNorm):
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
            torch.nn.init.normal_(module.bias, 0.0, 0.2)
    parts = {"unet": unet, "vae": vae, "tokenizer": tokenizer, "text_encoder": tiny_text_encoder(tokenizer)}
    return save_tiny(base / "model", **parts)


@pytest.fixture(scope="module")
def large(source: Path) -> ExportReport:
    """The model exported as large ones are: weights beside the graphs."""
    return export_package(
        source, source.parent / "package", name="large", licence="MIT", precision="fp16", dials=Dials(),
        instructions=(), external_above=0,
    )  # fmt: skip


def feeds(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "sample": rng.standard_normal((2, 8, 4, 6), dtype=np.float32),
        "timestep": np.array(946.42, np.float32),
        "encoder_hidden_states": rng.standard_normal((2, 7, 32), dtype=np.float32),
    }


def silent() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return options


def on_cpu(file: Path, values: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(str(file), silent(), providers=["CPUExecutionProvider"]).run(None, values)[0]


def test_the_package_has_the_fused_graphs_and_opens(large: ExportReport) -> None:
    package = open_package(large.folder)
    names = {file.relative_to(large.folder).as_posix() for file in large.folder.rglob("*.onnx*")}
    plain = {f"{part}/model.onnx{end}" for part in COMPONENTS for end in ("", "_data")}
    fused = {"unet/attention.onnx", "unet/fp16.onnx", "vae_encoder/fp16.onnx", "vae_decoder/fp16.onnx"}
    assert names == plain | fused
    assert package.manifest is not None and names <= {file.path for file in package.manifest.files}
    assert [parity.component for parity in large.parity][1:3] == ["unet", "unet/attention"]
    assert package.graph("unet", ("fp16", "attention", "model")).name == "fp16.onnx"


def test_fused_attention_equals_the_plain_graph_on_the_processor(large: ExportReport) -> None:
    plain, fused = (on_cpu(large.folder / "unet" / f"{stem}.onnx", feeds()) for stem in ("model", "attention"))
    assert np.abs(plain).max() > 0
    np.testing.assert_allclose(fused, plain, atol=2e-6 * np.abs(plain).max() * 10)


def test_fused_graphs_share_the_file_of_weights(large: ExportReport) -> None:
    unet = large.folder / "unet"
    places = [outside(unet / f"{stem}.onnx") for stem in ("model", "attention", "fp16")]
    assert places[0] == places[1] == places[2] and len(places[0]) > 50
    assert {location for location, _, _ in places[0]} == {"model.onnx_data"}
    assert (unet / "fp16.onnx").stat().st_size < 500_000


def outside(file: Path) -> set[tuple[str, str, str]]:
    model = onnx.load(str(file), load_external_data=False)
    outer = [tensor.external_data for tensor in model.graph.initializer if tensor.external_data]
    tables = [{entry.key: entry.value for entry in entries} for entries in outer]
    return {(table["location"], table["offset"], table["length"]) for table in tables}


@pytest.mark.parametrize("stem", ["model", "attention", "fp16"])
@pytest.mark.parametrize("component", ["unet", "vae_encoder", "vae_decoder"])
def test_every_graph_is_sound_and_float32_outside(large: ExportReport, component: str, stem: str) -> None:
    file = large.folder / component / f"{stem}.onnx"
    if component != "unet" and stem == "attention":
        assert not file.exists()
        return
    onnx.checker.check_model(str(file))
    model = onnx.load(str(file), load_external_data=False)
    kinds = {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    assert kinds == {onnx.TensorProto.FLOAT} and model.ir_version == 8
    versions = {entry.domain: entry.version for entry in model.opset_import}
    assert versions[""] == 17 and set(versions) <= {"", "com.microsoft"}


@pytest.mark.parametrize("component", ["unet", "vae_encoder", "vae_decoder"])
def test_the_types_of_the_float16_graph_fit_everywhere(large: ExportReport, component: str) -> None:
    file = large.folder / component / "fp16.onnx"
    # The processor has no kernel for some operators; that types do not fit each other would be found before.
    with pytest.raises(Exception, match=r"Failed to find kernel|Could not find an implementation"):
        onnxruntime.InferenceSession(str(file), silent(), providers=["CPUExecutionProvider"])


@torch.no_grad()
def test_the_float16_unet_computes_what_torch_does(
    large: ExportReport, source: Path, numpy_operators: ModuleType
) -> None:
    model = onnx.load(str(large.folder / "unet" / "fp16.onnx"))
    assert counts(model) == {
        "BiasAdd": 4, "BiasSplitGelu": 4, "GroupNorm": 21, "MultiHeadAttention": 8, "SkipLayerNormalization": 8
    }  # fmt: skip
    values = feeds(1)
    found = numpy_operators.run(model, values)
    wanted = load_pipeline(source).unet(*(torch.from_numpy(value) for value in values.values())).sample.numpy()
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 2e-2 * np.abs(wanted).max()
    other = numpy_operators.run(model, {**values, "timestep": np.array(946.5, np.float32)})
    assert (other != found).any()  # a timestep of float16 would be the same


@torch.no_grad()
@pytest.mark.parametrize("component", ["vae_encoder", "vae_decoder"])
def test_the_float16_autoencoder_computes_what_torch_does(
    large: ExportReport, source: Path, numpy_operators: ModuleType, component: str
) -> None:
    model = onnx.load(str(large.folder / component / "fp16.onnx"))
    assert counts(model)["MultiHeadAttention"] == 1 and counts(model)["GroupNorm"] >= 9
    vae = load_pipeline(source).vae
    shape = (1, 3, 16, 24) if component == "vae_encoder" else (1, 4, 4, 6)
    value = np.random.default_rng(3).standard_normal(shape, dtype=np.float32)
    tensor = torch.from_numpy(value)
    wanted = vae.encode(tensor).latent_dist.parameters if component == "vae_encoder" else vae.decode(tensor).sample
    found = numpy_operators.run(model, {model.graph.input[0].name: value})
    assert np.abs(found - wanted.numpy()).max() < 2e-2 * float(wanted.abs().max())


def real_width(**changes: Any) -> tuple[Any, Skeleton]:
    """A UNet of Stable Diffusion 1's widths without weights, and its traced graph."""
    importlib.import_module("optimum.exporters.onnx.model_configs")
    from optimum.exporters.onnx.model_configs import UNetOnnxConfig

    config = {key: value for key, value in UNET.items() if not key.startswith("_")} | changes
    with empty_modules():
        unet = UNet2DConditionModel(**config).eval()
    unet.register_to_config(sample_size=4 * 2 ** (len(config["block_out_channels"]) - 1))
    return unet, trace("unet", unet, UNetOnnxConfig(unet.config), 77)


def with_zeros(skeleton: Skeleton) -> onnx.ModelProto:
    """The graph with zeros for the vectors that fusions look at, and no values at all in the matrices."""
    vectors = {name: origin for name, origin in skeleton.origins.items() if is_vector(origin.shape)}
    weights = {origin.weight: zeros(origin.shape) for origin in vectors.values()}
    flat = Skeleton(skeleton.model, vectors)
    stored = store(flat, weights, Path(), halve=True, external=False, advance=lambda _: None)
    return with_vectors(skeleton.model, stored)


def zeros(shape: tuple[int, ...]) -> Weight:
    return Weight(shape, "F32", lambda: np.zeros(shape, np.float32))


def expected(unet: Any) -> tuple[int, int]:
    """Attentions and GroupNorms of a module."""
    kinds = [type(module).__name__ for module in unet.modules()]
    return kinds.count("Attention"), kinds.count("GroupNorm")


def test_every_attention_and_norm_of_a_real_width_block_is_fused() -> None:
    blocks = {"down_block_types": ("CrossAttnDownBlock2D",) * 2, "up_block_types": ("CrossAttnUpBlock2D",) * 2}
    unet, skeleton = real_width(**blocks, block_out_channels=(320, 640), layers_per_block=1)
    attentions, norms = expected(unet)
    assert (attentions, norms) == (14, 24)
    plain = attention_fused(skeleton.model)
    assert plain is not None and counts(plain) == {"MultiHeadAttention": attentions}
    found = counts(fully_fused(with_zeros(skeleton)))
    assert (found["MultiHeadAttention"], found["GroupNorm"]) == (attentions, norms)
    assert found["BiasSplitGelu"] == attentions // 2 and "SkipGroupNorm" not in found and "NhwcConv" not in found


@pytest.mark.slow
def test_every_attention_and_norm_of_the_whole_unet_is_fused() -> None:
    unet, skeleton = real_width()
    assert expected(unet) == (32, 61)
    found = counts(fully_fused(with_zeros(skeleton)))
    assert (found["MultiHeadAttention"], found["GroupNorm"], found["BiasSplitGelu"]) == (32, 61, 16)


def test_weights_that_float16_cannot_hold_leave_the_float16_graph_out() -> None:
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=(40, 40))
    graph = onnx.helper.make_graph([onnx.helper.make_node("Add", ["x", "w"], ["y"])], "add", [], [], [tensor])
    model = onnx.helper.make_model(graph)
    outside = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, data_location=onnx.TensorProto.EXTERNAL)
    assert to_half(model, {"w": outside}) is None
    outside.data_type = onnx.TensorProto.FLOAT16
    assert to_half(model, {"w": outside}) is not None


def test_a_graph_without_attention_is_not_written_twice(full: ExportReport) -> None:
    model = onnx.load(str(full.folder / "vae_decoder" / "model.onnx"))
    assert attention_fused(model) is None
    assert not list(full.folder.rglob("attention.onnx")) and not list(full.folder.rglob("fp16.onnx"))
