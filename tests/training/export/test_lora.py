"""LoRAs of every layout are merged exactly; one for another model is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from training.export.errors import ExportSourceError
from training.export.exporter import ExportReport
from training.export.load import Source, open_source
from training.export.lora import merged
from training.export.lora_keys import Lora, is_few_steps, is_lora, parse_lora
from training.export.weights import read_header

LINEAR = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
PEFT = f"unet.{LINEAR}.lora_"
OUT = "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
CONV = "down_blocks.0.resnets.0.conv1"
POINT = "mid_block.attentions.0.proj_in"
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"
RANK = 3


@pytest.fixture(scope="module")
def source(full: ExportReport) -> Source:
    return open_source(full.folder.parent / "tiny-source")


def weight(source: Source, part: str, layer: str) -> np.ndarray:
    return source.weights[part][f"{layer}.weight"].read()


def factors(shape: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """down (rank, in, ...) and up (out, rank, ...) for a weight of that shape."""
    generator = torch.Generator().manual_seed(seed)
    ones = (1,) * (len(shape) - 2)
    return torch.randn(RANK, *shape[1:], generator=generator), torch.randn(shape[0], RANK, *ones, generator=generator)


def product(down: torch.Tensor, up: torch.Tensor) -> np.ndarray:
    return torch.einsum("or,r...->o...", up.flatten(1), down).numpy()


def write(file: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file, metadata or None)
    return file


def check(source: Source, file: Path, part: str, layer: str, wanted: np.ndarray, strength: float = 1.0) -> None:
    changed, notes = merged(source, [Lora(file, strength)])
    before = weight(source, part, layer)
    after = before + strength * wanted.reshape(before.shape)
    np.testing.assert_allclose(weight(changed, part, layer), after, atol=1e-5)
    same = next(name for name in source.weights[part] if not name.startswith(layer))
    assert (changed.weights[part][same].read() == source.weights[part][same].read()).all()
    assert file.name in notes[0]


@pytest.mark.parametrize(("part", "layer"), [("unet", LINEAR), ("unet", CONV), ("unet", POINT), ("text_encoder", TEXT)])
@pytest.mark.parametrize("strength", [1.0, -0.5])
def test_kohyas_layout(source: Source, tmp_path: Path, part: str, layer: str, strength: float) -> None:
    down, up = factors(weight(source, part, layer).shape)
    key = f"lora_{'te' if part == 'text_encoder' else 'unet'}_{layer.replace('.', '_')}"
    tensors = {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(1.5)}
    file = write(tmp_path / "k.safetensors", tensors)
    check(source, file, part, layer, product(down, up) * (1.5 / RANK), strength)


@pytest.mark.parametrize(
    ("down_name", "up_name"),
    [
        ("unet.{}.lora_A.weight", "unet.{}.lora_B.weight"),
        ("unet.{}.lora_A.default.weight", "unet.{}.lora_B.default.weight"),
        ("base_model.model.{}.lora_A.weight", "base_model.model.{}.lora_B.weight"),
        ("unet.{}.lora.down.weight", "unet.{}.lora.up.weight"),
        ("{}.lora_linear_layer.down.weight", "{}.lora_linear_layer.up.weight"),
    ],
)
def test_the_layouts_of_peft_and_diffusers(source: Source, tmp_path: Path, down_name: str, up_name: str) -> None:
    down, up = factors(weight(source, "unet", LINEAR).shape)
    file = write(tmp_path / "p.safetensors", {down_name.format(LINEAR): down, up_name.format(LINEAR): up})
    check(source, file, "unet", LINEAR, product(down, up))


@pytest.mark.parametrize(("name", "layer"), [("to_q", LINEAR), ("to_out", OUT)])
def test_the_old_layout_of_attention_processors(source: Source, tmp_path: Path, name: str, layer: str) -> None:
    down, up = factors(weight(source, "unet", layer).shape)
    stem = f"unet.{layer.split('.to_')[0]}.processor.{name}_lora"
    file = write(tmp_path / "p.safetensors", {f"{stem}.down.weight": down, f"{stem}.up.weight": up})
    check(source, file, "unet", layer, product(down, up))


def test_the_text_encoder_in_pefts_layout(source: Source, tmp_path: Path) -> None:
    down, up = factors(weight(source, "text_encoder", TEXT).shape)
    names = [f"text_encoder.{TEXT}.lora_{letter}.weight" for letter in "AB"]
    file = write(tmp_path / "t.safetensors", dict(zip(names, (down, up), strict=True)))
    check(source, file, "text_encoder", TEXT, product(down, up))


def test_pefts_alpha_lies_in_the_notes(source: Source, tmp_path: Path) -> None:
    down, up = factors(weight(source, "unet", LINEAR).shape)
    notes = json.dumps({"unet.lora_alpha": 8, "unet.r": 4})
    tensors = {f"unet.{LINEAR}.lora_A.weight": down, f"unet.{LINEAR}.lora_B.weight": up}
    file = write(tmp_path / "p.safetensors", tensors, lora_adapter_metadata=notes)
    check(source, file, "unet", LINEAR, product(down, up) * 2)


def test_a_convolution_in_three_parts(source: Source, tmp_path: Path) -> None:
    shape = weight(source, "unet", CONV).shape
    down, up = torch.randn(RANK, shape[1], 1, 1), torch.randn(shape[0], RANK, 1, 1)
    middle = torch.randn(RANK, RANK, 3, 3)
    key = f"lora_unet_{CONV.replace('.', '_')}"
    tensors = {f"{key}.lora_down.weight": down, f"{key}.lora_mid.weight": middle, f"{key}.lora_up.weight": up}
    wanted = torch.einsum("or,rskl,si->oikl", up[..., 0, 0], middle, down[..., 0, 0]).numpy()
    check(source, write(tmp_path / "m.safetensors", tensors), "unet", CONV, wanted)


def test_what_was_trained_without_a_picture_goes_to_the_noise(source: Source, tmp_path: Path) -> None:
    shape = weight(source, "unet", "conv_in").shape
    down, up = factors((shape[0], 4, *shape[2:]))
    key = "lora_unet_conv_in.lora_"
    file = write(tmp_path / "c.safetensors", {f"{key}down.weight": down, f"{key}up.weight": up})
    changed, notes = merged(source, [Lora(file)])
    delta = weight(changed, "unet", "conv_in") - weight(source, "unet", "conv_in")
    np.testing.assert_allclose(delta[:, :4], product(down, up), atol=1e-5)
    assert not delta[:, 4:].any() and any("noise" in note for note in notes)


def test_several_loras_add_up(source: Source, tmp_path: Path) -> None:
    pairs = [factors(weight(source, "unet", LINEAR).shape, seed) for seed in (1, 2)]
    files = [
        write(tmp_path / f"{index}.safetensors", {f"{PEFT}A.weight": down, f"{PEFT}B.weight": up})
        for index, (down, up) in enumerate(pairs)
    ]
    changed, notes = merged(source, [Lora(files[0], 0.5), Lora(files[1])])
    delta = weight(changed, "unet", LINEAR) - weight(source, "unet", LINEAR)
    np.testing.assert_allclose(delta, 0.5 * product(*pairs[0]) + product(*pairs[1]), atol=1e-5)
    assert len(notes) == 2


BROKEN: dict[str, tuple[dict[str, tuple[int, ...]], str]] = {
    "unknown layer": ({"unet.x.lora_A.weight": (2, 4), "unet.x.lora_B.weight": (4, 2)}, "does not have"),
    "other width": ({f"{PEFT}A.weight": (2, 99), f"{PEFT}B.weight": (32, 2)}, "where the model has"),
    "other height": ({f"{PEFT}A.weight": (2, 32), f"{PEFT}B.weight": (16, 2)}, "where the model has"),
    "two ranks": ({f"{PEFT}A.weight": (2, 32), f"{PEFT}B.weight": (32, 3)}, "do not fit each other"),
    "numbers": ({f"{PEFT}A.weight": (), f"{PEFT}B.weight": ()}, "do not fit each other"),
    "half": ({f"{PEFT}A.weight": (2, 32)}, "only half"),
    "loha": ({"lora_unet_x.hada_w1_a": (2, 2)}, "as a LoHa does"),
    "no lora": ({"conv_in.weight": (2, 2)}, "which no LoRA has"),
    "empty": ({}, "is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("shapes", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_fit_is_refused(
    source: Source, tmp_path: Path, shapes: dict[str, tuple[int, ...]], sentence: str
) -> None:
    file = write(tmp_path / "b.safetensors", {name: torch.ones(shape) for name, shape in shapes.items()})
    with pytest.raises(ExportSourceError, match=sentence) as caught:
        merged(source, [Lora(file)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.safetensors", Lora(Path("a.safetensors"))),
        ("a.safetensors:0.8", Lora(Path("a.safetensors"), 0.8)),
        ("a:-1", Lora(Path("a"), -1.0)),
        ("C:/a.safetensors", Lora(Path("C:/a.safetensors"))),
        ("C:/a.safetensors:1.5", Lora(Path("C:/a.safetensors"), 1.5)),
    ],
)
def test_files_with_weights_are_read(text: str, wanted: Lora) -> None:
    assert parse_lora(text) == wanted


def test_a_weight_has_to_be_a_number() -> None:
    with pytest.raises(ExportSourceError, match="has to be a number"):
        parse_lora("a.safetensors:nan")


@pytest.mark.parametrize(
    ("name", "notes", "wanted"),
    [
        ("lcm-lora-sdv1-5", {}, True),
        ("LCM_LoRA", {}, True),
        ("style", {"modelspec.title": "Latent Consistency, SD 1.5"}, True),
        ("style", {"ss_output_name": "filmcmix"}, False),
        ("pytorch_lora_weights", {}, False),
    ],
)
def test_few_steps_are_seen_where_a_lora_says_so(
    tmp_path: Path, name: str, notes: dict[str, str], wanted: bool
) -> None:
    file = write(tmp_path / f"{name}.safetensors", {f"unet.{LINEAR}.lora_A.weight": torch.ones(2, 2)}, **notes)
    header = read_header(file)
    assert is_few_steps(file, header) is wanted and is_lora(header.tensors)


def test_names_of_a_model_are_no_lora(source: Source) -> None:
    names: Any = [name for part in source.weights.values() for name in part]
    assert not is_lora(names)
