"""The strip of variants: its cards, its keys, and what a preview step costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QColor, QContextMenuEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from editor.ui import theme
from editor.ui.panels import variant_card
from editor.ui.panels.variant_card import percent
from editor.ui.panels.variants import VariantStrip

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


class Window(QWidget):
    def __init__(self, bench: Any) -> None:
        super().__init__()
        self.pressed = list[str]()
        self.strip = VariantStrip(bench.trigger, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addWidget(self.strip)
        self.resize(620, 300)
        for key in ("Del", "Return", "Left", "3", "B"):
            action = QAction(key, self)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(lambda _=False, key=key: self.pressed.append(key))
            self.addAction(action)


@pytest.fixture
def window(qtbot: QtBot, bench: Any) -> Iterator[Window]:
    window = Window(bench)
    qtbot.addWidget(window)
    window.strip.show_document(bench.opened)
    window.show()
    window.activateWindow()
    bench.session.instruction = "fog"
    yield window
    window.strip.show_document(None)


def key(window: Window, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
    window.strip.setFocus()
    QTest.keyClick(window.strip, key, held)


def test_it_is_there_only_with_variants(window: Window, bench: Any) -> None:
    assert not window.strip.isVisible()
    bench.session.variants = (bench.item(0, "waiting"),)
    assert window.strip.isVisible()
    bench.session.discard("v0")
    assert not window.strip.isVisible()
    assert window.strip.cards == ()


def test_its_keys_are_its_own_while_it_has_the_focus(window: Window, bench: Any) -> None:
    bench.session.variants = tuple(bench.item(place) for place in range(4))
    key(window, Qt.Key.Key_3)
    assert bench.session.chosen == ("v2",)
    key(window, Qt.Key.Key_Left)
    assert bench.session.chosen == ("v1",)
    key(window, Qt.Key.Key_Right)
    key(window, Qt.Key.Key_Right)
    assert bench.session.chosen == ("v3",)
    key(window, Qt.Key.Key_Delete)
    assert [item.id for item in bench.session.variants] == ["v0", "v1", "v2"]
    key(window, Qt.Key.Key_9)
    assert window.pressed == []
    key(window, Qt.Key.Key_B)
    assert window.pressed == ["B"]


def test_without_the_focus_they_are_those_of_the_window(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0),)
    window.strip.clearFocus()
    QTest.keyClick(window, Qt.Key.Key_Delete)
    assert window.pressed == ["Del"]
    assert len(bench.session.variants) == 1


def test_enter_keeps_the_one_shown_and_shift_enter_all_chosen(window: Window, bench: Any) -> None:
    bench.session.variants = tuple(bench.item(place) for place in range(3))
    bench.session.chosen = ("v1", "v0")
    key(window, Qt.Key.Key_Return)
    key(window, Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    key(window, Qt.Key.Key_Return, SHIFT)
    assert [id for id in bench.ids if str(id).startswith("variant.keep")] == [
        "variant.keep",
        "variant.keep",
        "variant.keep_chosen",
    ]


def test_clicks_choose_and_a_double_click_opens_the_grid(window: Window, bench: Any) -> None:
    bench.session.variants = tuple(bench.item(place) for place in range(3))
    first, second, _ = window.strip.cards
    QTest.mouseClick(first, Qt.MouseButton.LeftButton)
    QTest.mouseClick(second, Qt.MouseButton.LeftButton, SHIFT)
    assert bench.session.chosen == ("v1", "v0")
    assert window.strip.hasFocus()
    QTest.mouseDClick(first, Qt.MouseButton.LeftButton)
    assert (bench.session.compare, bench.session.chosen) == ("grid", ("v0",))
    assert window.strip.grid.isChecked()


def test_the_menu_acts_on_the_card_under_the_pointer(window: Window, bench: Any, qtbot: QtBot) -> None:
    bench.session.variants = tuple(bench.item(place) for place in range(2))
    card = window.strip.cards[1]
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), card.mapToGlobal(QPoint(5, 5)))
    card.contextMenuEvent(event)
    assert bench.session.chosen == ("v1",)
    menu = window.strip.findChild(QMenu)
    assert menu is not None
    titles = {action.text(): action for action in menu.actions() if action.text()}
    titles["Use its settings"].trigger()
    assert bench.ids == ["variant.copy_settings"]
    assert bench.session.seed == 41 and bench.session.seed_locked
    menu.close()


def test_the_menu_of_one_that_runs_can_only_discard(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0, "running"),)
    card = window.strip.cards[0]
    card.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), QPoint(5, 5)))
    menu = window.strip.findChild(QMenu)
    assert menu is not None
    assert [action.text() for action in menu.actions() if action.isEnabled() and action.text()] == [
        "Discard",
        "Discard all",
    ]
    menu.close()


def test_before_lasts_as_long_as_its_button_is_held(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0),)
    bench.session.chosen = ("v0",)
    bench.session.compare = "split"
    QTest.mousePress(window.strip.before, Qt.MouseButton.LeftButton)
    assert (bench.session.compare, window.strip.before.isChecked()) == ("before", True)
    QTest.mouseRelease(window.strip.before, Qt.MouseButton.LeftButton)
    assert (bench.session.compare, window.strip.before.isChecked(), window.strip.split.isChecked()) == (
        "split",
        False,
        True,
    )


def test_buttons_are_grey_while_they_can_do_nothing(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0, "running"),)
    buttons = (window.strip.before, window.strip.split, window.strip.grid, window.strip.keep, window.strip.discard)
    assert not any(button.isEnabled() for button in buttons)
    bench.session.variants = (bench.item(0),)
    bench.session.chosen = ("v0",)
    assert all(button.isEnabled() for button in buttons)


def test_the_shown_card_scrolls_into_view(window: Window, bench: Any, qtbot: QtBot) -> None:
    bench.session.variants = tuple(bench.item(place) for place in range(9))
    bench.session.chosen = ("v8",)
    card = window.strip.cards[8]
    qtbot.waitUntil(lambda: not card.visibleRegion().isEmpty(), timeout=1000)
    qtbot.waitUntil(lambda: card.visibleRegion().boundingRect().width() == card.width(), timeout=1000)


def test_nothing_moves_when_the_scroll_bar_comes(window: Window, bench: Any, qtbot: QtBot) -> None:
    bench.session.variants = (bench.item(0),)
    QApplication.processEvents()
    before = window.strip.cards[0].mapTo(window, QPoint(0, 0)), window.strip.height()
    bench.session.variants = tuple(bench.item(place) for place in range(9))
    QApplication.processEvents()
    assert (window.strip.cards[0].mapTo(window, QPoint(0, 0)), window.strip.height()) == before


def test_a_preview_step_touches_only_its_card(
    window: Window, bench: Any, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    bench.session.variants = (*(bench.item(place) for place in range(8)), bench.item(8, "running"))
    made: list[object] = []
    real = variant_card._thumbnail
    monkeypatch.setattr(variant_card, "_thumbnail", lambda pixels: (made.append(pixels), real(pixels))[1])
    updated: list[str] = []
    for card in window.strip.cards:
        monkeypatch.setattr(card, "update", lambda id=card.item.id: updated.append(id))
    preview = np.zeros((64, 64, 3), np.uint8)
    bench.session.change("v8", preview=preview, progress=0.1)
    assert len(made) == 1 and made[0] is preview
    assert updated == ["v8"]
    bench.session.change("v8", progress=0.2)
    assert len(made) == 1
    assert updated == ["v8", "v8"]


def test_a_step_takes_less_than_a_frame(window: Window, bench: Any) -> None:
    large = bench.item(0, pixels=np.full((3000, 4000, 4), 128, np.uint8))
    bench.session.variants = (large, *(bench.item(place) for place in range(1, 8)), bench.item(8, "running"))
    times = []
    for step in range(10):
        preview = np.full((64, 64, 3), step, np.uint8)
        start = time.perf_counter()
        bench.session.change("v8", preview=preview, progress=step / 10)
        times.append(time.perf_counter() - start)
    assert sorted(times)[5] < 0.004


def test_old_variants_can_go_when_there_are_too_many(window: Window, bench: Any) -> None:
    bench.session.variants = tuple(bench.item(place) for place in range(3))
    bench.session.chosen = ("v0",)
    assert not window.strip.prune.isVisible()
    bench.session.variant_budget = 1
    assert (window.strip.prune.isVisible(), window.strip.prune.text()) == (True, "Discard 2 old")
    window.strip.prune.click()
    assert [item.id for item in bench.session.variants] == ["v0"]


def test_a_card_says_what_it_is(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0, outside_mask_changed=3), bench.item(1, "failed"))
    first, second = window.strip.cards
    assert "3 pixels changed outside the selection" in first.toolTip()
    assert second.accessibleName().startswith("Variant 2")
    assert (percent(0), percent(0.004), percent(0.126), percent(1)) == ("0 %", "under 1 %", "13 %", "100 %")


def test_a_card_says_how_much_was_saved(window: Window, bench: Any) -> None:
    exact = bench.item(0)
    faster = replace(exact, id="v1", settings=replace(exact.settings, guidance_interval=(0.1, 0.8), reuse=2))
    bench.session.variants = (exact, faster)
    first, second = window.strip.cards
    assert "speed" not in first.toolTip()
    assert "speed: guided from 10 to 80 %, 1 step in 2 in full" in second.toolTip()


def test_a_card_shows_its_picture_and_the_frame_of_the_one_shown(window: Window, bench: Any) -> None:
    red = np.zeros((80, 80, 4), np.uint8)
    red[..., 0], red[..., 3] = 255, 255
    bench.session.variants = (bench.item(0, pixels=red),)
    bench.session.chosen = ("v0",)
    image = window.strip.cards[0].grab().toImage()
    scale = image.devicePixelRatio()
    middle, edge = QPoint(round(46 * scale), round(44 * scale)), QPoint(round(46 * scale), round(2 * scale))
    assert image.pixelColor(middle) == QColor(255, 0, 0)
    assert image.pixelColor(edge) == theme.current().colour("accent")


def test_another_tab_has_its_own_variants(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0),)
    other = bench.new("other.png")
    window.strip.show_document(other)
    assert window.strip.cards == () and not window.strip.isVisible()
    bench.session.variants = (bench.item(0), bench.item(1))
    assert window.strip.cards == ()
    window.strip.show_document(bench.opened)
    assert len(window.strip.cards) == 2
    other.close()


def test_the_menu_uses_the_card_for_training_or_says_why_not(window: Window, bench: Any) -> None:
    bench.session.variants = (bench.item(0), bench.item(1, "running"))
    for card, enabled in zip(window.strip.cards, (True, False), strict=True):
        card.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), QPoint(5, 5)))
        menu = window.strip.findChildren(QMenu)[-1]
        entry = next(action for action in menu.actions() if action.text() == "Use for training")
        assert entry.isEnabled() == enabled and ("not finished" in entry.toolTip()) != enabled
        entry.trigger()
        menu.close()
    assert bench.ids == ["variant.use_for_training"]
    assert len(bench.desk.ports.pairs.taken) == 1 and bench.desk.ports.pairs.taken[0].origin["variant"] == "v0"


def test_cards_name_their_models_only_where_there_are_several(window: Window, bench: Any) -> None:
    first, second = bench.item(0), bench.item(1)
    other = replace(second, settings=replace(second.settings, model=f"{second.settings.model}-duotone"))
    bench.session.variants = (first, second)
    assert "model" not in window.strip.cards[0].toolTip()
    plain = window.strip.cards[1].grab().toImage()
    bench.session.variants = (first, other)
    assert f"model {other.settings.model}" in window.strip.cards[1].toolTip()
    assert f"model {first.settings.model}" in window.strip.cards[0].toolTip()
    assert window.strip.cards[1].grab().toImage() != plain
    bench.session.variants = (first, second)
    assert window.strip.cards[1].grab().toImage() == plain


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        ((), []),
        (("own",), []),
        (("own", "photographer"), ["Again with photographer"]),
        (("own", "photographer", "painter"), ["photographer", "painter"]),
    ],
)
def test_the_menu_offers_the_other_models(qtbot: QtBot, bench: Any, names: tuple[str, ...], titles: list[str]) -> None:
    asked: list[tuple[object, ...]] = []
    strip = VariantStrip(lambda *words: asked.append(words), None, lambda: names)
    qtbot.addWidget(strip)
    strip.show_document(bench.opened)
    strip.show()
    item = bench.item(0)
    bench.session.variants = (replace(item, settings=replace(item.settings, model="own")),)
    strip._menu("v0", QPoint(5, 5))
    menu = next(menu for menu in strip.findChildren(QMenu) if menu.parent() is strip)
    place = next((each.menu() for each in menu.actions() if each.menu() is not None), menu)
    offered = [each for each in place.actions() if each.text() in titles]
    assert [each.text() for each in offered] == titles
    others = [each.text() for each in menu.actions() if each.text().startswith("Again with") and each not in offered]
    assert others == ["Again with a new seed", *(["Again with another model"] if len(titles) > 1 else [])]
    for each in offered:
        assert each.isEnabled()
        each.trigger()
    assert asked == [("variant.other_model", name) for name in names if name != "own"]
    menu.close()
    strip.show_document(None)
