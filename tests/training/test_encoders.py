"""CLIP and DINO from local folders: tiny random ones against transformers' own processors and plain numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BitImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from tests.training.judged import DUOTONE, item, package, raw_pair, store_of
from tests.training.tiny_model import block_network, tiny_tokenizer
from training.encoder_files import EncoderError, encoder_folder
from training.encoder_pictures import preparation, prepared
from training.encoders import open_clip, open_dino
from training.evaluate_command import main
from training.similarity import cosine, direction, unit
from training.starter.photos import PHOTOS, photo

SIZE = 32


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    block_network(monkeypatch)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = tiny_tokenizer(folder / "words", length=16)
    torch.manual_seed(0)
    common = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**common, "vocab_size": len(tokenizer), "max_position_embeddings": 16,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id}  # fmt: skip
    vision = {**common, "image_size": SIZE, "patch_size": 8}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def dino_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dino")
    torch.manual_seed(1)
    config = ViTConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                       image_size=SIZE, patch_size=8)  # fmt: skip
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def photos() -> list[np.ndarray]:
    """A wide one, a narrow one and a small one."""
    return [photo(PHOTOS[1], 120), np.ascontiguousarray(photo(PHOTOS[1], 90).transpose(1, 0, 2)), photo(PHOTOS[0], 20)]


@pytest.mark.parametrize(
    ("processor", "clip"),
    [
        (CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}), True),
        (BitImageProcessor(size={"shortest_edge": 37}, crop_size={"height": SIZE, "width": SIZE}, resample=3), False),
        (ViTImageProcessor(size={"height": SIZE, "width": SIZE}), False),
    ],
)
def test_pictures_are_prepared_as_the_settings_say(processor: Any, clip: bool) -> None:
    how = preparation(json.loads(processor.to_json_string()), SIZE, clip)
    for picture in photos():
        wanted = processor(Image.fromarray(picture), return_tensors="np")["pixel_values"][0]
        assert np.abs(prepared(picture, how) - wanted).max() < 1e-5


def test_without_settings_the_authors_habits_hold() -> None:
    clip, dino = preparation({}, 224, clip=True), preparation({}, 224, clip=False)
    assert (clip.short, clip.crop, dino.short, dino.crop) == (224, 224, 256, 224)
    assert clip.mean[0] == 0.48145466 and dino.mean[0] == 0.485
    assert str(dino) == "short side to 256 px (bicubic), the middle 224 x 224 px"
    old = preparation({"size": 224, "resample": 2, "do_resize": True, "image_mean": [0.5] * 3}, 224, clip=False)
    assert str(old) == "squashed to 224 x 224 px (bilinear)" and old.mean == (0.5, 0.5, 0.5)


def test_clips_vectors_are_its_own_of_length_one(clip_folder: Path) -> None:
    clip = open_clip(clip_folder)
    model = CLIPModel.from_pretrained(clip_folder, local_files_only=True).eval()
    pictures = CLIPImageProcessor.from_pretrained(clip_folder, local_files_only=True)
    tokens = torch.tensor([clip.tokenizer("make it night", padding="max_length", max_length=16)["input_ids"]])
    with torch.no_grad():
        pixels = pictures([Image.fromarray(one) for one in photos()], return_tensors="pt")["pixel_values"]
        wanted = model.get_image_features(pixel_values=pixels).numpy()
        words = model.get_text_features(input_ids=tokens).numpy()
    assert np.allclose(clip.pictures(photos()), wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)
    assert np.allclose(clip.words(["make it night"]), words / np.linalg.norm(words), atol=1e-5)
    assert clip.words(["make it night " * 30]).shape == (1, 24)


def test_dinos_vector_is_its_class_token(dino_folder: Path) -> None:
    dino = open_dino(dino_folder)
    model = ViTModel.from_pretrained(dino_folder, add_pooling_layer=False, local_files_only=True).eval()
    pixels = torch.from_numpy(np.stack([prepared(one, dino.preparation) for one in photos()]))
    with torch.no_grad():
        wanted = model(pixel_values=pixels).last_hidden_state[:, 0].numpy()
    assert np.allclose(dino.pictures(photos()), wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)


def test_many_pictures_go_in_parts(dino_folder: Path) -> None:
    dino = open_dino(dino_folder)
    many = dino.pictures(photos() * 4)
    assert many.shape == (12, 32)
    assert np.allclose(many[:3], many[9:], atol=1e-6)


def test_an_encoder_is_named_by_the_hash_of_what_is_read(clip_folder: Path, tmp_path: Path) -> None:
    described = open_clip(clip_folder).described()
    assert described["sha256"] == encoder_folder(clip_folder).sha256
    assert list(described["weights"]) == ["model.safetensors"]
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in clip_folder.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    (copy / "README.md").write_text("not read")
    assert encoder_folder(copy).sha256 == described["sha256"]
    (copy / "preprocessor_config.json").write_text("{}")
    assert encoder_folder(copy).sha256 != described["sha256"]


def test_pickles_are_refused(dino_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((dino_folder / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"whatever")
    with pytest.raises(EncoderError, match=r"pickle.*\.safetensors"):
        open_dino(tmp_path)


def test_what_cannot_be_an_encoder_is_refused_in_words(clip_folder: Path, dino_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="not CLIP"):
        open_clip(dino_folder)
    with pytest.raises(EncoderError, match="no vision transformer"):
        open_dino(clip_folder)
    with pytest.raises(EncoderError, match="not a folder"):
        open_clip(tmp_path / "nowhere")
    (tmp_path / "model.safetensors").write_bytes(b"short")
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(EncoderError, match="no safetensors file"):
        open_dino(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((dino_folder / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "a kind of its own"}')
    with pytest.raises(EncoderError, match="cannot be loaded"):
        open_dino(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(EncoderError, match="no settings"):
        open_dino(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(EncoderError, match=r"config\.json is missing"):
        open_dino(tmp_path)


def test_a_clip_without_its_vocabulary_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((clip_folder / name).read_bytes())
    with pytest.raises(EncoderError, match="vocabulary"):
        open_clip(tmp_path)


def test_cosines_are_the_formula() -> None:
    rng = np.random.default_rng(0)
    a, b, c, d = rng.normal(size=(4, 7))
    assert cosine(a, b) == pytest.approx(sum(a * b) / (sum(a * a) * sum(b * b)) ** 0.5)
    move, wish = b - a, d - c
    assert direction(a, b, c, d) == pytest.approx(sum(move * wish) / (sum(move**2) * sum(wish**2)) ** 0.5)
    assert direction(a, a, c, d) == 0
    assert cosine(np.zeros(7), a) == 0
    assert np.allclose(np.linalg.norm(unit(rng.normal(size=(5, 7)).astype(np.float32)), axis=1), 1)


def test_the_command_judges_with_both_and_writes_the_curve(
    clip_folder: Path, dino_folder: Path, tiny_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(tiny_package, "tiny")
    assert item(PHOTOS[0]).instruction == DUOTONE
    store_of(tmp_path / "pairs", [raw_pair(PHOTOS[0], ("a red cat", "a white cat at night"))])
    words = [str(tiny_package), "--store", str(tmp_path / "pairs"), "-o", str(tmp_path / "out"), "--provider", "cpu"]
    assert main([*words, "--clip", str(clip_folder), "--dino", str(dino_folder)]) == 0
    printed = capsys.readouterr().out
    made = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    for name, folder in (("clip", clip_folder), ("dino", dino_folder)):
        assert made["protocol"]["encoders"][name]["sha256"] == encoder_folder(folder).sha256
        assert encoder_folder(folder).sha256 in printed
    assert set(made["magicbrush"]) == {"l1", "l2", "clip_i", "dino", "clip_t"}
    assert len(made["curve"]) == 7 and made["curve"][0]["direction"] is not None
    assert "CLIP-I" in printed and "direction similarity" in printed
    assert (tmp_path / "out" / "curve.png").is_file()
