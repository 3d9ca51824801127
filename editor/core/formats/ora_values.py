"""Numbers and places from the attributes of stack.xml, whatever is written there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from editor.core.formats import ora_xml
from editor.core.formats.ora_tree import OP
from editor.core.formats.ora_xml import own

FARTHEST = 1 << 24
KNOWN = {"name", "src", "x", "y", "opacity", "visibility", OP, "edit-locked", "selected", "isolation"}


@dataclass(frozen=True)
class Corner:
    """Where the coordinates of a list of layers begin: as the file counts, and as the document does."""

    file_x: int = 0
    file_y: int = 0
    x: int = 0
    y: int = 0


def place(element: Element, corner: Corner) -> tuple[int, int]:
    """Where a picture lies, in the coordinates of the list of layers it is in."""
    x, y = whole(element.get("x")) + corner.file_x, whole(element.get("y")) + corner.file_y
    return x - corner.x, y - corner.y


def own_place(element: Element, x: int, y: int) -> tuple[int, int]:
    """The layer's own (x, y) where this program wrote it, else the given ones."""
    return whole(element.get(own("x")), x), whole(element.get(own("y")), y)


def foreign(key: str) -> bool:
    """True for an attribute that means nothing here and is kept for saving."""
    return key not in KNOWN and not key.startswith(f"{{{ora_xml.NAMESPACE}}}") and ora_xml.is_attribute(key)


def whole(value: str | None, default: int = 0) -> int:
    """A coordinate or size; `default` for what is none."""
    try:
        return int(max(-FARTHEST, min(FARTHEST, default if value is None else float(value))))
    except ValueError:  # NaN too
        return default


def number(value: object) -> int:
    """A coordinate from JSON; 0 for what is none."""
    return max(-FARTHEST, min(FARTHEST, value)) if isinstance(value, int) else 0


def share(value: str | None) -> float:
    """An opacity in [0, 1]; 1 for what is none."""
    try:
        found = 1.0 if value is None else float(value)
    except ValueError:
        return 1.0
    return 1.0 if math.isnan(found) else max(0.0, min(1.0, found))
