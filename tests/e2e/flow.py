"""The main job from end to end. `python -m tests.e2e.flow main SHOTS` does it in a real window and keeps its pictures;
`kill` in place of `main` ends the engine in the middle of an edit."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QPushButton

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.formats.flat import read_flat
from editor.core.layer import RasterLayer
from editor.core.paths import sample_photo
from editor.core.tiles import Samples
from editor.jobs.edit_runner import ProcessEditRunner
from tests.e2e.hand import Hand


def whole(document: Document) -> Samples:
    return composite(document, document.rect)


def main_job(hand: Hand, folder: Path) -> None:
    """Open, select, instruct, three variants, compare, keep, undo, redo, save, close, open, run again, export."""
    hand.start()
    hand.shot("1-start")
    open_photo(hand)
    before = whole(hand.document.document)
    select(hand)
    three_variants(hand)
    compare(hand)
    kept = keep(hand, before)
    project = save_and_close(hand, folder, kept)
    open_again(hand, project, kept)
    run_recipe_again(hand)
    export(hand, folder / "picture.png")


def open_photo(hand: Hand) -> None:
    hand.answers.opens = [sample_photo()]
    hand.key("Ctrl+O")
    hand.wait(lambda: hand.program.desk.current)
    hand.wait(lambda: hand.canvas.settled)
    hand.shot("2-open")


def select(hand: Hand) -> None:
    hand.canvas.setFocus()
    hand.key("M")
    hand.drag((120, 40), (480, 330))
    assert hand.document.document.selection is not None
    assert hand.window.bar.scope.text() == "in the selection"


def three_variants(hand: Hand) -> None:
    edit = hand.document.edit
    hand.key("/")
    assert hand.window.bar.field.hasFocus()
    hand.type("make it night")
    hand.window.bar.count.setCurrentIndex(hand.window.bar.count.findData(3))
    edit.seed, edit.seed_locked = 7, True
    hand.key("Ctrl+Return")
    hand.wait(lambda: edit.running is not None and edit.running.step > 0)
    hand.shot("3-working")
    hand.wait(lambda: len(edit.done) == 3 and edit.running is None)
    assert [item.seed for item in edit.done] == [7, 8, 9]
    assert all(item.outside_mask_changed == 0 for item in edit.done)
    assert all(item.changed_fraction > 0.2 for item in edit.done)
    hand.wait(lambda: hand.canvas.settled)
    hand.shot("4-variants")


def compare(hand: Hand) -> None:
    edit, strip = hand.document.edit, hand.window.strip
    strip.setFocus()
    hand.key("2", strip)
    assert edit.shown is edit.variants[1]
    hand.canvas.setFocus()
    hand.rest()
    QTest.keyPress(hand.canvas, Qt.Key.Key_Backslash)
    assert edit.compare == "before"
    QTest.keyRelease(hand.canvas, Qt.Key.Key_Backslash)
    assert edit.compare == ""
    hand.key("Ctrl+Shift+B")
    assert edit.compare == "split"
    hand.wait(lambda: hand.canvas.settled)
    hand.shot("5-split")
    hand.key("Ctrl+Alt+G")
    assert edit.compare == "grid"
    hand.rest(0.5)
    hand.shot("6-grid")
    hand.key("Esc")
    assert edit.compare == ""


def keep(hand: Hand, before: Samples) -> Samples:
    """Keep, undo, redo; returns how the document looks in the end."""
    hand.key("Return", hand.window.strip)
    layers = hand.document.document.layers
    assert [layer.name for layer in layers] == ["photo", "make it night"]
    kept = whole(hand.document.document)
    assert not np.array_equal(kept, before)
    hand.canvas.setFocus()
    hand.key("Ctrl+Z")
    assert np.array_equal(whole(hand.document.document), before)
    assert len(hand.document.edit.variants) == 3
    hand.key("Ctrl+Shift+Z")
    assert np.array_equal(whole(hand.document.document), kept)
    hand.key("Ctrl+D")
    hand.wait(lambda: hand.canvas.settled)
    hand.shot("7-kept")
    return kept


def save_and_close(hand: Hand, folder: Path, kept: Samples) -> Path:
    project = folder / "coffee.ora"
    hand.answers.saves = project
    assert hand.document.modified
    hand.key("Ctrl+S")
    hand.wait(lambda: project.exists() and not hand.document.modified)
    hand.key("Ctrl+W")
    hand.wait(lambda: hand.program.desk.current is None)
    return project


def open_again(hand: Hand, project: Path, kept: Samples) -> None:
    hand.answers.opens = [project]
    hand.key("Ctrl+O")
    hand.wait(lambda: hand.program.desk.current)
    document = hand.document.document
    assert [layer.name for layer in document.layers] == ["photo", "make it night"]
    assert np.array_equal(whole(document), kept)
    assert len(hand.document.edit.variants) == 3
    hand.wait(lambda: hand.canvas.settled)
    hand.shot("8-again")


def run_recipe_again(hand: Hand) -> None:
    document, edit = hand.document.document, hand.document.edit
    layer = document.layers[1]
    assert isinstance(layer, RasterLayer) and layer.recipe is not None
    count = len(edit.done)
    recipe = hand.window.recipe
    hand.window.findChild(QDockWidget, "Recipe").raise_()
    hand.rest()
    hand.click(recipe.again)
    hand.wait(lambda: len(edit.done) == count + 1 and edit.running is None)
    again = edit.done[-1].layer
    assert again is not None
    area = document.rect.moved(-layer.x, -layer.y)
    assert (again.x, again.y) == (layer.x, layer.y)
    assert np.array_equal(again.plane.read(area), layer.plane.read(area))


def export(hand: Hand, path: Path) -> None:
    hand.answers.exports = path
    hand.document.edit.chosen = ()
    hand.key("Ctrl+Shift+E")
    hand.wait(path.exists)
    hand.wait(lambda: not hand.program.desk.tasks)
    pixels = read_flat(path).pixels
    assert np.array_equal(pixels[..., :3], whole(hand.document.document)[..., :3])


def engine_dies(hand: Hand, folder: Path) -> None:
    """The engine's process is killed in the middle: one sentence, the document as it was, and it starts again."""
    hand.start()
    open_photo(hand)
    before, edit = hand.document.document, hand.document.edit
    hand.key("/")
    hand.type("make it night")
    edit.count, edit.steps, edit.seed, edit.seed_locked = 2, 40, 7, True
    hand.key("Ctrl+Return")
    hand.wait(lambda: edit.running is not None and edit.running.step > 1)
    runner = hand.program.runner
    assert isinstance(runner, ProcessEditRunner) and runner.pid is not None
    os.kill(runner.pid, signal.SIGKILL)
    hand.wait(lambda: edit.running is None)
    message = edit.message
    assert message is not None and message.kind == "error" and message.buttons == (("Start again", "engine.restart"),)
    assert hand.document.document is before
    hand.shot("engine-died")
    button = next(each for each in hand.window.message.findChildren(QPushButton) if each.text() == "Start again")
    hand.click(button)
    hand.wait(lambda: len(edit.done) == 2 and edit.running is None)
    assert hand.document.document is before


SCENES = {"main": main_job, "kill": engine_dies}


def main(scene: str, shots: Path) -> None:
    app = QApplication(["palimpsest"])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PALIMPSEST_HOME"] = str(Path(folder) / "home")
        hand = Hand(app, shots)
        SCENES[scene](hand, Path(folder))
        hand.close()
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
