"""A tiny InstructPix2Pix pipeline with random weights, in diffusers' layout: every feature of the real one, in seconds.

It has the starter's shape (text pooled into the time embedding, scale-shift normalisation, attention at the lowest
level alone, a factor of 4, fewer than 77 tokens), so what holds for it holds for the bundled model.
"""

from __future__ import annotations

import json
import os
import socket
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from inference.package import Dials
from training.export.agreement import Parity
from training.export.exporter import ExportReport, export_package

TEXT_LENGTH = 32
WORDS = ("make", "it", "black", "and", "white", "turn", "the", "red", "things", "blue", "night", "snow", "don't")
START, END = "<|startoftext|>", "<|endoftext|>"


def tiny_tokenizer(folder: Path, words: tuple[str, ...] = WORDS, length: int = TEXT_LENGTH) -> CLIPTokenizer:
    """A CLIP tokenizer that knows all bytes and `words`; its two files are left in `folder`."""
    from transformers.models.clip.tokenization_clip import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    merges = _merges(words)
    tokens = [*letters, *(letter + "</w>" for letter in letters), *dict.fromkeys(a + b for a, b in merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocab, pairs = folder / "vocab.json", folder / "merges.txt"
    vocab.write_text(json.dumps({token: index for index, token in enumerate(tokens)}, ensure_ascii=False), "utf-8")
    pairs.write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), "utf-8")
    return CLIPTokenizer(str(vocab), str(pairs), model_max_length=length)


def _merges(words: tuple[str, ...]) -> list[tuple[str, str]]:
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merges[parts[0], parts[1]] = None
            parts = [parts[0] + parts[1], *parts[2:]]
    return list(merges)


def tiny_unet(**changes: Any) -> UNet2DConditionModel:
    config: dict[str, Any] = {
        "sample_size": 16,
        "in_channels": 8,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        "block_out_channels": (16, 24, 32),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "cross_attention_dim": 32,
        "attention_head_dim": 4,
        "resnet_time_scale_shift": "scale_shift",
        "addition_embed_type": "text",
        "addition_embed_type_num_heads": 4,
    }
    unet = UNet2DConditionModel(**{**config, **changes})
    unet.conv_out.weight.data *= 3  # so that its answers are about as large as noise
    return unet


def tiny_vae(**changes: Any) -> AutoencoderKL:
    config: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * 3,
        "up_block_types": ("UpDecoderBlock2D",) * 3,
        "block_out_channels": (8, 16, 24),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "latent_channels": 4,
        "sample_size": 64,
        "mid_block_add_attention": False,
        "scaling_factor": 0.7,
    }
    return AutoencoderKL(**{**config, **changes})


def tiny_text_encoder(tokenizer: CLIPTokenizer, **changes: Any) -> CLIPTextModel:
    config: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPTextModel(CLIPTextConfig(**{**config, **changes}))


def tiny_scheduler(**changes: Any) -> DDIMScheduler:
    config: dict[str, Any] = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
    }
    return DDIMScheduler(**{**config, **changes})


def tiny_pipeline(folder: Path, *, seed: int = 0, **changes: Any) -> StableDiffusionInstructPix2PixPipeline:
    """The pipeline, its weights drawn from `seed`; `changes` replace whole components."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer(folder)
    parts: dict[str, Any] = {
        "tokenizer": tokenizer,
        "text_encoder": tiny_text_encoder(tokenizer),
        "unet": tiny_unet(),
        "vae": tiny_vae(),
        "scheduler": tiny_scheduler(),
        **changes,
    }
    pipeline = StableDiffusionInstructPix2PixPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    for part in ("text_encoder", "unet", "vae"):
        getattr(pipeline, part).eval()
    return pipeline


def save_tiny(folder: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Writes the pipeline to `folder` as diffusers does, and returns the folder."""
    pipeline = tiny_pipeline(folder.parent / f"{folder.name}-words", seed=seed, **changes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.save_pretrained(folder)
    return folder


def export_tiny(base: Path, precision: str = "fp32") -> ExportReport:
    """Exports the tiny model from base/tiny-source to base/tiny-PRECISION; once, for the report is kept beside it."""
    kept = base / f"tiny-{precision}.json"
    if not kept.exists():
        kept.write_text(json.dumps(asdict(_export(base, precision)), default=str))
    report = json.loads(kept.read_text())
    parity = (Parity(**{**entry, "sizes": tuple(map(tuple, entry["sizes"]))}) for entry in report["parity"])
    return ExportReport(**{**report, "folder": Path(report["folder"]), "parity": tuple(parity)})


def _export(base: Path, precision: str) -> ExportReport:
    source = base / "tiny-source"
    if not source.exists():
        save_tiny(source)
    return export_package(
        source,
        base / f"tiny-{precision}",
        name=f"tiny-{precision}",
        licence="MIT",
        precision=precision,
        dials=Dials(steps=4, text_scale=3.0, image_scale=1.5, sampler="euler", size=64),
        instructions=("make it black and white",),
    )


def block_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every attempt to reach the network fail the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("nothing here may touch the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
