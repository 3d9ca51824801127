"""A desk on which every action can run: answers instead of dialogs, a clipboard, an engine of arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from editor.actions import action_named
from editor.actions.desk import Desk, Ports
from editor.actions.ports import Answer, Export, Field, FileKind, Page
from editor.core.changes import SetSelection
from editor.core.compositor import composite
from editor.core.document import Document, walk
from editor.core.formats.export_flat import ExportOptions
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.layer import GroupLayer, Layer, RasterLayer
from editor.core.selection import rectangle
from editor.core.settings import Settings
from editor.core.tiles import TileMap
from editor.edits.background import InlineBackground
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.pairs import NewPair
from editor.edits.runner import EditListener, EngineStatus
from editor.edits.session import EditSession
from editor.edits.settings import ModelFacts
from inference.compose import changed_fraction
from inference.compose import composite as composed
from inference.errors import PackageError
from inference.types import EditRequest, Variant

WIDTH, HEIGHT = 120, 90
Pixels = NDArray[np.uint8]


def facts(name: str) -> ModelFacts:
    return ModelFacts(name, "ab" * 32, "float16", 2, 7.5, 1.5, "euler", 64, ("make it snow",), "onnxruntime 1")


def noise(width: int = WIDTH, height: int = HEIGHT, seed: int = 1) -> Pixels:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


class Dialogs:
    """What the user answers; `asked` tells what for."""

    def __init__(self) -> None:
        self.opens: list[Path] = []
        self.saves: Path | None = None
        self.exports: Export | None = None
        self.page: Page | None = None
        self.answers: dict[str, float] | None = None
        self.unsaved_answers: list[Answer] = []
        self.texts: list[str | None] = []
        self.suggestions: list[str] = []
        self.asked: list[str] = []
        self.suggested: list[Path] = []
        self.linked: tuple[str, str] | None = None

    def open_files(self, folder: Path | None) -> Sequence[Path]:
        self.asked.append(f"open in {folder}")
        return self.opens

    def save_file(self, title: str, suggested: Path, kinds: Sequence[FileKind]) -> Path | None:
        self.asked.append(title)
        self.suggested.append(suggested)
        return self.saves

    def export(self, document: Document, suggested: Path) -> Export | None:
        self.suggested.append(suggested)
        return self.exports

    def new_page(self) -> Page | None:
        return self.page

    def numbers(
        self, title: str, fields: Sequence[Field], linked: tuple[str, str] | None = None
    ) -> dict[str, float] | None:
        self.asked.append(title)
        self.linked = linked
        return self.answers

    def text(self, title: str, label: str, suggested: str, help: str = "") -> str | None:
        self.asked.append(label)
        self.suggestions.append(suggested)
        return self.texts.pop(0) if self.texts else None

    def unsaved(self, title: str) -> Answer:
        self.asked.append(f"unsaved {title}")
        return self.unsaved_answers.pop(0)

    def show(self, name: str) -> None:
        self.asked.append(name)


class Clipboard:
    def __init__(self) -> None:
        self.pixels: Pixels | None = None

    @property
    def has_picture(self) -> bool:
        return self.pixels is not None

    def copy(self, pixels: Pixels) -> None:
        self.pixels = pixels

    def paste(self) -> Pixels | None:
        return self.pixels


class Screen:
    tool_busy = False
    centre = (60, 45)

    def __init__(self) -> None:
        self.done: list[str] = []

    def do(self, what: str) -> None:
        self.done.append(what)


class Models:
    names: tuple[str, ...] = ("starter", "photographer")

    def __init__(self) -> None:
        self.chosen = ""

    def facts(self, name: str) -> ModelFacts:
        if name not in self.names:
            raise PackageError(f"There is no model named {name}; choose another one.")
        return facts(name)

    def choose(self, name: str) -> None:
        self.chosen = name


class Pairs:
    """Takes every pair, or refuses all with `refusal`."""

    def __init__(self) -> None:
        self.taken: list[NewPair] = []
        self.refusal = ""

    def add(self, pairs: Sequence[NewPair], told: Callable[[str, bool], object]) -> None:
        if self.refusal:
            told(self.refusal, True)
        else:
            self.taken.extend(pairs)
            told(f"{len(pairs)} taken", False)


class Later:
    """A background that does nothing until told to: `work` does the work, `deliver` tells of it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[_Job, Callable[..., Any], Callable[..., Any], Callable[..., Any], Any]] = []

    def run(self, work: Any, done: Any, failed: Any, progress: Any = None) -> _Job:
        job = _Job()
        self.waiting.append((job, work, done, failed, progress))
        return job

    def later(self, seconds: float, call: Callable[[], None]) -> _Job:
        return _Job()

    def step(self) -> None:
        """The oldest piece of work, from its start to its end."""
        job, work, done, failed, _ = self.waiting.pop(0)
        try:
            result = work(job)
        except Exception as error:
            if not job.cancelled:
                failed(error)
        else:
            if not job.cancelled:
                done(result)

    def finish(self) -> None:
        while self.waiting:
            self.step()


class _Job:
    def __init__(self) -> None:
        self.cancelled = False

    def __call__(self, fraction: float) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled = True


class Runner:
    """Every variant at once, as the negative shifted by its seed; held back while `hold` is set."""

    def __init__(self) -> None:
        self._status = EngineStatus()
        self.hold = False
        self.held: list[tuple[EditRequest, EditListener]] = []
        self.cancelled = 0

    def start(self, package_name: str, request: EditRequest, listener: EditListener) -> Runner:
        self.held.append((request, listener))
        if not self.hold:
            self.release()
        return self

    def release(self) -> None:
        for request, listener in self.held:
            for index, seed in enumerate(request.seeds):
                edited = (255 - request.image.astype(np.int64) + seed * 37).astype(np.uint8)
                image = composed(request.image, edited, request.mask)
                changed = changed_fraction(request.image, image)
                listener.on_event(Variant(index, seed, image, 0.5, changed, 0))
            listener.on_done()
        self.held.clear()

    def cancel(self) -> None:
        self.cancelled += 1
        held, self.held = self.held, []
        for _, listener in held:
            listener.on_error("The edit was cancelled.", "Cancelled")

    def status(self) -> EngineStatus:
        return self._status

    def prewarm(self, package_name: str) -> None:
        pass

    def close(self) -> None:
        pass


class World:
    """The desk and everything it is made of, with short ways to look at them."""

    def __init__(self, background: Any) -> None:
        self.dialogs, self.clipboard, self.screen, self.models = Dialogs(), Clipboard(), Screen(), Models()
        self.background: Any = background
        self.runner = Runner()
        self.pairs = Pairs()
        ports = Ports(self.dialogs, self.clipboard, self.screen, background, self.models, self.pairs)
        self.desk = Desk(ports, Settings(), lambda: EditSession(facts("starter")), self._generation)

    def _generation(self, opened: OpenDocument) -> Generation:
        return Generation(opened.edit, opened, self.runner, InlineBackground())

    def run(self, id: str, *arguments: object) -> None:
        """As the window does: only where the action is enabled."""
        action = action_named(id)
        assert action.enabled(self.desk), f"{id} is greyed out"
        action.run(self.desk, *arguments)

    def enabled(self, id: str) -> bool:
        return action_named(id).enabled(self.desk)

    def add(self, *layers: Layer, width: int = WIDTH, height: int = HEIGHT, title: str = "a.ora") -> OpenDocument:
        """A tab on these layers, or on one of noise."""
        present = layers or (RasterLayer(name="photo", plane=TileMap.of(noise(width, height))),)
        document = Document(width, height, present, present[-1].id)
        opened = OpenDocument(History(document), None, title, EditSession(facts("starter")))
        self.desk.add(opened)
        return opened

    @property
    def opened(self) -> OpenDocument:
        assert self.desk.current is not None
        return self.desk.current

    @property
    def document(self) -> Document:
        return self.opened.document

    @property
    def session(self) -> EditSession:
        return self.opened.edit

    @property
    def message(self) -> str:
        message = self.session.message if self.desk.current is not None else self.desk.message
        return message.text if message is not None else ""

    @property
    def buttons(self) -> list[str]:
        message = self.session.message
        return [id for _, id in message.buttons] if message is not None else []

    @property
    def steps(self) -> int:
        return len(list(self.opened.history.steps()))

    @property
    def names(self) -> list[str]:
        """Groups as "name(" and ")" around their layers, the lowest first."""
        return list(_names(self.document.layers))

    def look(self) -> Pixels:
        return composite(self.document, self.document.rect)

    def select(self, x: int, y: int, width: int, height: int) -> None:
        self.desk.do(SetSelection(rectangle(Rect(x, y, width, height))))

    def activate(self, name: str) -> None:
        layer = next(layer for layer in walk(self.document) if layer.name == name)
        self.opened.history.look(replace(self.document, active=layer.id))

    def id(self, name: str) -> str:
        return next(layer.id for layer in walk(self.document) if layer.name == name)

    def generate(self, count: int = 2) -> None:
        self.session.instruction, self.session.count = "make it snow", count
        self.session.seed, self.session.seed_locked = 3, True
        self.run("edit.generate")

    def close(self) -> None:
        for opened in self.desk.documents:
            self.desk.remove(opened)


def _names(layers: tuple[Layer, ...]) -> Iterator[str]:
    for layer in layers:
        if isinstance(layer, GroupLayer):
            yield f"{layer.name}("
            yield from _names(layer.children)
            yield ")"
        else:
            yield layer.name


def plain(name: str, colour: tuple[int, int, int, int] = (200, 100, 50, 255), **values: Any) -> RasterLayer:
    return RasterLayer(name=name, plane=TileMap.of(np.full((HEIGHT, WIDTH, 4), colour, np.uint8)), **values)


@pytest.fixture
def world() -> Iterator[World]:
    world = World(InlineBackground())
    yield world
    world.close()


@pytest.fixture
def later() -> Iterator[World]:
    """Its background waits for `later.background.step()`."""
    world = World(Later())
    yield world
    world.close()


@pytest.fixture
def make_layer() -> Callable[..., RasterLayer]:
    return plain


@pytest.fixture
def make_export() -> Callable[[Path], Export]:
    return lambda path: Export(path, ExportOptions())


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.jpg"
    Image.fromarray(noise()[..., :3]).save(path, quality=95)
    return path
