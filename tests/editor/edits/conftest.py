"""An engine of arithmetic, and documents to edit with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from editor.core.document import Document
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.edits.background import InlineBackground
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession, ModelFacts
from editor.jobs.edit_runner import InlineEditRunner
from inference.compose import changed_fraction, composite, outside_mask_changed
from inference.types import CancelToken, EditRequest, Event, Notice, Preview, Progress, Variant

FACTS = ModelFacts("tiny", "ab" * 32, "float16", 2, 7.5, 1.5, "euler", 64, ("make it snow",), "onnxruntime 1")


class FakeEngine:
    """The negative picture, shifted by the seed; `fail` is raised at the first event of variant `fail_at`.

    notice: said before the first variant, if it is not "".
    """

    def __init__(self) -> None:
        self.requests: list[EditRequest] = []
        self.fail: Exception | None = None
        self.fail_at = 0
        self.notice = ""

    def edit(self, request: EditRequest, cancel: CancelToken) -> Iterator[Event]:
        self.requests.append(request)
        if self.notice:
            yield Notice(self.notice)
        for index, seed in enumerate(request.seeds):
            if self.fail is not None and index == self.fail_at:
                raise self.fail
            for step in range(request.steps + 1):
                cancel.raise_if_cancelled()
                yield Progress(index, "denoise", step, request.steps, float(request.steps - step))
            yield Preview(index, np.full((8, 8, 3), seed % 256, np.uint8))
            shift = (seed * 37 + int(request.text_scale * 10) + int(request.image_scale * 100)) % 256
            edited = (255 - request.image.astype(np.int64) + shift).astype(np.uint8)
            image = composite(request.image, edited, request.mask)
            changed = changed_fraction(request.image, image)
            yield Variant(index, seed, image, 0.5, changed, outside_mask_changed(request.image, image, request.mask))


def picture(width: int = 301, height: int = 203, alpha: bool = False, seed: int = 1) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    if not alpha:
        pixels[..., 3] = 255
    return pixels


@pytest.fixture
def make_document() -> Callable[..., Document]:
    """`make_document(width, height, alpha)`: one layer of noise."""

    def make(width: int = 301, height: int = 203, alpha: bool = False) -> Document:
        layer = RasterLayer(name="photo", plane=TileMap.of(picture(width, height, alpha)))
        return Document(width, height, (layer,), active=layer.id)

    return make


@pytest.fixture
def document(make_document: Callable[..., Document]) -> Document:
    return make_document()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


class Bench:
    """Everything for edits of one document, with nothing left to chance."""

    def __init__(self, document: Document, engine: FakeEngine, *, paced: bool = False) -> None:
        self.engine = engine
        self.session = EditSession(FACTS)
        self.session.instruction, self.session.count = "make it snow", 2
        self.open = OpenDocument(History(document), Path("a.png"), edit=self.session)
        self.runner = InlineEditRunner(engine, paced=paced)
        self.background = InlineBackground()
        self.generation = Generation(self.session, self.open, self.runner, self.background)


@pytest.fixture
def bench(document: Document, engine: FakeEngine) -> Iterator[Bench]:
    bench = Bench(document, engine)
    yield bench
    bench.generation.close()
    bench.open.close()


@pytest.fixture
def make_bench(engine: FakeEngine) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(document: Document, *, paced: bool = False) -> Bench:
        made.append(Bench(document, engine, paced=paced))
        return made[-1]

    yield make
    for bench in made:
        bench.generation.close()
        bench.open.close()
