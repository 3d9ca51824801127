"""The real architecture of InstructPix2Pix with random weights, for measuring and for tests that need its size.

    python -m tests.benchmarks.full_size FOLDER [--package] [--seed N]

Writes FOLDER/source (a folder of diffusers, 4.1 GB) and with --package FOLDER/package (a model package, 2.1 GB, some
minutes). It edits nothing sensibly, but costs what the real one costs. What is there already is kept. Needs the
training packages; asks no network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from tests.training.tiny_model import tiny_tokenizer
from training.export.precision import SMALLEST_HALF
from training.export.single_file import SCHEDULER, TEXT_ENCODER, UNET, VAE

ROOT = Path(__file__).parents[2]
SOURCE_BYTES, PACKAGE_BYTES = 4_400_000_000, 2_300_000_000
NO_ARGUMENTS = {"_class_name", "architectures", "model_type"}


def write_source(folder: Path, seed: int = 0) -> Path:
    """Writes the folder of diffusers, its weights drawn from `seed`, and returns it; one that is there is kept.

    Large weights are numbers that float16 holds exactly, as those of most released models are: so that a package
    stored in float16 has the same weights.
    """
    if (folder / "model_index.json").is_file():
        return folder
    _check_room(folder, SOURCE_BYTES)
    making = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    pipeline = _pipeline(making.with_name(f"{folder.name}-words"), seed)
    pipeline.save_pretrained(making, safe_serialization=True)
    making.rename(folder)
    return folder


def write_package(source: Path, folder: Path) -> Path:
    """The model package of `source`, made by the program itself in a process of its own; one that is there is kept."""
    if not folder.exists():
        _check_room(folder, PACKAGE_BYTES)
        command = [sys.executable, "-P", "-W", "ignore", "-m", "training", "export", str(source), "-o", str(folder)]
        subprocess.run([*command, "--name", "full-size", "--licence", "none"], cwd=ROOT, check=True, env=_environment())
    return folder


def _pipeline(words: Path, seed: int) -> Any:
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer(words, length=int(str(TEXT_ENCODER["max_position_embeddings"])))
    unet = diffusers.UNet2DConditionModel(**_arguments(UNET))
    unet.conv_out.weight.data *= 3  # so that its answers are about as large as noise
    parts = {
        "unet": unet,
        "vae": diffusers.AutoencoderKL(**_arguments(VAE)),
        "text_encoder": transformers.CLIPTextModel(transformers.CLIPTextConfig(**_arguments(TEXT_ENCODER))),
    }
    for part in parts.values():
        for weight in part.parameters():
            if weight.numel() >= SMALLEST_HALF:
                weight.data.copy_(weight.data.half())
    return diffusers.StableDiffusionInstructPix2PixPipeline(
        **parts,
        tokenizer=tokenizer,
        scheduler=diffusers.EulerAncestralDiscreteScheduler(**_arguments(SCHEDULER)),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _arguments(config: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in NO_ARGUMENTS}


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _check_room(folder: Path, needed: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        sys.exit(f"{folder} needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free: choose another folder.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--package", action="store_true", help="make the model package too")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    source = write_source(chosen.folder / "source", chosen.seed)
    print(source)
    if chosen.package:
        print(write_package(source, chosen.folder / "package"))


if __name__ == "__main__":
    main()
