"""One tab: what of the document, of a variant or of several is seen."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow

from editor.core.changes import Fill
from editor.core.compositor import composite
from editor.core.document import Document
from editor.edits.apply import layer_of, shown
from editor.ui.document_view import DocumentView


def whole(document: Document) -> np.ndarray:
    return composite(document, document.rect)


def add_variants(bench: Any, count: int, first: int = 0) -> None:
    """Finished variants with the layers that they would become."""
    items = []
    for index in range(first, first + count):
        item = bench.item(index)
        source = whole(item.source)
        items.append(replace(item, layer=layer_of(source, item.pixels, item.region, f"variant {index}")))
    bench.session.variants = (*bench.session.variants, *items)


@pytest.fixture
def view(bench: Any, qapp: QApplication) -> Iterator[DocumentView]:
    view = DocumentView(bench.opened, bench.desk.tools, bench.desk.do, bench.trigger)
    view.resize(400, 300)
    view.show()
    view.activateWindow()
    QTest.qWaitForWindowActive(view, 2000)
    yield view
    view.close()
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def test_it_shows_the_document_as_it_changes(view: DocumentView, bench: Any) -> None:
    assert view.canvas.document is bench.opened.document
    bench.desk.do(Fill(bench.opened.document.active, (255, 0, 0, 255)))
    assert view.canvas.document is bench.opened.document
    bench.opened.history.undo()
    assert view.canvas.document is bench.opened.document


def test_a_variant_is_shown_in_place_as_keeping_it_would_give(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 2)
    before = bench.opened.document
    bench.session.choose("v1")
    expected = shown(bench.opened.document, bench.session.variants[1])
    assert np.array_equal(whole(view.canvas.document), whole(expected))
    assert not np.array_equal(whole(expected), whole(before)) and bench.opened.document is before
    bench.session.choose("v0")
    assert np.array_equal(whole(view.canvas.document), whole(shown(before, bench.session.variants[0])))
    bench.session.chosen = ()
    assert view.canvas.document is before


def test_a_variant_stays_in_place_while_the_document_changes(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 1)
    bench.session.choose("v0")
    laid = view.canvas.document
    bench.session.running = None
    view.refresh()
    assert view.canvas.document is laid  # nothing is drawn again
    bench.desk.do(Fill(bench.opened.document.active, (255, 0, 0, 255)))
    assert np.array_equal(whole(view.canvas.document), whole(shown(bench.opened.document, bench.session.variants[0])))


def test_a_discarded_variant_is_gone_from_the_canvas(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 1)
    bench.session.choose("v0")
    bench.session.discard("v0")
    assert view.canvas.document is bench.opened.document


def test_before_and_split_follow_the_session(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 1)
    bench.session.compare = "before"
    assert view.canvas.compare == ""  # there is nothing to compare with
    bench.session.choose("v0")
    assert view.canvas.compare == "before" and view.canvas.compared is bench.opened.document
    bench.session.compare, bench.session.split = "split", 0.25
    assert view.canvas.compare == "split"
    view.canvas.split_moved.emit(0.75)
    assert bench.session.split == 0.75
    bench.session.compare = ""
    assert view.canvas.compare == "" and view.canvas.compared is None


def test_the_grid_opens_fitted_with_the_keyboard_and_gives_it_back(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 4)
    view.canvas.setFocus()
    view.canvas.zoom_to(8.0)
    before = view.canvas.view
    bench.session.choose("v2")
    bench.session.compare = "grid"
    assert view.viewport is view.grid and view.grid.isVisible() and view.grid.hasFocus()
    width, height = view.grid.cell_rect(0).width(), view.grid.cell_rect(0).height()
    scale = view.grid.view.scale
    assert 120 * scale <= width and 90 * scale <= height
    assert 120 * scale > 0.8 * width or 90 * scale > 0.8 * height
    bench.session.compare = ""
    assert view.viewport is view.canvas and view.canvas.hasFocus() and view.canvas.view == before


def test_the_grid_shows_those_around_the_chosen_one_or_the_latest(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 6)
    bench.session.compare = "grid"

    def captions() -> list[str]:
        return [pane.cell.caption.split(",")[0] for pane in view.grid._panes]

    assert captions() == [f"seed {seed}" for seed in (42, 43, 44, 45)]
    bench.session.choose("v0")
    assert captions() == [f"seed {seed}" for seed in (40, 41, 42, 43)] and view.grid._chosen == 0
    view.grid.chosen.emit(2)
    assert bench.session.chosen == ("v2",) and view.grid._chosen == 2
    bench.session.grid = 9
    assert len(captions()) == 6
    bench.session.grid = 2
    assert captions() == ["seed 42", "seed 43"] and view.grid._chosen == 0
    view.grid.activated.emit(1)
    assert bench.session.chosen == ("v3",) and bench.session.compare == ""


def test_the_view_in_the_grid_stays_while_another_cell_is_chosen(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 2)
    bench.session.compare = "grid"
    view.grid.zoom_to(6.0)
    before = view.grid.view
    bench.session.choose("v1")
    bench.session.difference = True
    assert view.grid.view == before


def test_the_difference_is_shown_in_the_grid(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 2)
    bench.session.compare = "grid"
    bench.session.difference = True
    view.grid.wait()
    QApplication.processEvents()
    assert all(pane.heat is not None for pane in view.grid._panes)
    bench.session.difference = False
    assert all(pane.heat is None for pane in view.grid._panes)


def test_d_and_escape_belong_to_the_grid(bench: Any, qapp: QApplication) -> None:
    window = QMainWindow()
    view = DocumentView(bench.opened, bench.desk.tools, bench.desk.do, bench.trigger)
    window.setCentralWidget(view)
    colours = QAction(window)
    colours.setShortcut(QKeySequence("D"))
    pressed: list[int] = []
    colours.triggered.connect(lambda: pressed.append(1))
    window.addAction(colours)
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window, 2000)
    add_variants(bench, 2)
    bench.session.compare = "grid"
    QTest.keyClick(view.grid, Qt.Key.Key_D)
    assert bench.session.difference and pressed == []
    QTest.keyClick(view.grid, Qt.Key.Key_Escape)
    assert bench.session.compare == ""
    QTest.keyClick(view.canvas, Qt.Key.Key_D)
    assert pressed == [1] and bench.ids == ["compare.difference", "compare.leave"]
    view.grid.wait()
    window.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def test_the_grid_closes_with_the_last_variant(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 2)
    bench.session.compare = "grid"
    bench.session.discard("v0", "v1")
    assert view.viewport is view.canvas
    assert view.grid._panes == []


def test_a_closed_view_and_its_document_are_let_go(bench: Any, qapp: QApplication) -> None:
    opened = bench.new("other")
    view = DocumentView(opened, bench.desk.tools, bench.desk.do, bench.trigger)
    view.refused.connect(lambda text: None)
    opened.do(Fill(opened.document.active, (255, 0, 0, 255)))
    refs = [weakref.ref(each) for each in (view, view.canvas, opened, opened.document)]
    view.close()
    view.deleteLater()
    del view
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    opened.close()
    del opened
    gc.collect()
    assert [ref() for ref in refs] == [None] * 4


def test_a_split_compares_two_chosen_variants(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 3)
    first, second, third = bench.session.variants
    other = replace(second, settings=replace(second.settings, model="photographer"))
    bench.session.variants = (first, other, third)
    bench.session.chosen = ("v1", "v0")
    bench.session.compare = "split"
    before = bench.opened.document
    assert np.array_equal(whole(view.canvas.document), whole(shown(before, other)))
    assert np.array_equal(whole(view.canvas.compared), whole(shown(before, first)))
    assert view.canvas._labels == (first.settings.model, "photographer")
    bench.session.chosen = ("v0", "v2")
    assert view.canvas._labels == ("seed 42", "seed 40")
    bench.session.compare = "before"
    assert view.canvas.compared is before and view.canvas._labels == ("before", "after")
    bench.session.compare, bench.session.chosen = "split", ("v1",)
    assert view.canvas.compared is before and view.canvas._labels == ("before", "after")


def test_the_grid_holds_all_that_are_chosen_where_they_fit(view: DocumentView, bench: Any) -> None:
    add_variants(bench, 5)
    bench.session.grid, bench.session.compare = 2, "grid"
    bench.session.chosen = ("v2", "v1")
    assert [pane.cell.caption.split(",")[0] for pane in view.grid._panes] == ["seed 41", "seed 42"]
    bench.session.chosen = ("v2",)
    assert [pane.cell.caption.split(",")[0] for pane in view.grid._panes] == ["seed 42", "seed 43"]
    items = bench.session.variants
    bench.session.variants = (replace(items[0], settings=replace(items[0].settings, model="other")), *items[1:])
    assert items[2].settings.model in view.grid._panes[0].cell.caption
