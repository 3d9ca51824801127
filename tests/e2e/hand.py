"""Drives the real window as a user would: with keys, clicks and drags. Dialogs of the system are answered here."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from editor.actions.ports import Answer, Export, Field, FileKind, Page
from editor.app import Program
from editor.core.document import Document
from editor.core.formats.export_flat import ExportOptions
from editor.edits.open_document import OpenDocument
from editor.ui.canvas.canvas import Canvas

PATIENCE = 90.0


@dataclass
class Answers:
    """What the user would choose in the dialogs of the system."""

    opens: list[Path] = field(default_factory=list)
    saves: Path | None = None
    exports: Path | None = None
    texts: list[str] = field(default_factory=list)
    unsaved_answer: Answer = "discard"
    asked: list[str] = field(default_factory=list)

    def open_files(self, folder: Path | None) -> Sequence[Path]:
        return self.opens

    def save_file(self, title: str, suggested: Path, kinds: Sequence[FileKind]) -> Path | None:
        self.asked.append(title)
        return self.saves

    def export(self, document: Document, suggested: Path) -> Export | None:
        return None if self.exports is None else Export(self.exports, ExportOptions())

    def new_page(self) -> Page | None:
        return Page(300, 200)

    def numbers(
        self, title: str, fields: Sequence[Field], linked: tuple[str, str] | None = None
    ) -> dict[str, float] | None:
        return {each.name: each.value for each in fields}

    def text(self, title: str, label: str, suggested: str, help: str = "") -> str | None:
        self.asked.append(label)
        return self.texts.pop(0) if self.texts else suggested or None

    def unsaved(self, title: str) -> Answer:
        self.asked.append(title)
        return self.unsaved_answer

    def show(self, name: str) -> None:
        self.asked.append(name)


class Hand:
    """shots: where `shot` puts its pictures; None for nowhere."""

    def __init__(self, app: QApplication, shots: Path | None = None) -> None:
        self.app, self.shots = app, shots
        self.answers = Answers()
        self.program = Program(app, dialogs=self.answers)
        self.window = self.program.window

    def start(self, *paths: Path, size: tuple[int, int] = (1280, 800)) -> None:
        self.program.start(paths)
        self.window.resize(*size)
        self.window.activateWindow()
        QTest.qWaitForWindowActive(self.window, 2000)
        self.rest()

    def close(self) -> None:
        self.program.close()
        self.window.close_now()
        self.window.deleteLater()
        self.rest()

    @property
    def document(self) -> OpenDocument:
        current = self.program.desk.current
        assert current is not None
        return current

    @property
    def canvas(self) -> Canvas:
        view = self.window.view
        assert view is not None
        return view.canvas

    def wait(self, done: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Let the window work until `done()`."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"waited {seconds} s in vain; the window says: {self.window.message.message}"
            self.rest(0.01)

    def rest(self, seconds: float = 0.05) -> None:
        end = time.monotonic() + seconds
        self.app.processEvents()
        while time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.002)

    def key(self, keys: str, on: QWidget | None = None) -> None:
        """Press a key, written as Qt writes shortcuts, in the widget that has the focus."""
        combination = QKeySequence(keys)[0]
        target = on or self.app.focusWidget() or self.window
        QTest.keyClick(target, combination.key(), combination.keyboardModifiers())
        self.rest()

    def type(self, text: str) -> None:
        QTest.keyClicks(self.app.focusWidget() or self.window, text)
        self.rest()

    def click(self, widget: QWidget) -> None:
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        self.rest()

    def drag(self, *points: tuple[float, float]) -> None:
        """Over the canvas, through these document pixels."""
        spots = [self.canvas.grab_document_point(x, y) for x, y in points]
        QTest.mouseMove(self.canvas, spots[0])
        QTest.mousePress(self.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spots[0])
        for start, end in itertools.pairwise(spots):
            for part in range(1, 9):
                QTest.mouseMove(self.canvas, start + (end - start) * (part / 8))
                self.rest(0.004)
        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spots[-1])
        self.rest()

    def shot(self, name: str) -> None:
        """A picture of the window as it is now."""
        self.rest(0.3)
        if self.shots is not None:
            self.shots.mkdir(parents=True, exist_ok=True)
            self.window.grab().save(str(self.shots / f"{name}.jpg"), "JPEG", 85)
