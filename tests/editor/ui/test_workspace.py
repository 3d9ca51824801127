"""Tabs, and the views behind them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMainWindow

from editor.core.changes import Fill
from editor.tools import TOOLS
from editor.ui.workspace import Workspace

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


@pytest.fixture
def window(bench: Any) -> Iterator[QMainWindow]:
    window = QMainWindow()
    window.resize(500, 400)
    yield window
    window.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def workspace(bench: Any, window: QMainWindow) -> Workspace:
    workspace = Workspace(bench.desk, bench.trigger, QLabel("head"), QLabel("start"), [QLineEdit("bar")], window)
    window.setCentralWidget(workspace)
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window, 2000)
    return workspace


def titles(workspace: Workspace) -> list[str]:
    return [workspace.tabs.tabText(place) for place in range(workspace.tabs.count())]


def click(workspace: Workspace, place: int, button: Qt.MouseButton) -> None:
    spot = workspace.tabs.tabRect(place).center() - QPoint(10, 0)
    QTest.mouseClick(workspace.tabs, button, Qt.KeyboardModifier.NoModifier, spot)


def test_a_tab_for_every_document(workspace: Workspace, bench: Any) -> None:
    assert titles(workspace) == ["harbour.ora"] and workspace.tabs.isVisible()
    bench.desk.add(bench.new("a & b.jpg"))
    assert titles(workspace) == ["harbour.ora", "a && b.jpg"] and workspace.tabs.currentIndex() == 1
    assert workspace.view is not None and workspace.view.opened is bench.opened
    assert workspace.stack.currentWidget() is workspace.view


def test_the_start_page_is_shown_without_a_document(workspace: Workspace, bench: Any) -> None:
    bench.desk.remove(bench.opened)
    assert workspace.view is None and not workspace.tabs.isVisible()
    assert isinstance(workspace.stack.currentWidget(), QLabel) and workspace.stack.count() == 1


def test_a_star_for_what_is_not_saved(workspace: Workspace, bench: Any) -> None:
    bench.desk.do(Fill(bench.opened.document.active, (255, 0, 0, 255)))
    assert titles(workspace) == ["harbour.ora *"]
    bench.opened.saved_at(bench.opened.history.current.id, Path("/home/a/other.ora"))
    assert titles(workspace) == ["other.ora"] and workspace.tabs.tabToolTip(0) == "/home/a/other.ora"
    bench.opened.variants_modified = True
    assert titles(workspace) == ["other.ora *"]


def test_a_click_shows_a_tab_and_a_middle_click_closes_it(workspace: Workspace, bench: Any) -> None:
    first = bench.opened
    bench.desk.add(bench.new("second"))
    bench.desk.add(bench.new("third"))
    click(workspace, 0, LEFT)
    assert bench.opened is first
    click(workspace, 1, MIDDLE)
    assert titles(workspace) == ["harbour.ora", "third"] and bench.opened is first
    workspace.tabs.tabCloseRequested.emit(0)
    assert titles(workspace) == ["third"]


def test_a_middle_click_on_what_is_not_saved_asks(workspace: Workspace, bench: Any) -> None:
    first = bench.opened
    bench.desk.do(Fill(bench.opened.document.active, (255, 0, 0, 255)))
    bench.desk.add(bench.new("second"))
    click(workspace, 0, MIDDLE)
    assert bench.desk.documents[0] is first and bench.opened is first  # the answer was "cancel"


def test_each_tab_keeps_its_view_and_gets_the_keyboard(workspace: Workspace, bench: Any) -> None:
    first, one = bench.opened, workspace.view
    assert one is not None and one.canvas.hasFocus()
    one.canvas.zoom_to(3.0)
    seen = one.canvas.view
    bench.desk.add(bench.new("second"))
    two = workspace.view
    assert two is not None and two is not one and two.canvas.hasFocus()
    two.canvas.zoom_to(0.5)
    bench.desk.show(first)
    assert workspace.view is one and one.canvas.view == seen and one.canvas.hasFocus()
    assert two.canvas.view.scale == 0.5


def test_the_keyboard_stays_where_it_is_while_the_tab_does(workspace: Workspace, bench: Any) -> None:
    field = workspace.findChild(QLineEdit)
    assert field is not None
    field.setFocus()
    bench.desk.do(Fill(bench.opened.document.active, (255, 0, 0, 255)))
    bench.opened.title = "other"
    bench.desk.changed.emit("documents")
    assert field.hasFocus()


def test_the_tool_is_in_the_hand_of_the_tab_in_front(workspace: Workspace, bench: Any) -> None:
    tool = next(iter(TOOLS))()
    workspace.use_tool(tool)
    one = workspace.view
    assert one is not None and one.canvas.tool is tool
    bench.desk.add(bench.new("second"))
    assert workspace.view is not None and workspace.view.canvas.tool is tool and one.canvas.tool is None


def test_a_closed_tab_is_let_go_with_its_document(workspace: Workspace, bench: Any) -> None:
    bench.desk.add(bench.new("second"))
    assert workspace.view is not None
    refs = [weakref.ref(each) for each in (workspace.view, workspace.view.canvas, bench.opened, bench.opened.document)]
    count = workspace.stack.count()
    bench.desk.remove(bench.opened)
    assert workspace.stack.count() == count - 1 and len(workspace._views) == 1
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    assert [ref() for ref in refs] == [None] * 4


def test_a_closed_document_gets_no_new_view_on_the_way(
    workspace: Workspace, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.desk.add(bench.new("second"))
    made: list[object] = []
    monkeypatch.setattr(workspace, "_new_view", made.append)
    bench.desk.remove(bench.opened)
    assert made == []


def test_dropped_files_are_opened_and_dropped_pictures_become_layers(workspace: Workspace, bench: Any) -> None:
    urls = QMimeData()
    urls.setUrls([QUrl.fromLocalFile("/home/a/x.png"), QUrl.fromLocalFile("/home/a/y.png"), QUrl("http://a/z.png")])
    drop = QDropEvent(QPointF(), Qt.DropAction.CopyAction, urls, LEFT, Qt.KeyboardModifier.NoModifier)
    workspace.dropEvent(drop)
    assert bench.triggered == [("file.open", Path("/home/a/x.png"), Path("/home/a/y.png"))]
    assert workspace.view is not None
    workspace.view.canvas.files_dropped.emit(["/home/a/x.png"])
    assert bench.triggered[1] == ("file.open", Path("/home/a/x.png"))
    image = QImage(3, 2, QImage.Format.Format_RGB32)
    image.fill(0xFF0000FF)
    workspace.view.canvas.image_dropped.emit(image)
    layer = bench.opened.document.active_layer
    assert layer.name == "Pasted" and (layer.plane.read(layer.plane.bounds).reshape(-1, 4).max(0)[2] == 255)
    assert np.count_nonzero(layer.plane.read(layer.plane.bounds)[..., 3]) == 6


def test_what_the_canvas_refuses_is_said(workspace: Workspace, bench: Any) -> None:
    assert workspace.view is not None
    workspace.view.canvas.refused.emit("The layer is locked.")
    assert bench.session.message.text == "The layer is locked." and bench.session.message.kind == "warning"
