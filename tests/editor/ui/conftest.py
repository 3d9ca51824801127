"""A desk with one open document, small stand-ins for what the window gives it, and variants in every state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication

from editor.actions import action_named
from editor.actions.desk import Desk, Ports
from editor.core.document import Document
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.settings import Settings
from editor.core.tiles import TileMap
from editor.edits.background import InlineBackground
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.pairs import NewPair
from editor.edits.region import Region
from editor.edits.runner import EditListener, EngineStatus
from editor.edits.session import EditSession
from editor.edits.settings import ModelFacts
from editor.edits.values import State, VariantItem
from editor.ui import theme
from inference.types import EditRequest

FACTS = ModelFacts(
    "starter", "0" * 64, "fp32", 20, 7.5, 1.5, "euler_ancestral", 512, ("make it snow", "make it night", "add fog")
)


class Dialogs:
    """Answers nothing, and remembers which pages were opened."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def open_files(self, folder: Path | None) -> Sequence[Path]:
        return []

    def save_file(self, title: str, suggested: Path, kinds: object) -> Path | None:
        return None

    def export(self, document: Document, suggested: Path) -> None:
        return None

    def new_page(self) -> None:
        return None

    def numbers(self, title: str, fields: object, linked: object = None) -> None:
        return None

    def text(self, title: str, label: str, suggested: str, help: str = "") -> None:
        return None

    def unsaved(self, title: str) -> str:
        return "cancel"

    def show(self, name: str) -> None:
        self.shown.append(name)


class Clipboard:
    has_picture = False

    def copy(self, pixels: NDArray[np.uint8]) -> None:
        self.has_picture = True

    def paste(self) -> NDArray[np.uint8] | None:
        return None


class Screen:
    tool_busy = False
    centre = (0, 0)

    def do(self, what: str) -> None:
        pass


class Models:
    names: tuple[str, ...] = ("starter", "photographer")

    def facts(self, name: str) -> ModelFacts:
        return FACTS

    def choose(self, name: str) -> None:
        pass


class Pairs:
    """Takes every pair, and says nothing."""

    def __init__(self) -> None:
        self.taken: list[NewPair] = []

    def add(self, pairs: Sequence[NewPair], told: object) -> None:
        self.taken.extend(pairs)


class Handle:
    def cancel(self) -> None:
        pass


class Runner:
    """An engine that takes every request and never answers."""

    def __init__(self) -> None:
        self._status = EngineStatus()

    def start(self, package_name: str, request: EditRequest, listener: EditListener) -> Handle:
        return Handle()

    def status(self) -> EngineStatus:
        return self._status

    def prewarm(self, package_name: str) -> None:
        pass

    def close(self) -> None:
        pass


class Bench:
    """triggered: the intents of widgets, with their arguments; `trigger` runs them on the desk as well."""

    def __init__(self) -> None:
        ports: Any = Ports(Dialogs(), Clipboard(), Screen(), InlineBackground(), Models(), Pairs())
        self.desk = Desk(ports, Settings(), lambda: EditSession(FACTS), self._generation)
        self.triggered: list[tuple[object, ...]] = []
        self.desk.add(self.new("harbour.ora"))

    @property
    def opened(self) -> OpenDocument:
        assert self.desk.current is not None
        return self.desk.current

    @property
    def session(self) -> EditSession:
        return self.opened.edit

    @property
    def ids(self) -> list[object]:
        """The ids of what was triggered."""
        return [first for first, *_ in self.triggered]

    def new(self, title: str) -> OpenDocument:
        layer = RasterLayer(name="photo", plane=TileMap.of(np.full((90, 120, 4), 200, np.uint8)))
        document = Document(120, 90, (layer,), layer.id)
        return OpenDocument(History(document), None, title, EditSession(FACTS, ("make it autumn", "add rain")))

    def trigger(self, id: str, *arguments: object) -> None:
        self.triggered.append((id, *arguments))
        action = action_named(id)
        if action.enabled(self.desk):
            action.run(self.desk, *arguments)

    def item(self, index: int, state: State = "done", **values: Any) -> VariantItem:
        """A variant of the current document; a finished one has a picture."""
        document = self.opened.document
        if state == "done":
            values.setdefault("pixels", ramp(document.width, document.height, index))
            values.setdefault("changed_fraction", 0.12 * (index + 1))
        region = Region(document.rect, values.pop("mask", None))
        settings = self.session.settings
        return VariantItem(f"v{index}", index, 40 + index, settings, region, document, state, **values)

    def close(self) -> None:
        for opened in self.desk.documents:
            self.desk.remove(opened)

    def _generation(self, opened: OpenDocument) -> Generation:
        return Generation(opened.edit, opened, Runner())


def ramp(width: int, height: int, hue: int = 0) -> NDArray[np.uint8]:
    """A colourful picture, uint8 (h, w, 4)."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 // width, y * 255 // height, (x + y + 40 * hue) % 256, np.full((height, width), 255)]
    return np.stack([planes[(c + hue) % 3] if c < 3 else planes[3] for c in range(4)], axis=2).astype(np.uint8)


@pytest.fixture
def bench(qapp: QApplication) -> Iterator[Bench]:
    theme.apply(qapp, "dark")
    bench = Bench()
    yield bench
    bench.close()
