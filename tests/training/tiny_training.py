"""A training small enough for a test: the tiny model, a few pairs of drawn pictures, seconds of work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.training.tiny_model import save_tiny
from training.items import Item, Pictures
from training.pairs.pair import RawPair
from training.pairs.store import PairStore
from training.train_command import main

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "size=64",
    "batch=4",
    "steps=6",
    "save_every=3",
    "sample_every=6",
    "lr=1e-3",
    "held_out=0.3",
    "precision=fp32",
)


def picture(number: int, height: int = 96, width: int = 96) -> np.ndarray:
    """Blocks of colour that no two numbers share."""
    rng = np.random.default_rng(number)
    image = np.full((height, width, 3), rng.uniform(40, 215, 3))
    for _ in range(24):
        top, left = int(rng.integers(height - 8)), int(rng.integers(width - 8))
        image[top : top + int(rng.integers(6, 30)), left : left + int(rng.integers(6, 30))] = rng.uniform(0, 255, 3)
    return np.round(image + rng.normal(0, 4, (height, width, 1))).clip(0, 255).astype(np.uint8)


def golden(image: np.ndarray) -> np.ndarray:
    """The edit that is taught: dark blue to gold by brightness."""
    grey = image.mean(axis=2, keepdims=True) / 255
    return np.round(grey * np.array([250, 210, 80]) + (1 - grey) * np.array([20, 20, 90])).astype(np.uint8)


def item(number: int, instruction: str = "make it golden", mask: np.ndarray | None = None, **size: int) -> Item:
    source = picture(number, **size)
    return Item(f"{number}-{instruction}", instruction, str(number), lambda: Pictures(source, golden(source), mask))


def fill_store(folder: Path, photos: int = 4) -> PairStore:
    """Golden pairs of `photos` pictures, every second one lying, and one pair about sides."""
    store = PairStore(folder)
    for number in range(photos):
        source = picture(number, height=64 if number % 2 else 96)
        store.add(RawPair("make it golden", source, golden(source), group=f"photo {number}"))
    source = picture(0)
    mask = np.zeros(source.shape[:2], np.uint8)
    mask[:, :48] = 255
    target = np.where(mask[..., None] > 0, golden(source), source)
    store.add(RawPair("make the left golden", source, target, mask, group="photo 0"))
    return store


def base_in(folder: Path) -> Path:
    """The tiny model, made once."""
    path = folder / "tiny-base"
    return path if path.exists() else save_tiny(path)


def arguments(run: Path, base: Path, store: Path, *more: str, settings: Sequence[str] = SETTINGS) -> list[str]:
    """For a training of the tiny model on a processor."""
    words = ["--model", str(base), "--store", str(store), "--recipe", "starter", "--device", "cpu"]
    return [str(run), *words, *(f"--set={setting}" for setting in settings), *more]


def train(run: Path, base: Path, store: Path, *more: str, settings: Sequence[str] = SETTINGS) -> int:
    return main(arguments(run, base, store, *more, settings=settings))


def losses(run: Path) -> list[float]:
    lines = (run / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def start(words: Sequence[str], **options: object) -> subprocess.Popen[str]:
    """`python WORDS` as a process of its own, its input and output as text."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], env=environment, cwd=ROOT, **{**pipes, **options})
