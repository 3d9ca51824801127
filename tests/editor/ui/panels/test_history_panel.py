"""The history panel on real histories."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from editor.core.changes.set_property import SetProperty
from editor.core.document import Document
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.edits.open_document import OpenDocument
from editor.ui.panels.history import HistoryModel, HistoryPanel
from editor.ui.panels.history_row import ROW_ROLE, STATE_ROLE
from editor.ui.panels.history_rows import Row, rows


def history() -> History:
    return History(Document(8, 8, (RasterLayer(name="a", id="a"),), active="a"))


def step(opened: History, name: str) -> int:
    opened.do(SetProperty("a", "name", name))
    return opened.current.id


def shape(opened: History) -> list[tuple[int, int]]:
    return [(row.step.id, row.depth) for row in rows(opened.root)]


def states(panel: HistoryPanel) -> list[str]:
    return [panel.model.index(row).data(STATE_ROLE) for row in range(panel.model.rowCount())]


@pytest.fixture
def opened() -> Iterator[OpenDocument]:
    opened = OpenDocument(history())
    yield opened
    opened.close()


@pytest.fixture
def panel(qtbot: QtBot, opened: OpenDocument) -> Iterator[HistoryPanel]:
    panel = HistoryPanel()
    qtbot.addWidget(panel)
    panel.resize(240, 300)
    panel.show_document(opened)
    panel.show()
    yield panel
    panel.show_document(None)


def test_a_line_of_steps_stays_in_one_lane() -> None:
    line = history()
    ids = [0, *(step(line, name) for name in "bcd")]
    assert shape(line) == [(id, 0) for id in ids]


def test_the_older_branch_is_indented_and_the_newest_goes_on_below() -> None:
    tree = history()
    snow, fog = step(tree, "snow"), step(tree, "fog")
    tree.go(0)
    crop = step(tree, "crop")
    assert shape(tree) == [(0, 0), (snow, 1), (fog, 1), (crop, 0)]
    found = {row.step.id: row for row in rows(tree.root)}
    assert found[snow].branches and found[snow].lanes == (0,)
    assert not found[fog].branches and found[fog].last
    assert not found[crop].branches and not found[0].last


@given(moves=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=25))
def test_every_step_has_one_row_below_its_parent(moves: list[tuple[int, bool]]) -> None:
    tree = history()
    for number, (back, again) in enumerate(moves):
        ids = [known.id for known in tree.steps()]
        if again:
            tree.go(ids[back % len(ids)])
        step(tree, f"name {number}")
    found = rows(tree.root)
    places = {row.step.id: place for place, row in enumerate(found)}
    assert sorted(places) == sorted(known.id for known in tree.steps())
    for row in found:
        parent = row.step.parent
        assert parent is None or places[parent.id] < places[row.step.id]
        assert row.lanes == tuple(sorted(set(row.lanes))) and row.depth not in row.lanes
    tree.close()


def test_a_click_goes_there(panel: HistoryPanel, opened: OpenDocument, qtbot: QtBot) -> None:
    ids = [step(opened.history, name) for name in ("snow", "fog")]
    qtbot.waitUntil(lambda: panel.model.rowCount() == 3)
    assert states(panel) == ["done", "done", "current"]
    where = panel.view.visualRect(panel.model.index(1)).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert opened.history.current.id == ids[0]
    qtbot.waitUntil(lambda: states(panel) == ["done", "current", "undone"])
    panel.view.setCurrentIndex(panel.model.index(2))
    panel.view.activated.emit(panel.model.index(2))
    assert opened.history.current.id == ids[1]


def test_undone_steps_stay_when_a_branch_begins(panel: HistoryPanel, opened: OpenDocument, qtbot: QtBot) -> None:
    step(opened.history, "snow")
    opened.history.undo()
    step(opened.history, "fog")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 3)
    assert states(panel) == ["done", "undone", "current"]


def test_the_model_keeps_the_rules_of_qt(panel: HistoryPanel, opened: OpenDocument) -> None:
    tester = QAbstractItemModelTester(panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for name in "bcdef":
        step(opened.history, name)
        panel.refresh()
    opened.history.go(2)
    panel.refresh()
    step(opened.history, "other")
    panel.refresh()
    assert tester.model().rowCount() == 7
    assert panel.view.currentIndex() == panel.model.current()


@given(
    moves=st.lists(st.tuples(st.sampled_from(["do", "drag", "go", "undo", "show"]), st.integers(0, 30)), max_size=30)
)
def test_rows_are_those_of_the_tree_however_it_came_about(qapp: object, moves: list[tuple[str, int]]) -> None:
    tree, model = history(), HistoryModel()
    model.show(tree)
    for number, (what, value) in enumerate(moves):
        if what == "do":
            step(tree, f"name {number}")
        elif what == "drag":
            tree.do(SetProperty("a", "opacity", value / 100))
        elif what == "go":
            ids = [known.id for known in tree.steps()]
            tree.go(ids[value % len(ids)])
        elif what == "undo" and tree.can_undo:
            tree.undo()
        else:
            model.show(tree)
    model.show(tree)
    shown = [model.index(row).data(ROW_ROLE) for row in range(model.rowCount())]
    assert [astuple(row) for row in shown] == [astuple(row) for row in rows(tree.root)]
    assert model.step_id(model.current()) == tree.current.id
    tree.close()


def astuple(row: Row) -> tuple[object, ...]:
    return id(row.step), row.depth, row.lanes, row.branches, row.first, row.last


def test_no_document_says_so_and_another_tab_lets_go(panel: HistoryPanel, opened: OpenDocument) -> None:
    panel.show_document(None)
    assert panel.model.rowCount() == 0
    assert panel._pages.currentIndex() == 1
    step(opened.history, "unseen")
    panel.refresh()
    assert panel.model.rowCount() == 0


def test_rows_speak(panel: HistoryPanel, opened: OpenDocument) -> None:
    step(opened.history, "snow")
    panel.refresh()
    spoken = [panel.model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)]
    assert spoken == ["Open, done", "Rename layer, now"]
    assert all(panel.model.index(row).data(Qt.ItemDataRole.ToolTipRole) for row in range(2))


def test_a_thousand_steps_are_quick(panel: HistoryPanel, opened: OpenDocument) -> None:
    for number in range(1000):
        step(opened.history, f"name {number}")
    panel.refresh()
    step(opened.history, "one more")
    start = time.perf_counter()
    panel.refresh()
    assert time.perf_counter() - start < 0.1
    assert panel.model.rowCount() == 1002
    panel.grab()


def entry(panel: HistoryPanel, step_id: int) -> QAction:
    found = [each for each in panel.context_menu(step_id).actions() if each.text().startswith("Use the change")]
    assert len(found) == 1
    return found[0]


def test_the_menu_of_a_step_goes_there(panel: HistoryPanel, opened: OpenDocument) -> None:
    first = step(opened.history, "snow")
    step(opened.history, "fog")
    panel.context_menu(first).actions()[0].trigger()
    assert opened.history.current.id == first
    assert not panel.context_menu(first).actions()[0].isEnabled()


def test_the_menu_of_a_step_uses_the_change_since_for_training(qtbot: QtBot, opened: OpenDocument) -> None:
    triggered: list[tuple[object, ...]] = []
    panel = HistoryPanel(lambda *words: triggered.append(words))
    qtbot.addWidget(panel)
    panel.show_document(opened)
    first, second = step(opened.history, "snow"), step(opened.history, "fog")
    assert entry(panel, 0).isEnabled() and entry(panel, first).isEnabled()
    assert not entry(panel, second).isEnabled() and "shown now" in entry(panel, second).toolTip()
    opened.history.go(first)
    assert not entry(panel, second).isEnabled() and "does not lead" in entry(panel, second).toolTip()
    entry(panel, 0).trigger()
    assert triggered == [("history.use_since", 0)]
    panel.show_document(None)
    assert not entry(panel, 0).isEnabled()


def test_a_right_click_opens_the_menu_and_goes_nowhere(
    panel: HistoryPanel, opened: OpenDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = step(opened.history, "snow")
    step(opened.history, "fog")
    panel.refresh()
    shown: list[int] = []
    monkeypatch.setattr(panel, "context_menu", lambda step_id: (shown.append(step_id), QMenu(panel))[1])
    where = panel.view.visualRect(panel.model.index(1)).center()
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.RightButton, pos=where)
    panel.view.customContextMenuRequested.emit(where)
    panel.view.customContextMenuRequested.emit(panel.view.rect().bottomLeft())
    assert shown == [first] and opened.history.current.label == "Rename layer" and opened.history.current.id != first
