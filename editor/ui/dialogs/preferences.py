"""The preferences: one page per section, made from the list of settings."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QTabWidget,
    QWidget,
)

from editor.core.params import Value
from editor.core.settings import SETTINGS, Setting, Settings, value_of, with_value
from editor.ui import theme
from editor.ui.dialogs.base import Dialog
from editor.ui.widgets.labels import secondary
from editor.ui.widgets.number_box import number_box, whole_box

Read = Callable[[], Value]

HELP_WIDTH = 290
"""Pixels of a line of help in the narrowest dialog. A form keeps no room for the second line by itself."""


class PreferencesDialog(Dialog):
    """`settings` has the user's choices after `accept`."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__("Preferences", "Save", parent)
        self._settings = settings
        self._reads: dict[str, Read] = {}
        self._helps: list[QLabel] = []
        self.tabs = QTabWidget(self)
        for section in dict.fromkeys(setting.section for setting in SETTINGS):
            self.tabs.addTab(self._page(section), section)
        self.body.addWidget(self.tabs)
        self.setMinimumWidth(520)

    @property
    def settings(self) -> Settings:
        result = self._settings
        for key, read in self._reads.items():
            result = with_value(result, key, read())
        return result

    def _page(self, section: str) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        form.setContentsMargins(0, 16, 0, 0)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(4)
        for setting in (setting for setting in SETTINGS if setting.section == section):
            widget, self._reads[setting.key] = _control(setting, value_of(self._settings, setting.key), page)
            widget.setAccessibleName(setting.title)
            form.addRow("" if setting.kind == "flag" else setting.title, widget)
            self._helps.append(_help(setting, page))
            form.addRow("", self._helps[-1])
        return page

    def showEvent(self, event: QShowEvent) -> None:
        """Now that the fonts are known, every help gets its lines."""
        for label in self._helps:
            label.ensurePolished()
            label.setMinimumHeight(label.heightForWidth(HELP_WIDTH))
        super().showEvent(event)


def _help(setting: Setting, parent: QWidget) -> QLabel:
    label = secondary(setting.help + (" Takes effect at the next start." if setting.restart else ""), parent)
    theme.set_role(label, "small")
    label.setWordWrap(True)
    label.setContentsMargins(0, 0, 0, 8)
    return label


def _control(setting: Setting, value: Value, parent: QWidget) -> tuple[QWidget, Read]:
    match setting.kind:
        case "flag":
            box = QCheckBox(setting.title, parent)
            box.setChecked(bool(value))
            return box, box.isChecked
        case "choice":
            return _choice(setting, value, parent)
        case "whole":
            return _whole(setting, value, parent)
        case "number":
            return _number(setting, value, parent)
        case "text":
            field = QLineEdit(str(value), parent)
            return field, field.text


def _choice(setting: Setting, value: Value, parent: QWidget) -> tuple[QWidget, Read]:
    box = QComboBox(parent)
    for choice, title in setting.choices:
        box.addItem(title, choice)
    box.setCurrentIndex(box.findData(value))
    return box, lambda: str(box.currentData())


def _whole(setting: Setting, value: Value, parent: QWidget) -> tuple[QWidget, Read]:
    box = whole_box(round(setting.minimum), round(setting.maximum), int(value), setting.unit, parent)
    box.setSingleStep(round(setting.step))
    return box, box.value


def _number(setting: Setting, value: Value, parent: QWidget) -> tuple[QWidget, Read]:
    box = number_box(setting.minimum, setting.maximum, float(value), setting.unit, parent=parent)
    box.setSingleStep(setting.step)
    return box, box.value
