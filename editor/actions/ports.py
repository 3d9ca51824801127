"""What actions ask of the window: small protocols, so that no action knows Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from editor.core.document import Document
from editor.core.formats.export_flat import ExportOptions
from editor.edits.pairs import NewPair
from editor.edits.settings import ModelFacts

Rgba = NDArray[np.uint8]
Answer = Literal["save", "discard", "cancel"]


@dataclass(frozen=True)
class FileKind:
    """A line in a file dialog: "OpenRaster (*.ora)"."""

    title: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """One number to ask for. unit: written behind it. help: one line under it."""

    name: str
    title: str
    value: float
    low: float
    high: float
    unit: str = ""
    decimals: int = 0
    help: str = ""


@dataclass(frozen=True)
class Page:
    """A new document. colour: straight RGBA of its first layer, None for an empty one."""

    width: int
    height: int
    dpi: float = 300.0
    colour: tuple[int, int, int, int] | None = (255, 255, 255, 255)


@dataclass(frozen=True)
class Export:
    """Where to, and how."""

    path: Path
    options: ExportOptions


class Dialogs(Protocol):
    """Questions to the user. None, or an empty list, means that they thought better of it."""

    def open_files(self, folder: Path | None) -> Sequence[Path]: ...

    def save_file(self, title: str, suggested: Path, kinds: Sequence[FileKind]) -> Path | None: ...

    def export(self, document: Document, suggested: Path) -> Export | None: ...

    def new_page(self) -> Page | None: ...

    def numbers(
        self, title: str, fields: Sequence[Field], linked: tuple[str, str] | None = None
    ) -> dict[str, float] | None:
        """linked: two fields that keep their ratio while a lock is shut."""
        ...

    def text(self, title: str, label: str, suggested: str, help: str = "") -> str | None:
        """One line that is not blank. label: what is asked; help: a sentence under the field."""
        ...

    def unsaved(self, title: str) -> Answer: ...

    def show(self, name: str, *arguments: object) -> None:
        """Open "preferences", "about", "keys", "palette", "doctor", "training" or "models".

        The last takes paths of models."""
        ...


class Clipboard(Protocol):
    """The system's clipboard, with alpha."""

    def copy(self, pixels: Rgba) -> None: ...

    def paste(self) -> Rgba | None:
        """None where it holds no picture."""
        ...

    @property
    def has_picture(self) -> bool: ...


class Models(Protocol):
    """The model packages at hand."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def facts(self, name: str) -> ModelFacts: ...

    def choose(self, name: str) -> None:
        """Use it for documents opened from now on, and make it ready."""
        ...


class Pairs(Protocol):
    """The user's own pairs for training."""

    def add(self, pairs: Sequence[NewPair], told: Callable[[str, bool], object]) -> None:
        """told: what it came to, as a sentence, and whether it failed; on the thread of the window."""
        ...


class Screen(Protocol):
    """The window's view of the current document."""

    def do(self, what: str) -> None:
        """One of "zoom_in", "zoom_out", "fit", "actual", "panels", "full_screen", "focus_instruction",
        "rename_layer", "cancel_tool", "close". Nothing happens to a view that is not there."""
        ...

    @property
    def tool_busy(self) -> bool:
        """True while a stroke, a drag or a crop frame is in progress."""
        ...

    @property
    def centre(self) -> tuple[int, int]:
        """The document pixel in the middle of what is seen."""
        ...
