"""The models' window: what it shows, what it starts, and that drops of models come here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from editor.actions.model import is_model, sorted_out
from editor.edits.background import InlineBackground
from editor.jobs.adding import Adding, AddingState
from editor.jobs.importing import INSTALL, UNTOLD, Found, Importer
from editor.jobs.shelf import Shelf
from editor.ui.dialogs.models import ModelsDialog
from editor.ui.workspace import Workspace
from inference.import_report import Agreement, ImportReport, save_report
from inference.store import ModelStore
from tests.tiny_package import write_tiny_package

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]
FAKE = (sys.executable, str(Path(__file__).parents[2] / "jobs" / "fake_training.py"))
PATIENCE = 20_000
FOUND = Found(Path("/models/photos"), "diffusers", "photos", "CC0", 4_100_000_000, 2_000_000_000)
LORA = replace(FOUND, source=Path("/models/quick.safetensors"), kind="lora", name="quick", few_steps=True)


class Bench:
    """A dialog over a store of three models, with a stand-in for the training package."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        write_tiny_package(tmp_path / "bundled" / "starter", name="starter")
        mine = write_tiny_package(tmp_path / "user" / "mine", name="mine")
        save_report(mine, ImportReport((Agreement("unet", 2.9e-5, 1e-4),), ("One note.",)))
        (write_tiny_package(tmp_path / "user" / "broken", name="broken") / "unet/model.onnx").unlink()
        self.store = ModelStore(tmp_path / "user", tmp_path / "bundled")
        self.used = "starter"
        self.shelf = Shelf(lambda: self.store, InlineBackground())
        self.adding = Adding(lambda: Importer(self.store, FAKE), lambda: False)
        self.dialog = ModelsDialog(self.shelf, self.adding, lambda: self.used, self._choose)
        self.dialog.open_with()

    def source(self, name: str) -> Path:
        folder = self.folder / "sources" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def names(self) -> list[str]:
        return [self.dialog.list.item(row).text() for row in range(self.dialog.list.count())]

    def choose(self, name: str) -> None:
        self.dialog.list.setCurrentRow(self.names.index(name))

    @property
    def words(self) -> str:
        """All that the details say."""
        return "\n".join(label.text() for label in self.dialog.details.area.widget().findChildren(QLabel))

    def _choose(self, name: str) -> None:
        self.used = name or "starter"


@pytest.fixture
def bench(tmp_path: Path, qtbot: QtBot) -> Iterator[Bench]:
    made = Bench(tmp_path)
    qtbot.addWidget(made.dialog)
    yield made
    made.adding.close()


def test_the_model_in_use_is_shown_first(bench: Bench) -> None:
    assert bench.names == ["starter", "mine", "broken"]
    assert bench.dialog.details.title.text() == "starter"
    assert not bench.dialog.details.use_button.isEnabled() and bench.dialog.details.use_button.text() == "In use"
    assert not bench.dialog.details.remove_button.isEnabled()
    assert "it came with the program" in bench.words and "make it red" in bench.words


def test_what_is_known_of_a_model(bench: Bench) -> None:
    bench.choose("mine")
    assert "MIT" in bench.words and "0.0029 % in the part that edits" in bench.words and "One note." in bench.words
    assert "4 steps, follow 2, keep 1, euler, 64 px" in bench.words
    bench.choose("broken")
    assert "is missing" in bench.words
    details = bench.dialog.details
    assert not details.use_button.isEnabled() and not details.verify_button.isEnabled()
    assert details.remove_button.isEnabled()


def test_use(bench: Bench) -> None:
    bench.choose("mine")
    bench.dialog.details.use_button.click()
    assert bench.used == "mine" and bench.dialog.details.title.text() == "mine"
    assert not bench.dialog.details.use_button.isEnabled()


def test_verify_answers_in_place(bench: Bench) -> None:
    bench.choose("mine")
    bench.dialog.details.verify_button.click()
    assert "as recorded" in bench.dialog.details.says.text()
    bench.choose("starter")
    assert bench.dialog.details.says.text() == ""


@pytest.mark.parametrize("answer", ["Remove", "Cancel"])
def test_removing_asks(bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    def press(box: QMessageBox) -> int:
        button = next(button for button in box.buttons() if button.text() == answer)
        button.click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    bench.used = "mine"
    bench.choose("mine")
    bench.dialog.details.remove_button.click()
    assert ("mine" in bench.names) == (answer == "Cancel") == (bench.used == "mine")


def drop(widget: QWidget, *paths: Path) -> QDropEvent:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), copy, mime, left, none)
    widget.dragEnterEvent(enter)
    assert enter.isAccepted()
    event = QDropEvent(QPointF(9, 9), copy, mime, left, none)
    widget.dropEvent(event)
    return event


def test_a_drop_is_looked_at_added_and_used(bench: Bench, qtbot: QtBot) -> None:
    drop(bench.dialog, bench.source("photos"))
    panel = bench.dialog.panel
    assert panel.currentWidget() is panel.working and "Looking at photos" in panel.working.what.text()
    assert not bench.dialog.add_file.isEnabled()
    qtbot.waitUntil(lambda: panel.currentWidget() is panel.found, timeout=PATIENCE)
    assert (panel.found.name.text(), panel.found.licence.text()) == ("photos", "MIT")
    panel.found.name.setText("better")
    panel.found.add.click()
    assert panel.currentWidget() is panel.working and "Adding" in panel.working.what.text()
    qtbot.waitUntil(lambda: panel.currentWidget() is panel.ended, timeout=PATIENCE)
    assert "better was added" in panel.ended.what.text() and "0.002 %" in panel.ended.report.text()
    assert "better" in bench.names and bench.dialog.details.title.text() == "better"
    panel.ended.use_button.click()
    assert bench.used == "better" and panel.currentWidget() is panel.idle
    assert not bench.dialog.details.use_button.isEnabled()


def test_an_error_is_told_in_place_and_the_fields_stay(bench: Bench, qtbot: QtBot) -> None:
    bench.dialog.add([bench.source("broken")])
    panel = bench.dialog.panel
    qtbot.waitUntil(lambda: panel.currentWidget() is panel.found, timeout=PATIENCE)
    panel.found.name.setText("mended")
    panel.found.add.click()
    qtbot.waitUntil(lambda: panel.currentWidget() is panel.found, timeout=PATIENCE)
    assert "damaged" in panel.found.problem.text.text() and panel.found.name.text() == "mended"
    panel.found.cancel.click()
    assert panel.currentWidget() is panel.idle


def test_cancelling_an_import(bench: Bench, qtbot: QtBot) -> None:
    bench.dialog.add([bench.source("slow")])
    panel = bench.dialog.panel
    qtbot.waitUntil(lambda: panel.currentWidget() is panel.found, timeout=PATIENCE)
    panel.found.add.click()
    qtbot.waitUntil(lambda: "Reading the weights" in panel.working.stage.text(), timeout=PATIENCE)
    panel.working.cancel.click()
    assert not panel.working.cancel.isEnabled()
    qtbot.waitUntil(lambda: panel.currentWidget() is panel.found, timeout=PATIENCE)
    assert panel.found.problem.isHidden()


def test_a_lora_asks_for_its_model_and_weight(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = bench.dialog.panel.found
    bench.adding.state = AddingState("found", LORA.source, None, LORA)
    assert "is a LoRA" in found.what.text()
    assert found.add.isHidden() and not found.base.isHidden() and found.names.isHidden()
    looked: list[Path] = []
    monkeypatch.setattr(bench.adding, "look", looked.append)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/models/photos")
    found.base.click()
    assert looked == [Path("/models/photos")]
    bench.adding.state = AddingState("found", FOUND.source, FOUND, LORA, 10**10)
    assert not found.add.isHidden() and found.base.isHidden() and not found.merging.isHidden()
    assert found.name.text() == "photos-quick" and found.weight.value() == 1.0
    started: list[Any] = []
    monkeypatch.setattr(bench.adding, "start", lambda wishes, weight: started.append((wishes, weight)))
    found.weight.setValue(1.25)
    assert found.few_steps.isChecked()
    found.add.click()
    ((wishes, weight),) = started
    assert found.vocabulary.isHidden() and wishes.config is None
    assert (wishes.name, wishes.licence, wishes.few_steps, weight) == ("photos-quick", "CC0", True, 1.25)


def test_one_file_may_be_given_a_vocabulary(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found, started = bench.dialog.panel.found, list[Any]()
    monkeypatch.setattr(bench.adding, "start", lambda wishes, weight: started.append(wishes))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/words/tokenizer")
    bench.adding.state = AddingState("found", FOUND.source, replace(FOUND, kind="single"))
    assert not found.vocabulary.isHidden()
    bench.adding.state = replace(bench.adding.state, error="There is none: name a folder with --config.")
    assert found.problem.text.text() == "There is none: name a folder with the button Vocabulary."
    found.vocabulary.click()
    assert found.vocabulary.text() == "Vocabulary: tokenizer"
    found.add.click()
    assert (started[0].config, started[0].few_steps) == (Path("/words/tokenizer"), None)
    bench.adding.state = AddingState("found", FOUND.source, FOUND)
    assert found.vocabulary.isHidden()
    found.add.click()
    assert started[1].config is None


def test_missing_packages_show_a_command_to_copy(bench: Bench) -> None:
    found = bench.dialog.panel.found
    bench.adding.state = AddingState("found", FOUND.source, FOUND, install=INSTALL)
    assert not found.add.isEnabled() and found.problem.command.text() == INSTALL
    found.problem.copy.click()
    assert QGuiApplication.clipboard().text() == INSTALL


def test_a_share_that_nobody_can_tell_is_not_told(bench: Bench) -> None:
    stage = "Getting it ready for this computer"
    page = bench.dialog.panel.working
    for fraction, text, most in ((UNTOLD, stage, 0), (0.5, f"{stage}, 50 %", 1000)):
        bench.adding.state = AddingState("working", FOUND.source, FOUND, stage=stage, fraction=fraction)
        assert (page.stage.text(), page.bar.maximum()) == (text, most)


def test_what_was_refused_can_be_put_away(bench: Bench, qtbot: QtBot) -> None:
    bench.dialog.add([bench.source("unknown")])
    ended = bench.dialog.panel.ended
    qtbot.waitUntil(lambda: bench.dialog.panel.currentWidget() is ended, timeout=PATIENCE)
    assert "unknown was not added" in ended.what.text() and "no model that is known" in ended.problem.text.text()
    assert ended.use_button.isHidden()
    ended.dismiss.click()
    assert bench.dialog.panel.currentWidget() is bench.dialog.panel.idle


def test_the_buttons_ask_for_a_file_or_a_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(bench.adding, "look", looked.append)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/a/b.safetensors", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/a/c")
    bench.dialog.add_file.click()
    bench.dialog.add_folder.click()
    assert looked == [Path("/a/b.safetensors"), Path("/a/c")]


def test_return_in_a_field_presses_no_button_and_every_field_has_a_name(bench: Bench) -> None:
    bench.adding.state = AddingState("found", FOUND.source, FOUND)
    QTest.keyClick(bench.dialog.panel.found.name, Qt.Key.Key_Return)
    assert bench.dialog.isVisible() and bench.adding.state.phase == "found"
    found = bench.dialog.panel.found
    assert all(widget.accessibleName() for widget in (found.name, found.licence, found.weight, found.problem.command))
    assert not any(button.autoDefault() for button in bench.dialog.findChildren(QPushButton))


def test_nothing_jumps_and_nothing_is_cut_off(bench: Bench, qtbot: QtBot) -> None:
    error = "A long sentence about what went wrong with this model, and about what to do next to make it work. " * 2
    states = (
        AddingState(),
        AddingState("working", FOUND.source, FOUND, stage="Reading the weights", fraction=0.5),
        AddingState("found", FOUND.source, FOUND, LORA, 10**10, error=error, install=INSTALL),
        AddingState("done", name="photos", report=ImportReport((Agreement("unet", 1e-5, 1e-4),), ("A note.",) * 3)),
    )
    heights = set()
    for state in states:
        bench.adding.state = state
        qtbot.wait(1)
        panel = bench.dialog.panel
        heights.add(panel.height())
        assert panel.currentWidget().minimumSizeHint().height() <= panel.height()
    assert len(heights) == 1


def test_a_widget_that_is_gone_hears_nothing(tmp_path: Path, qtbot: QtBot) -> None:
    bench = Bench(tmp_path)
    gone: list[bool] = []
    bench.dialog.destroyed.connect(lambda: gone.append(True))
    bench.dialog.deleteLater()
    qtbot.waitUntil(lambda: bool(gone), timeout=PATIENCE)
    bench.adding.state = AddingState("found", FOUND.source, FOUND)
    bench.shelf.message = "heard by nobody"
    bench.shelf.refresh()
    bench.adding.close()


def test_models_dropped_on_the_window_come_here_and_pictures_are_opened(tmp_path: Path) -> None:
    picture, weights = tmp_path / "a.png", tmp_path / "b.SafeTensors"
    assert is_model(tmp_path) and is_model(weights) and not is_model(picture)
    triggered: list[tuple[object, ...]] = []
    target: Any = type("Target", (), {"_trigger": lambda self, *words: triggered.append(words)})()
    Workspace._take(target, [picture, weights, tmp_path])
    assert triggered == [("file.open", picture), ("model.add", weights, tmp_path)]
    assert sorted_out([]) == ([], [])
