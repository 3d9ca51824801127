"""The dialogs: what they ask, and what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLabel, QPlainTextEdit
from pytestqt.qtbot import QtBot

from editor.actions import ACTIONS, action_named
from editor.actions.ports import Field
from editor.core.document import Document
from editor.core.settings import SETTINGS, Settings, value_of
from editor.ui.dialogs.about import STANDS_ON, AboutDialog
from editor.ui.dialogs.export import ExportDialog
from editor.ui.dialogs.keys import ASK, KeysDialog
from editor.ui.dialogs.new_page import CUSTOM, PRESETS, NewPageDialog
from editor.ui.dialogs.numbers import NumbersDialog
from editor.ui.dialogs.preferences import PreferencesDialog
from editor.ui.dialogs.text import TextDialog
from editor.ui.shortcuts import keys_of

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]
PAGE = Document(400, 300)


def test_export_follows_the_name_and_the_format(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ExportDialog(PAGE, tmp_path / "harbour.webp", 92)
    qtbot.addWidget(dialog)
    assert dialog.format.currentText() == "WebP"
    assert dialog.quality.isEnabled() and dialog.lossless.isEnabled()
    dialog.lossless.setChecked(True)
    assert not dialog.quality.isEnabled()
    dialog.format.setCurrentIndex(dialog.format.findText("JPEG"))
    assert dialog.path.text() == str(tmp_path / "harbour.jpg")
    assert dialog.quality.isEnabled() and not dialog.lossless.isEnabled()
    dialog.path.setText(str(tmp_path / "harbour.png"))
    assert dialog.format.currentText() == "PNG" and not dialog.quality.isEnabled()


def test_export_answers(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ExportDialog(PAGE, tmp_path / "harbour.jpg", 80)
    qtbot.addWidget(dialog)
    assert dialog.result_export.path == tmp_path / "harbour.jpg"
    options = dialog.result_export.options
    assert (options.quality, options.long_side, options.metadata, options.lossless) == (80, None, "all", False)
    dialog.side.setValue(200)
    dialog.metadata.setCurrentIndex(2)
    assert (dialog.result_export.options.long_side, dialog.result_export.options.metadata) == (200, "none")
    assert dialog.srgb.isHidden()


def test_export_says_what_would_be_replaced_or_go_wrong(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.png"
    there.write_bytes(b"old")
    dialog = ExportDialog(PAGE, tmp_path / "new.png", 92)
    qtbot.addWidget(dialog)
    assert (dialog.accept_button.text(), dialog.hint.text()) == ("Export", "")
    dialog.path.setText(str(there))
    assert dialog.accept_button.text() == "Replace" and "will be replaced" in dialog.hint.text()
    dialog.path.setText(str(tmp_path / "no" / "new.png"))
    assert not dialog.accept_button.isEnabled() and "folder" in dialog.hint.text()
    dialog.path.setText(str(tmp_path / "new.doc"))
    assert not dialog.accept_button.isEnabled() and ".png" in dialog.hint.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(there), ""))
    dialog.browse.click()
    assert (dialog.accept_button.text(), dialog.accept_button.isEnabled()) == ("Export", True)


def test_a_new_page_has_the_size_of_its_preset_or_its_own(qtbot: QtBot) -> None:
    dialog = NewPageDialog()
    qtbot.addWidget(dialog)
    assert (dialog.page.width, dialog.page.height) == PRESETS[0][1:3]
    dialog.preset.setCurrentIndex(3)
    assert (dialog.page.width, dialog.page.height, dialog.page.dpi) == (2480, 3508, 300)
    dialog.width_box.setValue(1000)
    assert dialog.preset.currentIndex() == CUSTOM
    assert (dialog.page.width, dialog.page.height) == (1000, 3508)
    dialog.fill.setCurrentIndex(2)
    assert dialog.page.colour is None


def test_numbers_keep_their_ratio_while_it_is_locked(qtbot: QtBot) -> None:
    fields = [Field("w", "Width", 4000, 1, 60000, "px"), Field("h", "Height", 3000, 1, 60000, "px", help="Of all.")]
    dialog = NumbersDialog("Resize", fields, ("w", "h"))
    qtbot.addWidget(dialog)
    dialog.boxes["w"].setValue(2000)
    assert dialog.values == {"w": 2000, "h": 1500}
    dialog.boxes["h"].setValue(300)
    assert dialog.values == {"w": 400, "h": 300}
    dialog.locked.setChecked(False)
    dialog.boxes["w"].setValue(7)
    assert dialog.values == {"w": 7, "h": 300}


def test_return_accepts_and_escape_does_not(qtbot: QtBot) -> None:
    for key, result in ((Qt.Key.Key_Return, 1), (Qt.Key.Key_Escape, 0)):
        dialog = NumbersDialog("Feather", [Field("r", "Radius", 5, 0, 100, "px")])
        qtbot.addWidget(dialog)
        dialog.show()
        QTest.keyClick(dialog.boxes["r"], key)
        assert (dialog.isVisible(), dialog.result()) == (False, result)


def test_preferences_are_made_from_the_settings(qtbot: QtBot) -> None:
    dialog = PreferencesDialog(Settings(theme="light", shortcuts={"edit.undo": "Ctrl+U"}))
    qtbot.addWidget(dialog)
    assert [dialog.tabs.tabText(place) for place in range(dialog.tabs.count())] == list(
        dict.fromkeys(setting.section for setting in SETTINGS)
    )
    assert dialog.settings == Settings(theme="light", shortcuts={"edit.undo": "Ctrl+U"})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_can_be_changed(qtbot: QtBot, setting: Any) -> None:
    dialog = PreferencesDialog(Settings())
    qtbot.addWidget(dialog)
    control = next(
        each
        for each in dialog.tabs.findChildren(object)
        if getattr(each, "accessibleName", lambda: "")() == setting.title
    )
    if isinstance(control, QCheckBox):
        control.toggle()
    elif hasattr(control, "findData"):
        control.setCurrentIndex(1 - control.currentIndex())
    elif hasattr(control, "setValue"):
        control.setValue(setting.maximum if setting.default != setting.maximum else setting.minimum)
    else:
        control.setText("cpu")
    changed = [one.key for one in SETTINGS if value_of(dialog.settings, one.key) != value_of(Settings(), one.key)]
    assert changed == [setting.key]


def test_help_of_preferences_is_never_cut(qtbot: QtBot) -> None:
    dialog = PreferencesDialog(Settings())
    qtbot.addWidget(dialog)
    dialog.show()
    for place in range(dialog.tabs.count()):
        dialog.tabs.setCurrentIndex(place)
        for label in dialog.tabs.widget(place).findChildren(QLabel):
            assert label.wordWrap() or label.width() >= label.sizeHint().width()
            assert label.height() >= label.heightForWidth(label.width())


def choose(dialog: KeysDialog, id: str) -> None:
    place = next(item for item in dialog._items() if item.data(0, Qt.ItemDataRole.UserRole) == id)
    dialog.tree.setCurrentItem(place)


def press(dialog: KeysDialog, key: Qt.Key, held: Qt.KeyboardModifier) -> None:
    dialog.key.setFocus()
    QTest.keyClick(dialog.key, key, held)


@pytest.fixture
def keys(qtbot: QtBot) -> KeysDialog:
    dialog = KeysDialog({})
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


CTRL = Qt.KeyboardModifier.ControlModifier


def test_keys_can_be_searched_by_name_and_by_key(keys: KeysDialog) -> None:
    assert not keys.key.isEnabled()
    keys.search.setText("undo")
    assert [item.text(1) for item in keys._items() if not item.isHidden()] == ["Ctrl+Z"]
    keys.search.setText("ctrl+shift+z")
    assert [item.text(0) for item in keys._items() if not item.isHidden()] == ["Edit: Redo"]


def test_a_key_can_be_changed_and_the_default_comes_back(keys: KeysDialog) -> None:
    choose(keys, "image.crop_to_selection")
    press(keys, Qt.Key.Key_F7, CTRL)
    assert keys.result_keys == {"image.crop_to_selection": "Ctrl+F7"}
    assert keys.tree.currentItem().text(1) == "Ctrl+F7"
    assert keys.default.isEnabled()
    keys.default.click()
    assert keys.result_keys == {} and keys.tree.currentItem().text(1) == ""


def test_a_key_that_another_command_has_is_taken_from_it_with_a_word(keys: KeysDialog) -> None:
    choose(keys, "edit.undo")
    press(keys, Qt.Key.Key_Y, CTRL)
    assert keys.result_keys == {"edit.undo": "Ctrl+Y", "edit.redo": "Ctrl+Shift+Z"}
    assert '"Redo" had this key' in keys.hint.text()
    choose(keys, "file.save")
    assert keys.hint.text() == ASK
    owners = [action.id for action in ACTIONS if "Ctrl+Y" in keys_of(action, keys.result_keys)]
    assert owners == ["edit.undo"]


def test_a_default_takes_its_key_back_too(keys: KeysDialog) -> None:
    choose(keys, "edit.redo")
    press(keys, Qt.Key.Key_Z, CTRL)
    assert keys_of(action_named("edit.undo"), keys.result_keys) == ()
    choose(keys, "edit.undo")
    keys.default.click()
    assert keys_of(action_named("edit.undo"), keys.result_keys) == ("Ctrl+Z",)
    assert keys_of(action_named("edit.redo"), keys.result_keys) == ()


def test_a_command_can_do_without_a_key(keys: KeysDialog) -> None:
    choose(keys, "edit.undo")
    keys.none.click()
    assert keys.result_keys == {"edit.undo": ""}
    assert not keys.none.isEnabled()
    assert keys.key.keySequence() == QKeySequence()


def test_cancel_changes_nothing(qtbot: QtBot) -> None:
    mine = {"edit.undo": "Ctrl+U"}
    dialog = KeysDialog(mine)
    qtbot.addWidget(dialog)
    choose(dialog, "edit.undo")
    dialog.default.click()
    assert mine == {"edit.undo": "Ctrl+U"}


def test_about_names_every_library(qtbot: QtBot) -> None:
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    text = dialog.findChild(QPlainTextEdit).toPlainText()
    for name in STANDS_ON:
        assert f"{name} " in text
    assert "not installed" not in text and "ISC" in text and "InstructPix2Pix" in text


def test_a_line_of_text_is_asked_for(qtbot: QtBot) -> None:
    dialog = TextDialog("Use for training", "Which instruction makes this change?", "make it snow", "The model learns.")
    qtbot.addWidget(dialog)
    assert dialog.text == "make it snow" and dialog.field.selectedText() == "make it snow"
    assert dialog.accept_button.isEnabled() and dialog.field.accessibleName() == "Which instruction makes this change?"
    dialog.field.setText("   ")
    assert not dialog.accept_button.isEnabled()
    QTest.keyClicks(dialog.field, "add fog ")
    assert dialog.accept_button.isEnabled() and dialog.text == "add fog"


def test_blank_suggestions_have_to_be_filled_in_first(qtbot: QtBot) -> None:
    dialog = TextDialog("Use for training", "Which instruction?", "")
    qtbot.addWidget(dialog)
    assert not dialog.accept_button.isEnabled()
