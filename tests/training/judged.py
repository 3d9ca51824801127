"""Pairs, stores and runs for tests of what judges models: small photos and answers that can be computed."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np

from inference.engine import Engine
from inference.package import ModelPackage, open_package
from inference.types import CancelToken, EditRequest, Variant
from training.editing import Maker
from training.items import Item, Pictures
from training.pairs.pair import Grey, RawPair, Rgb
from training.pairs.store import PairStore
from training.recipe import TrainingRecipe
from training.runs import Run, RunSheet
from training.starter.photos import PHOTOS, photo

SIDE = 64
DUOTONE = "make it a duotone of plum and gold"


def duotone(picture: Rgb) -> Rgb:
    """A certain one: greys from plum to gold."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] / 255
    return np.rint(np.array([70, 20, 90]) * (1 - grey) + np.array([255, 220, 120]) * grey).astype(np.uint8)


def raw_pair(name: str, captions: tuple[str, str] | None = None, mask: Grey | None = None) -> RawPair:
    """One pair of a photo of scikit-image, `SIDE` pixels square."""
    source = np.ascontiguousarray(photo(name, 2 * SIDE)[:SIDE, :SIDE])
    words = {"caption": captions[0], "edited_caption": captions[1]} if captions else {}
    return RawPair(DUOTONE, source, duotone(source), mask, name, words)


def item(name: str) -> Item:
    raw = raw_pair(name)
    return Item(name.split(".")[0], raw.instruction, name, lambda: Pictures(raw.source, raw.target, raw.mask))


def items(count: int = 2) -> tuple[Item, ...]:
    return tuple(item(name) for name in PHOTOS[:count])


def store_of(folder: Path, raws: Sequence[RawPair]) -> PairStore:
    store = PairStore(folder)
    for raw in raws:
        store.add(raw)
    return store


def package(folder: Path, name: str, instructions: Sequence[str] = (), image_scale: float = 1.0) -> ModelPackage:
    """The tiny package in `folder` with other words in its manifest; an image scale of 1 gives the picture back."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    dials = {"steps": 2, "text_scale": 1.0, "image_scale": image_scale, "sampler": "euler", "size": 64}
    path.write_text(json.dumps({**values, "name": name, "instructions": list(instructions), "dials": dials}))
    return open_package(folder)


class StandIn:
    """An engine whose edits are known: `image_scale` times the picture, a little redder with every seed."""

    chosen = SimpleNamespace(provider=SimpleNamespace(name="stand-in"))

    def edit(self, request: EditRequest, cancel: CancelToken, *, previews: bool) -> Iterator[Variant]:
        cancel.raise_if_cancelled()
        for index, seed in enumerate(request.seeds):
            image = request.image * request.image_scale + (10 * seed, 0, 0)
            yield Variant(index, seed, np.clip(np.rint(image), 0, 255).astype(np.uint8), 0.0, 0.0, 0)


@contextmanager
def stand_in(package: ModelPackage, cancel: CancelToken | None = None) -> Generator[Maker]:
    """As `training.editing.maker`, in microseconds."""
    yield Maker(cast("Engine", StandIn()), package, package.dials, cancel or CancelToken())


def run_of(folder: Path, base: ModelPackage, held_out: Sequence[Item], store: str = "") -> Run:
    """A run that has ended, without its package."""
    run = Run(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sheet = RunSheet(
        name=folder.name, base_name=base.name, base_path=str(base.folder), base_sha256=base.sha256,
        recipe=TrainingRecipe("tests", "for tests"), store=store, train=(), held_out=tuple(one.id for one in held_out),
        earlier=(), pairs_sha256="", instructions=(DUOTONE,), steps=1, device="cpu", created="2026-01-01T00:00:00Z",
    )  # fmt: skip
    run.write_sheet(sheet)
    run.write_held_out(held_out)
    return run
