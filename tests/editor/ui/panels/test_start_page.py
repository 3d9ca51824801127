"""The page that is shown without a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from editor.ui import theme
from editor.ui.panels.start_page import ROW, TRY, StartPage

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]
FILES = tuple(Path(f"/pictures/{name}.jpg") for name in "abcdef")


class Page(StartPage):
    def __init__(self, qtbot: QtBot, files: tuple[Path, ...] = FILES, hints: bool = True) -> None:
        self.triggered: list[tuple[object, ...]] = []
        self.list = list(files)
        red = QPixmap(96, 64)
        red.fill(Qt.GlobalColor.red)
        super().__init__(
            lambda *arguments: self.triggered.append(arguments),
            lambda: tuple(self.list),
            lambda path: red if path.stem == "a" else None,
            None,
            lambda: hints,
        )
        qtbot.addWidget(self)
        self.resize(900, 700)
        self.show()

    def buttons(self) -> dict[str, QPushButton]:
        return {button.text().strip(): button for button in self.findChildren(QPushButton) if button.isVisible()}


def test_it_opens_files(qtbot: QtBot) -> None:
    page = Page(qtbot)
    page.buttons()["Open a picture..."].click()
    item = page.files.item(1)
    QTest.mouseClick(page.files.viewport(), Qt.MouseButton.LeftButton, pos=page.files.visualItemRect(item).center())
    page.files.setCurrentRow(2)
    QTest.keyClick(page.files, Qt.Key.Key_Return)
    assert page.triggered == [("file.open",), ("file.open", FILES[1]), ("file.open", FILES[2])]


def test_things_to_try(qtbot: QtBot) -> None:
    page = Page(qtbot)
    for words in TRY:
        page.buttons()[words].click()
    assert page.triggered == [("start.try", words) for words in TRY]
    assert not set(TRY) & set(Page(qtbot, hints=False).buttons())


def test_rows_are_alike_with_and_without_a_picture(qtbot: QtBot) -> None:
    page = Page(qtbot)
    assert {page.files.visualItemRect(page.files.item(row)).height() for row in range(6)} == {ROW}
    assert page.files.height() == 4 * ROW


def test_recent_files_follow(qtbot: QtBot) -> None:
    page = Page(qtbot, ())
    assert not page.files.isVisible() and not page.recent_title.isVisible()
    page.list = list(FILES[:2])
    page.refresh()
    assert page.files.isVisible() and page.files.count() == 2


def test_everything_can_be_reached_in_the_smallest_window(qtbot: QtBot) -> None:
    page = Page(qtbot)
    assert page.minimumSizeHint().width() <= 640 and page.minimumSizeHint().height() <= 440
    page.resize(640, 440)
    assert page.files.geometry().bottom() < page.height()


def test_the_signs_follow_the_theme(qtbot: QtBot, qapp: QApplication) -> None:
    page = Page(qtbot)
    page.ensurePolished()
    dark = page.files.item(1).icon().pixmap(48, 48).toImage()
    theme.apply(qapp, "light")
    light = page.files.item(1).icon().pixmap(48, 48).toImage()
    theme.apply(qapp, "dark")
    assert dark != light


def test_it_refreshes_with_a_field(qtbot: QtBot, bench: Any) -> None:
    page = Page(qtbot, ())
    page.follow(bench.desk, "settings")
    page.list = list(FILES)
    bench.desk.settings = type(bench.desk.settings)(theme="light")
    assert page.files.count() == 6
