"""What cannot be exported is refused with one sentence, and a pickle is never opened."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from training.export.errors import ExportSourceError
from training.export.source import (
    LDM_CONV_IN,
    LDM_TEXT,
    LDM_VAE,
    PICKLES,
    check_source,
    model_size,
    safetensors_shapes,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The outline of a good source: configurations, vocabulary and empty weight files."""
    folder = tmp_path / "model"
    for part in ("text_encoder", "unet", "vae"):
        write(folder / part / "config.json", {})
        (folder / part / f"{'' if part == 'text_encoder' else 'diffusion_pytorch_'}model.safetensors").touch()
    write(folder / "model_index.json", {"_class_name": "StableDiffusionInstructPix2PixPipeline"})
    write(folder / "unet" / "config.json", {"in_channels": 8, "sample_size": 64})
    write(folder / "vae" / "config.json", {"latent_channels": 4, "block_out_channels": [1, 2, 3, 4]})
    for name in ("vocab.json", "merges.txt"):
        write(folder / "tokenizer" / name, {})
    return folder


def write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def write_safetensors(file: Path, shapes: dict[str, list[int]]) -> Path:
    header = {name: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text)
    return file


def refused(source: Path) -> str:
    with pytest.raises(ExportSourceError) as caught:
        check_source(source)
    sentence = str(caught.value)
    assert "\n" not in sentence and "Traceback" not in sentence
    return sentence


def test_a_good_folder_passes(model: Path) -> None:
    check_source(model)
    assert model_size(model) == 512


Change = Callable[[Path], object]

CHANGES: dict[str, tuple[Change, str]] = {
    "no index": (lambda model: (model / "model_index.json").unlink(), "model_index.json is missing"),
    "no config": (lambda model: (model / "vae" / "config.json").unlink(), "config.json is missing"),
    "broken json": (lambda model: (model / "unet" / "config.json").write_text("{"), "cannot be read"),
    "no object": (lambda model: (model / "unet" / "config.json").write_text("[]"), "holds no JSON object"),
    "no weights": (lambda model: (model / "unet" / "diffusion_pytorch_model.safetensors").unlink(), "no .safetensors"),
    "no vocabulary": (lambda model: (model / "tokenizer" / "vocab.json").unlink(), "tokenizer folder"),
    "sdxl": (lambda model: write(model / "model_index.json", {"text_encoder_2": 1}), "Stable Diffusion 1 or 2"),
    "text to image": (lambda model: write(model / "unet" / "config.json", {"in_channels": 4}), "text-to-image"),
    "inpainting": (lambda model: write(model / "unet" / "config.json", {"in_channels": 9}), "an inpainting model"),
    "unknown channels": (lambda model: write(model / "unet" / "config.json", {}), "takes None channels"),
    "distilled": (
        lambda model: write(model / "unet" / "config.json", {"in_channels": 8, "time_cond_proj_dim": 256}),
        "guidance scale as an input",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), CHANGES.values(), ids=CHANGES)
def test_a_folder_that_cannot_be_used_is_refused(model: Path, change: Change, sentence: str) -> None:
    change(model)
    assert sentence in refused(model)


def test_what_is_not_there_or_something_else_is_refused(tmp_path: Path) -> None:
    assert "There is no model" in refused(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("hello")
    assert "neither a folder of diffusers nor a .safetensors file" in refused(tmp_path / "notes.txt")


class Bomb:
    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return (os.open, (self.file, os.O_CREAT))


@pytest.mark.parametrize("suffix", PICKLES)
def test_a_pickle_is_refused_unopened_with_a_way_out(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"model{suffix}"
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    sentence = refused(file)
    assert "safetensors.torch.save_file" in sentence and "weights_only=True" in sentence
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("part", ["text_encoder", "unet", "vae"])
def test_one_pickled_component_is_enough_to_refuse(model: Path, tmp_path: Path, part: str) -> None:
    next((model / part).glob("*.safetensors")).unlink()
    (model / part / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    assert "is a pickle" in refused(model)
    assert not (tmp_path / "exploded").exists()


def test_the_channels_of_a_single_file_are_looked_at(tmp_path: Path) -> None:
    shapes = {LDM_CONV_IN: [320, 8, 3, 3], LDM_TEXT: [77, 768], LDM_VAE: [512, 4, 3, 3]}
    file = write_safetensors(tmp_path / "model.safetensors", shapes)
    assert safetensors_shapes(file)[LDM_CONV_IN] == (320, 8, 3, 3)
    check_source(file)
    assert model_size(file) == 512
    write_safetensors(file, {**shapes, LDM_CONV_IN: [320, 4, 3, 3]})
    assert "takes 4 channels, as a text-to-image model does" in refused(file)


def test_a_file_with_a_part_missing_is_refused(tmp_path: Path) -> None:
    file = write_safetensors(tmp_path / "model.safetensors", {LDM_CONV_IN: [320, 8, 3, 3], LDM_TEXT: [77, 768]})
    assert "first_stage_model" in refused(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", b"\xff" * 64, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b'{"a": [1]}', pickle.dumps({})],
)
def test_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    assert "is no safetensors file" in refused(file)


def test_a_variant_of_the_weights_will_do(model: Path) -> None:
    for file in list(model.rglob("*.safetensors")):
        file.rename(file.with_suffix(".fp16.safetensors"))
    check_source(model)
