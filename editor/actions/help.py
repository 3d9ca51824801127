"""The help menu."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action
from editor.actions.desk import Desk
from editor.actions.file import sample


def _show(name: str) -> Callable[[Desk], None]:
    return lambda desk: desk.ports.dialogs.show(name)


def try_out(desk: Desk, instruction: str) -> None:
    """Open the sample photo with an instruction in the bar."""
    desk.first_instruction = instruction
    sample(desk)


ACTIONS: tuple[Action, ...] = (
    Action(
        "help.palette", "All commands...", _show("palette"), ("Ctrl+Shift+P",), "Help", 0, palette=False, icon="search"
    ),
    Action("help.keys", "Keys...", _show("keys"), ("F1",), "Help", 0, icon="keyboard"),
    Action("help.sample", "Open the sample photo", sample, (), "Help", 1, icon="image"),
    Action("start.try", "Try an instruction", try_out, palette=False),
    Action("help.doctor", "Doctor...", _show("doctor"), (), "Help", 2, icon="cpu"),
    Action("help.about", "About Palimpsest...", _show("about"), (), "Help", 2, icon="info"),
)
