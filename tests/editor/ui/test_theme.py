"""The themes: contrast by the formula of WCAG, and what applying one does."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel

from editor.ui import theme
from editor.ui.theme import DARK, LIGHT, THEMES, Theme

TEXTS = ("text", "secondary", "error", "warning", "done")
BEHIND = ("surround", "panel", "field", "raised", "hover")


@pytest.fixture(autouse=True)
def dark_again(qapp: QApplication) -> object:
    yield
    theme.apply(qapp, "dark")


def test_contrast_is_that_of_wcag() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert theme.contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("look", THEMES, ids=lambda look: look.name)
@pytest.mark.parametrize(
    ("text", "behind"),
    # only plain text stands on a button under the pointer
    [(text, behind) for text in TEXTS for behind in BEHIND if text == "text" or behind != "hover"],
)
def test_text_can_be_read(look: Theme, text: str, behind: str) -> None:
    assert theme.contrast(getattr(look, text), getattr(look, behind)) >= 4.5


@pytest.mark.parametrize("look", THEMES, ids=lambda look: look.name)
def test_chosen_rows_and_the_main_button_can_be_read(look: Theme) -> None:
    assert theme.contrast(look.text, look.selected) >= 4.5
    assert theme.contrast(look.on_accent, look.accent) >= 4.5
    assert theme.contrast(look.on_accent, look.accent_hover) >= 4.5


@pytest.mark.parametrize("look", THEMES, ids=lambda look: look.name)
def test_the_frame_of_the_focus_and_dots_can_be_seen(look: Theme) -> None:
    assert theme.contrast(look.accent, look.panel) >= 3
    assert theme.contrast(look.accent, look.field) >= 3
    assert theme.contrast(look.mark, look.panel) >= 3


@pytest.mark.parametrize("look", THEMES, ids=lambda look: look.name)
def test_greys_have_no_tint(look: Theme) -> None:
    """Colour is judged beside them."""
    for token in (*BEHIND, "pressed", "line", "edge", "text", "secondary", "disabled", "check_light", "check_dark"):
        value = getattr(look, token)
        assert value[1:3] == value[3:5] == value[5:7], token


def test_the_colours_that_were_agreed_on() -> None:
    assert (DARK.surround, DARK.panel, DARK.field, DARK.text) == ("#2b2b2b", "#363636", "#262626", "#e4e4e4")
    assert DARK.accent == "#5b9dff"


@pytest.mark.parametrize("look", THEMES, ids=lambda look: look.name)
def test_the_stylesheet_is_filled_in_and_its_pictures_exist(look: Theme) -> None:
    sheet = theme.stylesheet(look)
    assert "$" not in sheet.split("*/", 1)[1]
    pictures = re.findall(r"url\(([^)]+)\)", sheet)
    assert pictures
    for picture in pictures:
        assert (theme.FOLDER / picture).is_file(), picture


def test_applying_changes_palette_and_tokens(qapp: QApplication) -> None:
    for look in (LIGHT, DARK):
        assert theme.apply(qapp, look.name) is look
        assert theme.current() is look
        assert qapp.palette().color(QPalette.ColorRole.Window).name() == look.panel
        assert qapp.font().pointSize() == theme.NORMAL


def test_an_unknown_theme_changes_nothing(qapp: QApplication) -> None:
    before = theme.current()
    with pytest.raises(KeyError):
        theme.apply(qapp, "pink")
    assert theme.current() is before


def test_a_token_is_a_colour() -> None:
    assert DARK.colour("accent").name() == DARK.accent
    assert all(re.fullmatch("#[0-9a-f]{6}", getattr(DARK, field.name)) for field in fields(DARK)[1:])
    with pytest.raises(KeyError):
        DARK.colour("mauve")


def test_a_role_takes_effect_at_once(qtbot: object, qapp: QApplication) -> None:
    theme.apply(qapp, "dark")
    label = QLabel("gone")
    label.ensurePolished()
    theme.set_role(label, "error")
    assert label.palette().color(QPalette.ColorRole.WindowText).name() == DARK.error


@pytest.mark.parametrize("look", THEMES, ids=lambda look: look.name)
def test_the_whole_of_a_slider_can_be_seen(look: Theme) -> None:
    groove = re.search(r"QSlider::groove:horizontal \{[^}]*background: (#\w{6})", theme.stylesheet(look))
    filled = re.search(r"QSlider::sub-page:horizontal \{[^}]*background: (#\w{6})", theme.stylesheet(look))
    assert groove and theme.contrast(groove[1], look.panel) >= 1.5
    assert filled and theme.contrast(filled[1], groove[1]) >= 3


def test_the_toolkits_own_dialogs_have_plain_buttons() -> None:
    assert "dialogbuttonbox-buttons-have-icons: 0" in theme.stylesheet(DARK)
