"""The status bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from editor.core.changes.replace_document import Replace
from editor.core.document import Document
from editor.core.history import History
from editor.edits.open_document import OpenDocument
from editor.ui.panels.status import StatusBar, bytes_text, provider_title, zoom_text


@pytest.fixture
def opened() -> Iterator[OpenDocument]:
    opened = OpenDocument(History(Document(4000, 3000)))
    yield opened
    opened.close()


@pytest.fixture
def bar(qtbot: QtBot, opened: OpenDocument) -> Iterator[StatusBar]:
    bar = StatusBar(lambda icc: icc.decode())
    qtbot.addWidget(bar)
    bar.show_document(opened)
    bar.show()
    yield bar
    bar.show_document(None)


def test_it_tells_of_the_document(bar: StatusBar, opened: OpenDocument) -> None:
    bar.set_zoom(0.62)
    bar.set_pointer(10.9, -0.5)
    assert bar.zoom.text() == "62 %"
    assert bar.size_text.text() == "4000 × 3000 px"
    assert bar.profile.text() == "sRGB 8 bit"
    assert bar.pointer.text() == "10, -1"
    bar.set_pointer(None, None)
    assert bar.pointer.text() == ""


def test_without_a_document_nothing_is_parted(bar: StatusBar, opened: OpenDocument) -> None:
    assert bar.zoom.isVisible() and all(each.isVisible() for each in bar._lines)
    bar.show_document(None)
    assert bar.size_text.text() == "No document" and bar.size_text.isVisible()
    assert not bar.zoom.isVisible() and not any(each.isVisible() for each in bar._lines)
    bar.show_document(opened)
    assert bar.zoom.isVisible() and all(each.isVisible() for each in bar._lines)


def test_work_beside_is_shown_while_it_goes_on(bar: StatusBar, qtbot: QtBot) -> None:
    assert not bar.work.isVisible()
    bar.show_work("Training gold, 34 %")
    assert bar.work.isVisible() and bar.work.text() == "Training gold, 34 %"
    with qtbot.waitSignal(bar.work_clicked):
        qtbot.mouseClick(bar.work, Qt.MouseButton.LeftButton)
    bar.show_work("")
    assert not bar.work.isVisible()


def test_it_follows_the_document(bar: StatusBar, opened: OpenDocument) -> None:
    opened.history.do(Replace(replace(opened.document, width=10, height=20, icc=b"Display P3"), "Crop"))
    assert bar.size_text.text() == "10 × 20 px"
    assert bar.profile.text() == "Display P3 8 bit"


def test_it_tells_of_the_model(bar: StatusBar, opened: OpenDocument) -> None:
    assert bar.model.text() == ""
    opened.edit.model, opened.edit.provider, opened.edit.engine = "starter", "cpu", "starting"
    assert bar.model.text() == "Starter model on CPU, starting"
    opened.edit.engine = "died"
    assert bar.model.text() == "Starter model on CPU, stopped"
    opened.edit.engine = "resting"
    assert bar.model.text() == "Starter model on CPU, resting; the next edit starts it again"


def test_the_tick_goes_by_itself(bar: StatusBar, qtbot: QtBot) -> None:
    bar._tick.setInterval(20)
    bar.show_saved()
    assert "Saved" in bar.saved.text()
    qtbot.waitUntil(lambda: bar.saved.text() == "")


def test_no_document_says_so_and_lets_go(bar: StatusBar, opened: OpenDocument) -> None:
    bar.show_document(None)
    opened.history.do(Replace(replace(opened.document, width=10), "Crop"))
    bar.set_zoom(2)
    bar.set_pointer(1, 2)
    assert bar.size_text.text() == "No document"
    assert [bar.zoom.text(), bar.pointer.text(), bar.profile.text(), bar.history.text()] == [""] * 4


def test_numbers_have_units() -> None:
    assert [zoom_text(scale) for scale in (0.05, 0.625, 1, 32)] == ["5.0 %", "62 %", "100 %", "3200 %"]
    assert [bytes_text(count) for count in (0, 5000, 38 << 20, 3 << 29)] == ["0 kB", "5 kB", "38 MB", "1.5 GB"]


@pytest.mark.parametrize(("name", "title"), [("cpu", "CPU"), ("cuda", "CUDA"), ("openvino", "OpenVINO"), ("A4", "A4")])
def test_providers_are_named_as_their_makers_do(name: str, title: str) -> None:
    assert provider_title(name) == title
