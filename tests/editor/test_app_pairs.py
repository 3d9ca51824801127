"""Use for training, from the window to the store on the disk, with the real command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from editor.app import Program
from editor.core.document import Document
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.paths import HOME_VARIABLE, user_pairs
from editor.core.tiles import TileMap
from editor.edits.open_document import OpenDocument

PATIENCE = 60_000


class Asked:
    """Dialogs in which the user types one instruction."""

    def __init__(self) -> None:
        self.suggestions: list[str] = []

    def text(self, title: str, label: str, suggested: str, help: str = "") -> str:
        self.suggestions.append(suggested)
        return "paint the corner red"


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Any) -> Iterator[Program]:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    made = Program(qapp, dialogs=asked)
    made.start([])
    yield made
    qapp.aboutToQuit.disconnect(made.close)
    made.close()
    made.window.close_now()
    made.window.deleteLater()


def test_a_layer_becomes_a_pair_only_when_asked(program: Program, asked: Asked, qtbot: QtBot) -> None:
    photo = np.random.default_rng(1).integers(0, 200, (150, 200, 4), np.uint8)
    photo[..., 3] = 255
    spot = np.full((40, 40, 4), (255, 0, 0, 255), np.uint8)
    layers = tuple(
        RasterLayer(name=name, plane=TileMap.of(pixels)) for name, pixels in (("photo", photo), ("red", spot))
    )
    opened = OpenDocument(History(Document(200, 150, layers, layers[1].id)), title="a.ora", edit=program._session())
    program.desk.add(opened)
    trigger = program.window.commands.trigger
    for id in ("layer.duplicate", "edit.undo", "edit.redo", "edit.undo"):
        trigger(id)
    qtbot.wait(50)
    assert not user_pairs().exists()
    trigger("layer.use_for_training")
    qtbot.waitUntil(lambda: bool(program.pairs.entries), timeout=PATIENCE)
    (entry,) = program.pairs.entries
    assert (entry.instruction, asked.suggestions) == ("paint the corner red", [""])
    assert np.array_equal(np.asarray(Image.open(entry.source_path)), photo[..., :3])
    assert entry.source_path.is_relative_to(user_pairs())
    message = opened.edit.message
    assert message is not None and message.text == "The pair was added to your training pairs."
    assert message.buttons == (("Show", "model.train"),)
