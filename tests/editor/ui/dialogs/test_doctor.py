"""The doctor's page: it appears at once, fills in, measures, and keeps its errors in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from editor.actions import action_named
from editor.edits.checkup import Checkup, Line
from editor.ui import theme
from editor.ui.dialogs.doctor import LOOKING, DoctorDialog
from editor.ui.dialogs.doctor_sections import Section
from editor.ui.panels.status import StatusBar

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]

CARD = Line("RTX 3060", "warning", "The driver is too old.", "Update it.")
FIRST = Checkup({"Devices": (CARD,), "Ways to compute": (Line("CPU", "info", "Not tried yet."),)}, ("starter", "big"))
LAST = Checkup(
    {"Devices": (CARD,), "Ways to compute": (Line("CPU", "good", "Works."),)}, ("starter", "big"), "CPU", "All.", True
)


class Job:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeDoctor:
    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.measured: list[str] = []

    def examine(self, found: Callable[[Checkup], None], failed: Callable[[str], None]) -> Job:
        self.found, self.failed = found, failed
        return self._job()

    def measure(
        self,
        model: str,
        progress: Callable[[float, str], None],
        done: Callable[[str], None],
        failed: Callable[[str], None],
    ) -> Job:
        self.measured.append(model)
        self.progress, self.done, self.measure_failed = progress, done, failed
        return self._job()

    def _job(self) -> Job:
        self.jobs.append(Job())
        return self.jobs[-1]


@pytest.fixture
def fake() -> FakeDoctor:
    return FakeDoctor()


@pytest.fixture
def page(qtbot: QtBot, fake: FakeDoctor, tmp_path: Path) -> DoctorDialog:
    made = DoctorDialog(fake, lambda: "big", tmp_path / "palimpsest.log")
    qtbot.addWidget(made)
    made.show()
    return made


def texts(section: Section) -> list[str]:
    return [label.text() for label in section.rows.findChildren(QLabel) if label.text()]


def test_it_appears_at_once_and_fills_in(page: DoctorDialog, fake: FakeDoctor) -> None:
    assert not page.isModal()
    assert page.summary.text() == LOOKING
    assert texts(page.sections["Devices"]) == ["..."]
    assert not page.speed.button.isEnabled() and not page.copy_button.isEnabled()
    fake.found(FIRST)
    assert page.summary.text() == LOOKING
    assert texts(page.sections["Devices"]) == ["RTX 3060", "The driver is too old.", "Update it."]
    assert not page.again_button.isEnabled()
    fake.found(LAST)
    assert page.summary.text() == "Edits run on CPU. What is marked below could be better."
    assert texts(page.sections["Ways to compute"]) == ["CPU", "Works."]
    assert texts(page.sections["Memory"]) == ["Not known."]


def test_what_keeps_edits_from_working_comes_first(page: DoctorDialog, fake: FakeDoctor) -> None:
    bad = Line("No model", "bad", "No model is installed.", "Add one.")
    fake.found(Checkup({"Models": (bad,)}, (), "CPU", "All.", True))
    assert page.summary.text() == "No model is installed. Add one."
    assert not page.speed.button.isEnabled()
    fake.found(Checkup({"Devices": (Line("CPU", "good", "Works."),)}, (), "CPU", "All.", True))
    assert page.summary.text() == "Edits run on CPU."


def test_rows_that_stay_the_same_stay_there(page: DoctorDialog, fake: FakeDoctor) -> None:
    fake.found(FIRST)
    devices, ways = page.sections["Devices"], page.sections["Ways to compute"]
    before = ways.rows
    fake.found(LAST)
    assert ways.rows is not before
    before = devices.rows
    fake.found(LAST)
    assert devices.rows is before


def test_a_failure_is_told_in_place_and_can_be_tried_again(page: DoctorDialog, fake: FakeDoctor) -> None:
    fake.found(FIRST)
    fake.failed("The examination ended by itself: look again.")
    assert page.summary.text() == "The examination ended by itself: look again."
    assert texts(page.sections["Devices"])[0] == "RTX 3060"
    page.again_button.click()
    assert len(fake.jobs) == 2 and page.summary.text() == LOOKING
    fake.found(LAST)
    assert page.summary.text().startswith("Edits run on CPU.")


def test_the_report_is_copied_with_the_speed(page: DoctorDialog, fake: FakeDoctor) -> None:
    fake.found(LAST)
    page.copy_button.click()
    assert QGuiApplication.clipboard().text() == "All."
    page.speed.button.click()
    fake.done("0.9 s a step on CPU.")
    page.copy_button.click()
    assert QGuiApplication.clipboard().text() == "All.\n\nSpeed\n  big: 0.9 s a step on CPU."


def test_speed_is_measured_with_progress(page: DoctorDialog, fake: FakeDoctor) -> None:
    fake.found(LAST)
    speed = page.speed
    assert speed.models.currentText() == "big"
    speed.button.click()
    assert fake.measured == ["big"]
    assert speed.button.text() == "Cancel" and speed.progress.isVisible() and not speed.models.isEnabled()
    fake.progress(0.45, "running a step, 3 of 20")
    assert speed.progress.value() == 450 and speed.said.text() == "Running a step, 3 of 20..."
    fake.found(LAST)  # a report that comes meanwhile disturbs nothing
    assert not speed.models.isEnabled() and speed.button.text() == "Cancel"
    fake.done("0.9 s a step on CPU.")
    assert (speed.said.text(), speed.button.text()) == ("0.9 s a step on CPU.", "Measure")
    assert speed.models.isEnabled() and not speed.progress.isVisible()


def test_a_measurement_is_cancelled_or_fails_in_place(page: DoctorDialog, fake: FakeDoctor) -> None:
    fake.found(LAST)
    page.speed.button.click()
    page.speed.button.click()
    assert fake.jobs[-1].cancelled
    assert page.speed.said.text() == "The measurement was cancelled."
    page.speed.button.click()
    fake.measure_failed("There is not enough memory.")
    assert page.speed.said.text() == "There is not enough memory."
    assert page.speed.said.property("role") == "error"
    assert page.speed.result == ""


def test_closing_ends_everything_and_opening_looks_again(page: DoctorDialog, fake: FakeDoctor) -> None:
    fake.found(LAST)
    page.speed.button.click()
    page.reject()
    assert all(job.cancelled for job in fake.jobs)
    page.show()
    assert len(fake.jobs) == 3 and not fake.jobs[-1].cancelled
    page.close()
    assert fake.jobs[-1].cancelled


def test_the_log_is_offered_only_where_there_is_one(
    page: DoctorDialog, fake: FakeDoctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    fake.found(LAST)
    assert not page.log_button.isVisible()
    (tmp_path / "palimpsest.log").write_text("something")
    fake.found(FIRST)
    assert page.log_button.isVisible()
    page.log_button.click()
    assert opened == [str(tmp_path)]


def test_icons_follow_the_theme(page: DoctorDialog, fake: FakeDoctor, qapp: QApplication) -> None:
    fake.found(LAST)
    before = page.icon.pixmap().toImage()
    was = theme.current().name
    theme.apply(qapp, "light" if was == "dark" else "dark")
    assert page.icon.pixmap().toImage() != before
    theme.apply(qapp, was)


def test_long_texts_wrap_and_nothing_is_clipped(page: DoctorDialog, fake: FakeDoctor, qtbot: QtBot) -> None:
    long = Line("A graphics card with a very long name indeed", "warning", "word " * 60, "Do this. " * 20)
    fake.found(Checkup({"Devices": (long,)}, (), "CPU", "All.", True))
    qtbot.wait(20)
    for label in page.sections["Devices"].rows.findChildren(QLabel):
        if label.text():
            assert label.height() >= label.heightForWidth(label.width())
            assert label.mapTo(page.area, label.rect().bottomRight()).x() <= page.area.viewport().width()


def test_the_help_menu_and_the_status_bar_lead_there(qtbot: QtBot) -> None:
    action = action_named("help.doctor")
    assert (action.menu, action.title) == ("Help", "Doctor...")
    bar = StatusBar()
    qtbot.addWidget(bar)
    bar.show()
    with qtbot.waitSignal(bar.model_clicked):
        qtbot.mouseClick(bar.model, Qt.MouseButton.LeftButton)
