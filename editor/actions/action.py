"""What a user can invoke. Menus, the command palette, shortcuts and greying out are made from these values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from editor.actions.desk import Desk

Test = Callable[[Desk], bool]


def always(desk: Desk) -> bool:
    return True


def with_document(desk: Desk) -> bool:
    """A document is open."""
    return desk.current is not None


def with_layer(desk: Desk) -> bool:
    """A layer is active."""
    return desk.document is not None and desk.document.active_layer is not None


@dataclass(frozen=True)
class Action:
    """id: "menu.verb", never changed, since settings name it. title: as the menu says it, "..." where a dialog follows.

    shortcuts: as Qt writes them ("Ctrl+Shift+Z"), the first is shown; the others reach keyboards where the first needs
    AltGr or Shift. menu: "File" or, for a submenu, "Layer/Mask"; "" keeps it out of the menus. group: a line is drawn
    where it changes. checked: shown with a tick where true. palette: whether the command palette offers it.
    icon: a name in resources/icons, or "". why: a sentence on why it is greyed out, where that is not plain to see.
    """

    id: str
    title: str
    run: Callable[..., object]
    shortcuts: tuple[str, ...] = ()
    menu: str = ""
    group: int = 0
    enabled: Test = always
    checked: Test | None = None
    palette: bool = True
    icon: str = ""
    why: Callable[[Desk], str] = lambda desk: ""
