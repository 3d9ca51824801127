"""Which keys run an action."""

from __future__ import annotations

from collections import Counter

from PySide6.QtGui import QKeySequence

from editor.actions import ACTIONS, action_named
from editor.ui.shortcuts import keys_of


def test_the_users_key_takes_the_place_of_all_defaults() -> None:
    redo = action_named("edit.redo")
    assert keys_of(redo, {}) == ("Ctrl+Shift+Z", "Ctrl+Y")
    assert keys_of(redo, {"edit.redo": "F5", "edit.undo": "F6"}) == ("F5",)
    assert keys_of(redo, {"edit.redo": ""}) == ()


def test_no_default_is_given_twice() -> None:
    given = Counter(QKeySequence(key).toString() for action in ACTIONS for key in keys_of(action, {}))
    assert [key for key, times in given.items() if times > 1] == []


def test_every_default_is_a_key() -> None:
    for action in ACTIONS:
        for key in keys_of(action, {}):
            assert QKeySequence(key).count() == 1 and QKeySequence(key).toString() == key, (action.id, key)
