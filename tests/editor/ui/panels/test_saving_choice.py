"""The choice between exact and faster edits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from editor.edits.savings import EXACT, SAVINGS
from editor.ui.panels.dials import DialsPopover
from editor.ui.panels.saving_choice import SavingChoice

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def choice(qtbot: QtBot, bench: Any) -> Iterator[SavingChoice]:
    choice = SavingChoice()
    qtbot.addWidget(choice)
    choice.show_session(bench.session)
    yield choice
    choice.show_session(None)


def titles(choice: SavingChoice) -> list[str]:
    return [choice.box.itemText(index) for index in range(choice.box.count())]


def test_nothing_is_saved_at_first(choice: SavingChoice) -> None:
    assert titles(choice) == ["Exact", "Faster", "Fastest"]
    assert (choice.box.currentText(), choice.cost.text()) == ("Exact", EXACT.cost)


@pytest.mark.parametrize("saving", SAVINGS)
def test_a_choice_sets_both_fields_and_says_what_it_costs(choice: SavingChoice, bench: Any, saving: Any) -> None:
    choice.box.setCurrentText(saving.title)
    choice.box.activated.emit(choice.box.currentIndex())
    assert (bench.session.guidance_interval, bench.session.reuse) == (saving.interval, saving.reuse)
    assert (choice.box.currentText(), choice.cost.text()) == (saving.title, saving.cost)
    assert choice.box.accessibleDescription() == saving.cost


def test_values_of_a_recipe_are_custom_until_another_choice(choice: SavingChoice, bench: Any) -> None:
    bench.session.guidance_interval, bench.session.reuse = (0.1, 0.8), 4
    assert titles(choice) == ["Exact", "Faster", "Fastest", "Custom"]
    assert choice.box.currentText() == "Custom"
    assert choice.cost.text() == "Guided from 10 to 80 %, 1 step in 4 in full."
    choice.box.activated.emit(3)
    assert bench.session.reuse == 4
    choice.box.activated.emit(0)
    assert (bench.session.guidance_interval, bench.session.reuse) == ((0.0, 1.0), 1)
    assert titles(choice) == ["Exact", "Faster", "Fastest"]


def test_another_tab_shows_its_own(choice: SavingChoice, bench: Any) -> None:
    bench.session.reuse = 9
    choice.show_session(None)
    bench.session.reuse = 1
    assert choice.box.currentText() == "Custom"
    choice.show_session(bench.session)
    assert choice.box.currentText() == "Exact"


def test_the_sentence_fits_without_moving_what_is_below(qtbot: QtBot, bench: Any) -> None:
    dials = DialsPopover(lambda: bench.desk.models.names, bench.trigger)
    qtbot.addWidget(dials)
    dials.show_session(bench.session)
    dials.show()
    heights: set[int] = set()
    for interval, reuse in [((0.1, 0.8), 4), *((saving.interval, saving.reuse) for saving in SAVINGS)]:
        bench.session.guidance_interval, bench.session.reuse = interval, reuse
        dials.adjustSize()
        heights.add(dials.height())
        assert dials.saving.cost.heightForWidth(dials.saving.cost.width()) <= dials.saving.cost.height()
    assert len(heights) == 1
    dials.show_session(None)


def test_reset_is_exact_again(qtbot: QtBot, bench: Any) -> None:
    dials = DialsPopover(lambda: bench.desk.models.names, bench.trigger)
    qtbot.addWidget(dials)
    dials.show_session(bench.session)
    dials.saving.box.activated.emit(2)
    assert bench.session.reuse > 1
    dials.reset.click()
    assert (bench.session.guidance_interval, bench.session.reuse) == (EXACT.interval, EXACT.reuse)
    assert dials.saving.box.currentText() == "Exact"
    dials.show_session(None)
