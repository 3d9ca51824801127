"""Training by hand: what it takes, begin, pause, stop, go on, and what is there of earlier ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from editor.jobs.importing import INSTALL
from editor.jobs.training_plan import Plan
from editor.ui.training.train_form import rows
from tests.editor.ui.training.conftest import Bench


def ready(bench: Bench) -> Bench:
    bench.pairs.entries = (bench.pair(0), bench.pair(1))
    bench.page.tabs.setCurrentWidget(bench.page.train_tab)
    bench.wait(lambda: bench.trainer.offer.plan is not None)
    return bench


def test_the_plan_is_shown_before_the_start(bench: Bench) -> None:
    form = ready(bench).page.train_tab.form
    bench.wait(form.start.isEnabled)
    texts = {title: label.text() for title, label in form.facts.values.items()}
    assert texts == {
        "Pairs": "36 pairs to learn from, and 4 kept for judging",
        "Time": "about 8 min on the processor, 540 steps",
        "Memory": "about 1.9 GB; 9.0 GB are free",
        "Disk": "about 220 MB",
    }
    assert form.about.text().startswith("Teaches the bundled model") and form.name.text() == "duotone"
    form.recipe.setCurrentIndex(1)
    assert "8 GB" in form.about.text() and not form.start.isEnabled()  # until its own plan is there
    bench.wait(form.start.isEnabled)
    assert bench.trainer.offer.wish.recipe == "8gb"


def test_what_does_not_fit_says_why() -> None:
    shown = dict(
        (title, (text, role))
        for title, text, role in rows(Plan(pairs=1, fits=False, why="No.", memory_bytes=9, memory_free=8), False)
    )
    assert shown["Memory"][1] == "error" and "the time shows after the first ones" in shown["Time"][0]
    assert {text for _, text, _ in rows(None, True)} == {"looking..."}


def test_advice_does_not_stand_in_the_way(bench: Bench) -> None:
    form = ready(bench).page.train_tab.form
    bench.wait(form.start.isEnabled)
    offer = bench.trainer.offer
    assert offer.plan is not None
    advised = replace(offer.plan, problems=("There is only 1 pair.",))
    bench.trainer.offer = replace(offer, plan=advised)
    assert form.start.isEnabled() and form.problem.text.text() == "There is only 1 pair."
    assert form.problem.text.property("role") == "warning"
    bench.trainer.offer = replace(offer, plan=replace(advised, pairs=0, fits=False, why="There is only 1 pair."))
    assert not form.start.isEnabled() and form.problem.text.text() == "There is only 1 pair."
    assert form.problem.text.property("role") == "error"


def test_without_the_training_packages(bench: Bench) -> None:
    bench.missing = True
    form = ready(bench).page.train_tab.form
    bench.wait(lambda: bool(form.problem.command.text()))
    assert form.problem.command.text() == INSTALL and not form.start.isEnabled()
    assert bench.page.pairs_tab.list.isEnabled()  # pairs work without them


def test_a_bad_name_is_said(bench: Bench) -> None:
    form = ready(bench).page.train_tab.form
    bench.wait(form.start.isEnabled)
    form.name.setText("not a name")
    assert not form.start.isEnabled() and "without spaces" in form.problem.text.text()


def test_from_start_to_done(bench: Bench) -> None:
    tab = ready(bench).page.train_tab
    bench.train("blue")
    assert tab.stack.currentWidget() is tab.panel and not tab.list.isEnabled()
    bench.wait(lambda: bench.trainer.state.phase == "done")
    panel = tab.panel
    assert panel.stage.text() == "Done: now see what it has learnt." and panel.bar.value() == 1000
    assert len(panel.chart.course) == 40 and panel.strips.titles == (
        "Before",
        "At the start",
        "Now (step 40)",
        "Wanted",
    )
    assert panel.pause.isHidden() and panel.result.isEnabled() and not panel.go_on.isEnabled()
    assert [tab.list.item(row).text() for row in range(tab.list.count())] == ["New training", "blue"]
    assert tab.list.isEnabled() and tab.current == "blue"
    panel.result.click()
    assert bench.page.tabs.currentWidget() is bench.page.result_tab


def test_pause_stop_and_go_on(bench: Bench) -> None:
    tab = ready(bench).page.train_tab
    bench.train("slow")
    bench.wait(lambda: bench.trainer.state.step >= 1)
    assert "left" in tab.panel.left.text() and tab.panel.stage.text().startswith("Training, step ")
    tab.panel.pause.click()
    bench.wait(lambda: bench.trainer.state.phase == "paused")
    assert tab.panel.pause.text() == "Resume"
    tab.panel.pause.click()
    bench.wait(lambda: bench.trainer.state.phase == "running")
    tab.panel.stop.click()
    assert not tab.panel.stop.isEnabled() and not tab.panel.pause.isEnabled()
    bench.wait(lambda: bench.trainer.state.phase == "stopped")
    assert tab.panel.go_on.isEnabled() and tab.panel.go_on.property("role") == "main"
    before = bench.trainer.state.step
    tab.panel.go_on.click()
    bench.wait(lambda: bench.trainer.state.step > before)


def test_a_crash_is_one_sentence(bench: Bench) -> None:
    tab = ready(bench).page.train_tab
    bench.train("crash")
    bench.wait(lambda: bench.trainer.state.phase == "failed")
    assert "ended unexpectedly" in tab.panel.says.text() and tab.panel.says.property("role") == "error"
    assert tab.panel.go_on.isEnabled()


@pytest.mark.parametrize("answer", ["Delete", "Cancel"])
def test_earlier_trainings_are_opened_and_deleted(bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    tab = ready(bench).page.train_tab
    bench.train("blue")
    bench.wait(lambda: bench.trainer.state.phase == "done")
    tab.list.setCurrentRow(0)
    assert bench.trainer.state.phase == "idle" and tab.stack.currentWidget() is tab.form
    assert not tab.delete.isEnabled()
    tab.list.setCurrentRow(1)
    assert bench.trainer.state.name == "blue" and len(bench.trainer.state.losses) == 40

    def press(box: QMessageBox) -> int:
        next(button for button in box.buttons() if button.text() == answer).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    tab.delete.click()
    assert (bench.trainer.runs == ()) == (answer == "Delete")
    assert (bench.trainer.state.phase == "idle") == (answer == "Delete")


def test_space_after_start_does_not_shut_the_page(bench: Bench) -> None:
    tab = ready(bench).page.train_tab
    tab.form.name.setText("slow")
    bench.wait(tab.form.start.isEnabled)
    tab.form.start.setFocus()
    QTest.keyClick(tab.form.start, Qt.Key.Key_Space)
    assert bench.trainer.state.training and bench.page.focusWidget() is tab.panel.pause
    bench.wait(lambda: bench.trainer.state.step >= 1)
    tab.panel.stop.setFocus()
    QTest.keyClick(tab.panel.stop, Qt.Key.Key_Space)
    bench.wait(lambda: bench.trainer.state.phase == "stopped")
    assert bench.page.focusWidget() not in bench.page.buttons.buttons()


def test_the_note_of_a_recipe_keeps_its_distance(bench: Bench) -> None:
    form = ready(bench).page.train_tab.form
    form.recipe.setCurrentIndex(1)
    bench.page.resize(bench.page.minimumSizeHint())
    bench.qtbot.wait(50)
    bench.page.resize(bench.page.width(), bench.page.minimumSizeHint().height())
    bench.qtbot.wait(50)
    lines = form.about.heightForWidth(form.about.width())
    assert form.about.y() + lines + 8 <= form.name.y()
