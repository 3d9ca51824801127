"""A single .safetensors file in Stable Diffusion's own layout becomes the pipeline that it was made from, offline."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from inference.package import Dials, open_package
from tests.training.tiny_model import save_tiny, tiny_text_encoder, tiny_tokenizer, tiny_unet, tiny_vae
from training.export.errors import ExportSourceError
from training.export.exporter import export_package
from training.export.load import load_pipeline, open_source
from training.export.single_file import TEXT_ENCODER, UNET, VAE, config_folder, vocabulary_for
from training.export.source import LDM_CONV_IN

LAYERS = 1
UNET_NAMES = (
    (r"^time_embedding\.linear_1\.", "time_embed.0."),
    (r"^time_embedding\.linear_2\.", "time_embed.2."),
    (r"^conv_in\.", "input_blocks.0.0."),
    (r"^conv_norm_out\.", "out.0."),
    (r"^conv_out\.", "out.2."),
    (r"^mid_block\.attentions\.0\.", "middle_block.1."),
    (r"^mid_block\.resnets\.0\.", "middle_block.0."),
    (r"^mid_block\.resnets\.1\.", "middle_block.2."),
    (r"\.norm1\.(?=weight|bias)", ".in_layers.0."),
    (r"\.conv1\.", ".in_layers.2."),
    (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.norm2\.(?=weight|bias)", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."),
    (r"\.conv_shortcut\.", ".skip_connection."),
)
VAE_NAMES = (
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1."),
    (r"\.group_norm\.", ".norm."),
    (r"\.to_(q|k|v)\.", r".\1."),
    (r"\.to_out\.0\.", ".proj_out."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.down_blocks\.(\d+)\.", r".down.\1."),
    (r"\.resnets\.(\d+)\.", r".block.\1."),
    (r"\.(?:down|up)samplers\.0\.conv\.", ".sample.conv."),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Stable Diffusion 1's layout, small: four levels, attention in the first three."""
    torch.manual_seed(3)
    unet = tiny_unet(
        sample_size=9,  # no multiple of 8: the exported graph must not remember it
        down_block_types=tuple(UNET["down_block_types"]),
        up_block_types=tuple(UNET["up_block_types"]),
        block_out_channels=(8, 8, 16, 16),
        norm_num_groups=4,
        attention_head_dim=2,
        layers_per_block=LAYERS,
        resnet_time_scale_shift="default",
        addition_embed_type=None,
    )
    vae = tiny_vae(
        down_block_types=tuple(VAE["down_block_types"]),
        up_block_types=tuple(VAE["up_block_types"]),
        block_out_channels=(4, 4, 8, 8),
        mid_block_add_attention=True,
    )
    tokenizer = tiny_tokenizer(tmp_path_factory.mktemp("words"))
    return {"unet": unet, "vae": vae, "tokenizer": tokenizer, "text_encoder": tiny_text_encoder(tokenizer)}


@pytest.fixture(scope="module")
def folder(parts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("single") / "model", **parts)


@pytest.fixture
def single(parts: dict[str, Any], tmp_path: Path) -> Path:
    return write_single_file(parts, tmp_path / "model.safetensors")


def write_single_file(parts: dict[str, Any], file: Path, averaged: dict[str, torch.Tensor] | None = None) -> Path:
    """The file, in float16 as such files are; averaged: the UNet's averaged weights, by diffusers' names."""
    unet = {unet_name(name): value for name, value in parts["unet"].state_dict().items()}
    tensors = {f"model.diffusion_model.{name}": value for name, value in unet.items()}
    for name, value in parts["vae"].state_dict().items():
        square = value[..., None, None] if ".to_" in name and value.ndim == 2 else value
        tensors[f"first_stage_model.{vae_name(name)}"] = square
    for name, value in parts["text_encoder"].state_dict().items():
        tensors[f"cond_stage_model.transformer.{name}"] = value
    for name, value in (averaged or {}).items():
        tensors["model_ema.diffusion_model" + unet_name(name).replace(".", "")] = value
    save_file({name: value.half().contiguous() for name, value in tensors.items()}, file)
    return file


def unet_name(name: str) -> str:
    def block(match: re.Match[str]) -> str:
        way, level, kind, layer = match[1], int(match[2]), match[3], int(match[4])
        first = level * (LAYERS + 1) + (way == "down")
        if kind == "downsamplers":
            return f"input_blocks.{first + LAYERS}.0.op."
        if kind == "upsamplers":
            return f"output_blocks.{first + LAYERS}.{1 if level == 0 else 2}.conv."
        return f"{'input' if way == 'down' else 'output'}_blocks.{first + layer}.{0 if kind == 'resnets' else 1}."

    transformer = "transformer_blocks" in name
    name = re.sub(r"^(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(conv\.)?(?!\d)", block, name)
    for pattern, replacement in UNET_NAMES:
        if not (transformer and pattern.startswith(r"\.")):
            name = re.sub(pattern, replacement, name)
    return name


def vae_name(name: str) -> str:
    name = re.sub(r"\.up_blocks\.(\d+)\.", lambda match: f".up.{3 - int(match[1])}.", name)
    for pattern, replacement in VAE_NAMES:
        name = re.sub(pattern, replacement, name)
    side = "downsample" if name.startswith("encoder") else "upsample"
    return name.replace(".sample.conv.", f".{side}.conv.")


def test_every_weight_comes_back(single: Path, parts: dict[str, Any], folder: Path) -> None:
    pipeline = load_pipeline(single, folder)
    for name in ("unet", "vae", "text_encoder"):
        found, given = getattr(pipeline, name).state_dict(), parts[name].state_dict()
        assert found.keys() == given.keys()
        for key, value in given.items():
            torch.testing.assert_close(found[key], value.half().float(), msg=f"{name} {key}")


def test_a_checkpoint_of_plain_tensors_is_the_same_model(
    single: Path, parts: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    tensors = load_file(single)
    torch.save({"state_dict": {**tensors, "model_ema.decay": torch.tensor(0.9)}}, tmp_path / "model.ckpt")
    first, second = (open_source(file, folder).weights for file in (single, tmp_path / "model.ckpt"))
    for part, weights in first.items():
        for name, weight in weights.items():
            assert (weight.read() == second[part][name].read()).all()
    del tensors[LDM_CONV_IN]
    torch.save(tensors, tmp_path / "model.ckpt")
    with pytest.raises(ExportSourceError, match=r"lacks model\.diffusion_model"):
        open_source(tmp_path / "model.ckpt", folder)


def test_the_old_names_of_the_autoencoders_attention_are_known(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    old = shutil.copytree(folder, tmp_path / "old")
    (file,) = (old / "vae").glob("*.safetensors")
    names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    tensors = load_file(file)
    for new, name in names.items():
        tensors = {key.replace(new, name): value for key, value in tensors.items()}
    assert any(".query." in key for key in tensors)
    save_file(tensors, file)
    first, second = (open_source(model).weights["vae"] for model in (folder, old))
    assert all((weight.read() == second[name].read()).all() for name, weight in first.items())


def test_the_averaged_weights_are_taken(parts: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    averaged = {name: value + 1 for name, value in parts["unet"].state_dict().items()}
    assert len(averaged) > 100
    pipeline = load_pipeline(write_single_file(parts, tmp_path / "model.safetensors", averaged), folder)
    for key, value in pipeline.unet.state_dict().items():
        torch.testing.assert_close(value, averaged[key].half().float(), msg=key)


def test_the_layout_of_stable_diffusion_1_is_exported(single: Path, folder: Path, tmp_path: Path) -> None:
    """Four levels, attention in most of them and in the autoencoder, and a sample size that is no multiple of 8."""
    wanted = {"name": "single", "licence": "MIT", "precision": "fp32", "dials": Dials(), "instructions": ()}
    report = export_package(single, tmp_path / "package", config=folder, **wanted)
    package = open_package(report.folder)
    assert (package.factor, package.multiple, package.latent_channels, package.scaling_factor) == (8, 64, 4, 0.7)
    assert all(parity.relative < 2e-5 for parity in report.parity)


def test_a_missing_weight_is_named(parts: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    file = write_single_file(parts, tmp_path / "model.safetensors")
    tensors = load_file(file)
    del tensors["model.diffusion_model.middle_block.1.proj_in.weight"]
    save_file(tensors, file)
    with pytest.raises(ExportSourceError, match=r"lacks .*proj_in|could not be loaded"):
        load_pipeline(file, folder)


def test_without_a_vocabulary_the_sentence_says_where_to_get_it(
    single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ExportSourceError, match="--config"):
        load_pipeline(single, tmp_path)
    with pytest.raises(ExportSourceError, match="--config"):
        load_pipeline(single)


def test_the_vocabulary_may_lie_in_the_hubs_cache(
    single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    tiny_tokenizer(tmp_path / "cache" / "models--someone--stable-diffusion-v1-5" / "snapshots" / "abc" / "tokenizer")
    assert vocabulary_for(single, None).parts[-3:] == ("snapshots", "abc", "tokenizer")


def test_the_vocabulary_may_lie_beside_the_file(tmp_path: Path, folder: Path) -> None:
    tiny_tokenizer(tmp_path / "tokenizer")
    config_folder(tmp_path / "config", tmp_path / "model.safetensors")
    found = json.loads((tmp_path / "config" / "unet" / "config.json").read_text())
    assert found == dict(UNET)
    config_folder(tmp_path / "other", tmp_path / "model.safetensors", folder)
    assert json.loads((tmp_path / "other" / "unet" / "config.json").read_text())["block_out_channels"] == [8, 8, 16, 16]


def test_the_written_down_configuration_is_stable_diffusion_1() -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(dict(UNET))
        vae = AutoencoderKL.from_config(dict(VAE))
        text = CLIPTextModel(CLIPTextConfig.from_dict(dict(TEXT_ENCODER)))
    counts = [sum(weight.numel() for weight in part.parameters()) for part in (unet, vae, text)]
    assert counts == [
        859_520_964 + 4 * 320 * 9,
        83_653_863,
        123_060_480,
    ]  # published sizes; conv_in has 4 more channels


def test_another_models_vocabulary_is_refused(single: Path, folder: Path, tmp_path: Path) -> None:
    config = shutil.copytree(folder, tmp_path / "config")
    tiny_tokenizer(config / "tokenizer", words=("one", "two"))
    with pytest.raises(ExportSourceError, match="The vocabulary that was found"):
        open_source(single, config)
