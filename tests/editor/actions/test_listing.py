"""What every action has to be, whatever it does."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import resources
from editor.actions import ACTIONS, MENUS, action_named

KEYS = {
    "tool.move": "V",
    "tool.rectangle": "M",
    "tool.ellipse": "Shift+M",
    "tool.lasso": "L",
    "tool.wand": "W",
    "tool.crop": "C",
    "tool.picker": "I",
    "tool.brush": "B",
    "tool.eraser": "E",
    "tool.fill": "G",
    "tool.hand": "H",
    "tool.zoom": "Z",
    "brush.smaller": "[",
    "brush.larger": "]",
    "brush.softer": "{",
    "brush.harder": "}",
    "colour.swap": "X",
    "colour.default": "D",
    "edit.undo": "Ctrl+Z",
    "edit.redo": "Ctrl+Shift+Z",
    "layer.duplicate": "Ctrl+J",
    "layer.group": "Ctrl+G",
    "layer.merge_down": "Ctrl+E",
    "layer.new": "Ctrl+Shift+N",
    "layer.rename": "F2",
    "select.all": "Ctrl+A",
    "select.none": "Ctrl+D",
    "select.invert": "Ctrl+Shift+I",
    "view.fit": "Ctrl+0",
    "view.actual": "Ctrl+1",
    "view.panels": "Tab",
    "view.full_screen": "F",
    "help.palette": "Ctrl+Shift+P",
    "help.keys": "F1",
    "edit.focus_instruction": "/",
    "edit.generate": "Ctrl+Return",
    "compare.before": "\\",
    "compare.split": "|",
    "compare.grid": "#",
    "view.next_tab": "Ctrl+Tab",
    "view.previous_tab": "Ctrl+Shift+Tab",
}
HARD = set("\\|#[]{}/@~")
"""Characters that many layouts have behind AltGr or Shift."""
FORBIDDEN = re.compile(r"\b(prompt|inference|sampling|latent|tensor|onnx)\b", re.IGNORECASE)


def test_ids_are_unique() -> None:
    counts = Counter(action.id for action in ACTIONS)
    assert [id for id, count in counts.items() if count > 1] == []


def test_no_two_actions_share_a_key() -> None:
    counts = Counter(key for action in ACTIONS for key in action.shortcuts)
    assert [key for key, count in counts.items() if count > 1] == []


def test_every_icon_exists() -> None:
    folder = Path(resources.__file__).parent / "icons"
    assert [action.icon for action in ACTIONS if action.icon and not (folder / f"{action.icon}.svg").is_file()] == []


def test_every_menu_is_one_of_the_window() -> None:
    assert {action.menu.split("/")[0] for action in ACTIONS if action.menu} <= set(MENUS)
    assert {action.menu for action in ACTIONS} >= set(MENUS)


@pytest.mark.parametrize("id", KEYS)
def test_the_keys_that_hands_know(id: str) -> None:
    assert action_named(id).shortcuts[0] == KEYS[id]


def test_keys_that_some_layouts_hide_have_a_second_one() -> None:
    def hard(key: str) -> bool:
        return key.rsplit("+", 1)[-1] in HARD

    assert [action.id for action in ACTIONS if action.shortcuts and all(map(hard, action.shortcuts))] == []


def test_titles_speak_the_words_of_the_window() -> None:
    assert [action.title for action in ACTIONS if FORBIDDEN.search(action.title)] == []
    assert all(
        (action.title[0].isupper() and not action.title.endswith(".")) or action.title.endswith("...")
        for action in ACTIONS
    )


def test_an_unknown_action_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        action_named("file.nothing")
