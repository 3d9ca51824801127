"""CLIP's vocabulary, which models in a single file lack: where on this machine it may lie. No network is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

FILES = ("vocab.json", "merges.txt")


def find_vocabulary(source: Path, given: Path | None) -> Path | None:
    """A folder with vocab.json and merges.txt: in `given` where that is named, else near `source`, else in the cache.

    None where there is none.
    """
    folders = _inside(given) if given is not None else _places(source)
    return next((folder for folder in folders if all((folder / name).is_file() for name in FILES)), None)


def _places(source: Path) -> Iterator[Path]:
    near = source if source.is_dir() else source.parent
    yield from _inside(near)
    if not source.is_dir():
        for folder in sorted(path for path in near.iterdir() if path.is_dir()):
            yield from _inside(folder)
    for snapshot in sorted(_hub().glob("models--*/snapshots/*")):
        if (
            "stable-diffusion" in str(snapshot)
            or "pix2pix" in str(snapshot)
            or "clip-vit-large-patch14" in str(snapshot)
        ):
            yield from _inside(snapshot)


def _inside(folder: Path) -> Iterator[Path]:
    yield folder / "tokenizer"
    yield folder


def _hub() -> Path:
    """As huggingface_hub finds it."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
