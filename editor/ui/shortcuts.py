"""Which keys run an action: its own, or those the user gave it."""

from __future__ import annotations

from collections.abc import Mapping

from editor.actions.action import Action


def keys_of(action: Action, changed: Mapping[str, str]) -> tuple[str, ...]:
    """As Qt writes them, the one to show first. changed: the user's keys; an empty one takes all keys away."""
    if action.id in changed:
        return (changed[action.id],) if changed[action.id] else ()
    return action.shortcuts
