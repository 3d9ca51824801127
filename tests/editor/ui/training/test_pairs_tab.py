"""The pairs: shown with their pictures, edited in place, switched, removed, added and exported."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit

from editor.jobs.pairs import Refused
from editor.ui.training.pairs_list import PICTURE, box_of, words_of
from editor.ui.training.pairs_tab import EMPTY, HOW, summed_up
from editor.ui.training.pictures import Pictures
from tests.editor.ui.training.conftest import Bench


def filled(bench: Bench, count: int = 3) -> Bench:
    bench.pairs.entries = tuple(bench.pair(number) for number in range(count))
    return bench


def test_an_empty_page_says_how_pairs_are_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = bench.page.pairs_tab
    assert tab.stack.currentWidget() is tab.empty and "Use for training" in HOW and "before" in EMPTY
    assert not tab.train.isEnabled() and not tab.export.isEnabled()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *words: "/some/pairs")
    tab.empty.button.click()
    assert ("add", Path("/some/pairs")) in bench.pairs.asked


def test_the_newest_comes_first_and_its_pictures_are_read(bench: Bench) -> None:
    tab = filled(bench).page.pairs_tab
    assert tab.stack.currentWidget() is tab.list
    entries = [tab.model.entry(tab.model.index(row)) for row in range(3)]
    assert [entry.id for entry in entries if entry is not None] == ["p2", "p1", "p0"]
    bright = tab.list.grab().toImage()
    row = tab.list.visualRect(tab.model.index(0))
    assert bright.pixelColor(box_of(row).right() + 20 + PICTURE.width() // 2, row.center().y()).red() == 60


def test_summing_up() -> None:
    assert summed_up([("a", True), ("a", True), ("b", True)], 1) == (
        "3 pairs of 2 photos. 1 is kept for judging: the training never sees it."
    )
    assert summed_up([("a", True), ("b", False)], 0) == "1 pair of 1 photo. 1 is left out."
    assert summed_up([("b", False)], 0) == "No pair takes part. 1 is left out."


def test_editing_in_place(bench: Bench) -> None:
    tab = filled(bench).page.pairs_tab
    index = tab.model.index(0)
    tab.list.setCurrentIndex(index)
    tab.list.edit(index)
    field = tab.list.findChild(QLineEdit)
    assert field is not None and field.text() == "make it a duotone"
    field.setText("  make it   sepia ")
    QTest.keyClick(field, Qt.Key.Key_Return)
    bench.wait(lambda: bench.pairs.asked[-1] == ("edit", "p2", "make it sepia", None))
    asked = len(bench.pairs.asked)
    assert not tab.model.setData(index, "   ") and not tab.model.setData(index, "make it a duotone")
    assert len(bench.pairs.asked) == asked


def test_the_switch(bench: Bench) -> None:
    tab = filled(bench).page.pairs_tab
    row = tab.list.visualRect(tab.model.index(1))
    view = tab.list.viewport()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=box_of(row).center())
    assert bench.pairs.asked[-1] == ("edit", "p1", None, False)
    asked = len(bench.pairs.asked)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=words_of(row).center())
    assert len(bench.pairs.asked) == asked  # beside it
    bench.pairs.entries = (bench.pair(0, enabled=False),)
    tab.list.setCurrentIndex(tab.model.index(0))
    QTest.keyClick(tab.list, Qt.Key.Key_Space)
    assert bench.pairs.asked[-1] == ("edit", "p0", None, True)
    assert tab.model.data(tab.model.index(0), Qt.ItemDataRole.AccessibleTextRole) == "make it a duotone, left out"


def test_removing_and_undo(bench: Bench) -> None:
    tab = filled(bench).page.pairs_tab
    assert not tab.remove.isEnabled() and tab.undo.isHidden()
    tab.list.setCurrentIndex(tab.model.index(0))
    assert tab.remove.isEnabled()
    QTest.keyClick(tab.list, Qt.Key.Key_Delete)
    assert bench.pairs.asked[-1] == ("remove", "p2")
    bench.pairs.removed = bench.pairs.entries[2:]
    bench.pairs.message = "The pair was removed."
    assert not tab.undo.isHidden() and tab.says.text() == "The pair was removed."
    tab.undo.click()
    assert bench.pairs.asked[-1] == ("restore",)


def test_what_is_chosen_stays_chosen(bench: Bench) -> None:
    tab = filled(bench).page.pairs_tab
    tab.list.setCurrentIndex(tab.model.index(1))
    bench.pairs.entries = (*bench.pairs.entries, bench.pair(3))
    assert tab.list.selected() == ("p1",)


def test_problems_are_shown_on_the_pair_and_on_top(bench: Bench) -> None:
    tab = filled(bench).page.pairs_tab
    assert tab.problems.isHidden()
    bench.pairs.problems = ("One picture is missing: add the pair again.", "Another.", "A third.")
    assert tab.problems.text() == "One picture is missing: add the pair again. There are 2 more of this kind."
    broken = bench.pair(9, target_path=bench.folder / "gone.png")
    bench.pairs.entries = (broken,)
    tab.list.grab()
    pictures = tab.list.itemDelegate()._pictures
    assert isinstance(pictures, Pictures) and pictures.cannot_read(broken.target_path)


def test_what_is_refused_is_listed(bench: Bench) -> None:
    tab = bench.page.pairs_tab
    bench.pairs.failed, bench.pairs.message = True, "2 pairs were refused: too small."
    bench.pairs.refused = (Refused("a", "too small."), Refused("b", "shifted."))
    bench.pairs.busy = True
    bench.pairs.busy = False
    assert not tab.which.isHidden() and "a: too small." in tab.refused_text() and "b: shifted." in tab.refused_text()
    bench.pairs.refused = ()
    assert tab.which.isHidden()


def test_dropping_and_exporting(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tab = filled(bench).page.pairs_tab
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys)
    tab.dragEnterEvent(enter)
    assert enter.isAccepted()
    tab.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert bench.pairs.asked[-1] == ("add", tmp_path)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *words: (str(tmp_path / "out"), ""))
    tab.export.menu().actions()[1].trigger()
    assert bench.pairs.asked[-1] == ("export", tmp_path / "out", "imagefolder")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *words: (["/x.tar"], ""))
    tab.add_file.click()
    assert bench.pairs.asked[-1] == ("add", Path("/x.tar"))
