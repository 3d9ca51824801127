"""The popover with the dials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from editor.ui.panels.dials import DRAWN_SEEDS, HINT, IMAGE_RANGE, TEXT_RANGE, DialsPopover

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def dials(qtbot: QtBot, bench: Any) -> Iterator[DialsPopover]:
    dials = DialsPopover(lambda: bench.desk.models.names, bench.trigger)
    qtbot.addWidget(dials)
    dials.show_session(bench.session)
    yield dials
    dials.show_session(None)


def test_every_dial_is_that_of_the_session(dials: DialsPopover, bench: Any) -> None:
    session = bench.session
    dials.follow.setValue(9.5)
    dials.keep.setValue(1.25)
    dials.steps.setValue(33)
    dials.sampler.setCurrentIndex(dials.sampler.findData("ddim"))
    dials.size_box.setCurrentIndex(dials.size_box.findData(256))
    dials.full_res.setChecked(False)
    assert (session.text_scale, session.image_scale, session.steps) == (9.5, 1.25, 33)
    assert (session.sampler, session.size, session.full_res) == ("ddim", 256, False)
    session.text_scale = 3.0
    assert dials.follow.value() == 3.0


def test_any_seed_fits_in_its_field(dials: DialsPopover, bench: Any) -> None:
    for seed in (0, 2**31, 2**32 - 1, 2**53 - 1):
        bench.session.seed = seed
        assert dials.seed.value() == seed
        assert bench.session.seed == seed and isinstance(bench.session.seed, int)
    dials.seed.setValue(77)
    assert bench.session.seed == 77 and isinstance(bench.session.seed, int)


def test_the_die_draws_and_the_lock_keeps(dials: DialsPopover, bench: Any) -> None:
    drawn = set()
    for _ in range(8):
        dials.die.click()
        drawn.add(bench.session.seed)
    assert len(drawn) > 1 and all(0 <= seed < DRAWN_SEEDS for seed in drawn)
    dials.lock.click()
    assert bench.session.seed_locked
    bench.session.seed_locked = False
    assert not dials.lock.isChecked()


def test_a_size_that_no_list_has_stays_as_it_is(dials: DialsPopover, bench: Any) -> None:
    bench.session.use(replace(bench.session.facts, size=448, sampler="strange"))
    assert (bench.session.size, bench.session.sampler) == (448, "strange")
    assert dials.size_box.currentData() == 448


def test_reset_brings_back_what_the_model_likes(dials: DialsPopover, bench: Any) -> None:
    dials.follow.setValue(14)
    dials.steps.setValue(99)
    dials.reset.click()
    assert (bench.session.text_scale, bench.session.steps) == (7.5, 20)
    assert dials.steps.value() == 20


def test_the_pad_turns_both(dials: DialsPopover, bench: Any) -> None:
    dials.show()
    pad = dials.pad
    QTest.mouseClick(pad, Qt.MouseButton.LeftButton, pos=QPoint(pad.width() - 1, 0))
    assert (bench.session.text_scale, bench.session.image_scale) == (TEXT_RANGE[1], IMAGE_RANGE[1])
    QTest.mouseClick(pad, Qt.MouseButton.LeftButton, pos=QPoint(0, pad.height() - 1))
    assert (bench.session.text_scale, bench.session.image_scale) == (TEXT_RANGE[0], IMAGE_RANGE[0])
    QTest.keyClick(pad, Qt.Key.Key_Right)
    assert bench.session.text_scale > TEXT_RANGE[0] and bench.session.image_scale == IMAGE_RANGE[0]
    QTest.keyClick(pad, Qt.Key.Key_Up)
    assert bench.session.image_scale > IMAGE_RANGE[0]


def test_the_tooltips_have_the_names_of_the_method(dials: DialsPopover) -> None:
    assert "text scale" in dials.follow.toolTip() and "image scale" in dials.keep.toolTip()
    assert HINT in dials.follow.toolTip()


def test_a_chosen_model_is_asked_for(dials: DialsPopover, bench: Any) -> None:
    dials.model.setCurrentIndex(1)
    dials.model.activated.emit(1)
    assert bench.triggered[-1] == ("model.choose", "photographer")


def test_escape_closes_it(dials: DialsPopover) -> None:
    dials.show()
    QTest.keyClick(dials, Qt.Key.Key_Escape)
    assert not dials.isVisible()


def test_a_second_model_is_chosen_where_there_is_one(dials: DialsPopover, bench: Any) -> None:
    dials.open_above(QWidget(dials))
    offered = [dials.also.itemData(row) for row in range(dials.also.count())]
    assert offered == ["", *(name for name in bench.desk.models.names if name != bench.session.model)]
    dials.also.setCurrentIndex(dials.also.findData("photographer"))
    dials.also.activated.emit(dials.also.currentIndex())
    assert bench.triggered[-1] == ("model.also", "photographer")
    bench.session.also = replace(bench.session.facts, name="photographer")
    assert dials.also.currentData() == "photographer"
    bench.session.also = None
    assert dials.also.currentData() == ""


def test_the_row_is_not_there_with_one_model(qtbot: QtBot, bench: Any) -> None:
    names = [bench.session.model]
    dials = DialsPopover(lambda: tuple(names), bench.trigger)
    qtbot.addWidget(dials)
    dials.show_session(bench.session)
    dials.open_above(QWidget(dials))
    assert not dials.also.isVisible()
    names.append("painter")
    dials.open_above(QWidget(dials))
    assert dials.also.isVisible()
    names.pop()
    bench.session.also = replace(bench.session.facts, name="painter")  # removed meanwhile: still to be let go
    assert dials.also.isVisible() and dials.also.currentData() == "painter"
    dials.show_session(None)
