"""The doctor's page: what works on this machine, why the rest does not, and how fast a model runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QDialogButtonBox, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from editor.edits.background import Job
from editor.edits.checkup import Checkup, Doctor
from editor.ui import theme
from editor.ui.dialogs.base import Notice
from editor.ui.dialogs.doctor_sections import Section, SpeedSection, show_icon, text_label

SECTIONS = ("Devices", "Ways to compute", "Models", "Memory")
LOOKING = "Looking at this machine..."


class DoctorDialog(Notice):
    """Appears at once and fills in. chosen: the model that is measured unless another is picked.

    log: the file of unexpected errors, which may not exist.
    """

    def __init__(self, doctor: Doctor, chosen: Callable[[], str], log: Path, parent: QWidget | None = None) -> None:
        super().__init__("Doctor", parent)
        self._doctor, self._log = doctor, log
        self._job: Job | None = None
        self._checkup = Checkup({})
        self._problem = ""
        self.icon, self.summary = QLabel(self), text_label("", self)
        theme.set_role(self.summary, "title")
        self.sections = {name: Section(name, self) for name in SECTIONS}
        self.speed = SpeedSection(doctor, chosen, self)
        self._assemble()
        self.setModal(False)
        self.resize(760, 680)

    def look(self) -> None:
        """Look at the machine anew; what was found before stays until something is known."""
        self._stop()
        self._problem, self._checkup = "", Checkup(self._checkup.sections)
        self.refresh()
        self._job = self._doctor.examine(self._found, self._failed)

    def refresh(self) -> None:
        """Show what is known."""
        found = self._checkup
        for name, section in self.sections.items():
            section.show_lines(found.sections.get(name, ()), waiting=not found.done and not self._problem)
        self.speed.show_models(found.models)
        kind, text = self._summary()
        show_icon(self.icon, kind)
        self.summary.setText(text)
        self.copy_button.setEnabled(bool(found.text))
        self.again_button.setEnabled(found.done or bool(self._problem))
        self.log_button.setVisible(self._log.is_file())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.close_button.setFocus()
            self.look()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.stop()
        super().closeEvent(event)

    def reject(self) -> None:
        self.stop()
        super().reject()

    def stop(self) -> None:
        """End what is going on."""
        self._stop()
        self.speed.stop()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "copy_button"):
            self.refresh()  # icons have the colours of the theme

    def _assemble(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.GRID)
        head.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.summary, 1)
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, theme.GRID, 0)
        column.setSpacing(theme.GRID)
        for section in (*self.sections.values(), self.speed):
            column.addWidget(section)
        column.addStretch(1)
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(page)
        self.body.addLayout(head)
        self.body.addWidget(self.area, 1)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.copy_button = self.buttons.addButton("Copy report", role)
        self.log_button = self.buttons.addButton("Open folder of the log", role)
        self.again_button = self.buttons.addButton("Look again", role)
        self.copy_button.clicked.connect(self._copy)
        self.log_button.clicked.connect(self._open_log)
        self.again_button.clicked.connect(self.look)
        self.close_button = self.buttons.buttons()[0]

    def _summary(self) -> tuple[str, str]:
        if self._problem:
            return "bad", self._problem
        lines = [each for found in self._checkup.sections.values() for each in found]
        bad = [each for each in lines if each.state == "bad"]
        if bad:
            return "bad", " ".join(filter(None, (bad[0].text, bad[0].advice)))
        if not self._checkup.done:
            return "open", LOOKING
        better = any(each.state == "warning" for each in lines)
        more = " What is marked below could be better." if better else ""
        return ("warning" if better else "good"), f"Edits run on {self._checkup.used}.{more}"

    def _found(self, checkup: Checkup) -> None:
        self._checkup = checkup
        self.refresh()

    def _failed(self, problem: str) -> None:
        self._problem = problem
        self.refresh()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _copy(self) -> None:
        said = f"Speed\n  {self.speed.result}" if self.speed.result else ""
        text = "\n\n".join(filter(None, (self._checkup.text, said)))
        QGuiApplication.clipboard().setText(text)

    def _open_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log.parent)))
