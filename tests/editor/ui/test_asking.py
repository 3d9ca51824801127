"""The window's dialogs, as actions ask for them; the system's own are answered here."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox, QPushButton, QWidget

from editor.actions.file import PROJECT_KIND, PSD_KIND
from editor.ui.asking import WindowDialogs, open_filter
from editor.ui.dialogs.text import TextDialog

SUFFIXES = ("*.ora", "*.psd", "*.png", "*.jpg", "*.tif")


@pytest.fixture
def dialogs(qapp: QApplication) -> WindowDialogs:
    parent = QWidget()
    return WindowDialogs(lambda: parent, {}, lambda: 90)


def answer_save(monkeypatch: pytest.MonkeyPatch, name: str, chosen: str = "") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (name, chosen))


def answer_question(monkeypatch: pytest.MonkeyPatch, button: QMessageBox.StandardButton) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(QMessageBox, "question", lambda *arguments: (asked.append(arguments[2]), button)[1])
    return asked


def test_everything_that_opens_is_offered() -> None:
    first, *_, last = open_filter().split(";;")
    assert all(suffix in first for suffix in SUFFIXES) and last == "All files (*)"


def test_open_gives_paths(dialogs: WindowDialogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *arguments: (["/a/b.png", "/a/c.png"], ""))
    assert dialogs.open_files(Path("/a")) == [Path("/a/b.png"), Path("/a/c.png")]


def test_save_adds_the_suffix_of_the_kind(
    dialogs: WindowDialogs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suggested = tmp_path / "a.ora"
    answer_save(monkeypatch, "")
    assert dialogs.save_file("Save", suggested, (PROJECT_KIND,)) is None
    answer_save(monkeypatch, str(tmp_path / "v1.2"))
    assert dialogs.save_file("Save", suggested, (PROJECT_KIND,)) == tmp_path / "v1.2.ora"
    answer_save(monkeypatch, str(tmp_path / "b"), "Photoshop (*.psd)")
    assert dialogs.save_file("Save", suggested, (PROJECT_KIND, PSD_KIND)) == tmp_path / "b.psd"
    answer_save(monkeypatch, str(tmp_path / "B.ORA"))
    assert dialogs.save_file("Save", suggested, (PROJECT_KIND,)) == tmp_path / "B.ORA"


def test_a_file_that_the_suffix_makes_the_target_is_not_replaced_unasked(
    dialogs: WindowDialogs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cat.ora").write_bytes(b"precious")
    answer_save(monkeypatch, str(tmp_path / "cat"))
    asked = answer_question(monkeypatch, QMessageBox.StandardButton.Cancel)
    assert dialogs.save_file("Save", tmp_path, (PROJECT_KIND,)) is None
    assert asked == ["cat.ora already exists. Replace it?"]
    answer_question(monkeypatch, QMessageBox.StandardButton.Yes)
    assert dialogs.save_file("Save", tmp_path, (PROJECT_KIND,)) == tmp_path / "cat.ora"


@pytest.mark.parametrize(
    ("button", "answer"), [("Save", "save"), ("Do not save", "discard"), ("Cancel", "cancel"), ("", "cancel")]
)
def test_unsaved_offers_three_ways_out(
    dialogs: WindowDialogs, monkeypatch: pytest.MonkeyPatch, button: str, answer: str
) -> None:
    def press(box: QMessageBox) -> int:
        for each in box.findChildren(QPushButton):
            if each.text() == button:
                each.click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    assert dialogs.unsaved("cat.ora") == answer


def test_a_line_of_text_or_nothing(dialogs: WindowDialogs, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [QDialog.DialogCode.Accepted, QDialog.DialogCode.Rejected]
    monkeypatch.setattr(TextDialog, "exec", lambda dialog: answers.pop(0))
    assert dialogs.text("Use for training", "Which instruction?", " make it snow ") == "make it snow"
    assert dialogs.text("Use for training", "Which instruction?", "make it snow") is None
