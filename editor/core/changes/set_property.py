"""One property of a layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import check_inside, layer_of, unlocked
from editor.core.document import Document, find, parent_of, with_layer
from editor.core.errors import ChangeRefused
from editor.core.layer import GroupLayer

PROPERTIES: dict[str, type] = {
    "name": str,
    "opacity": float,
    "visible": bool,
    "locked": bool,
    "blend": str,
    "x": int,
    "y": int,
    "pass_through": bool,
}
"""What may be set, and the type of its values."""

_FREE = frozenset({"name", "visible", "locked"})  # a lock guards what a layer looks like, not these
_SLIDERS = frozenset({"opacity", "x", "y"})


@dataclass(frozen=True)
class SetProperty:
    """Sets the property `name` (one of PROPERTIES) of a layer. Changes of one slider merge while it is dragged.

    Opacity is kept within [0, 1].
    """

    id: str
    name: str
    value: str | float | int | bool

    @property
    def label(self) -> str:
        if self.name in ("visible", "locked"):
            return {"visible": ("Hide", "Show"), "locked": ("Unlock", "Lock")}[self.name][bool(self.value)] + " layer"
        return {"name": "Rename layer", "x": "Move layer", "y": "Move layer", "blend": "Blend mode"}.get(
            self.name, self.name.replace("_", " ").capitalize()
        )

    @property
    def merge_key(self) -> str:
        return f"{self.name} of {self.id}" if self.name in _SLIDERS else ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer, a property it lacks, or an empty name."""
        if self.name not in PROPERTIES:
            raise ChangeRefused(f"Layers have no property “{self.name}”; there are {', '.join(PROPERTIES)}.")
        layer = self._checked(document)
        value = self._value()
        if getattr(layer, self.name) == value:
            return document
        return with_layer(document, self.id, lambda layer: replace(layer, **{self.name: value}))

    def _checked(self, document: Document) -> object:
        layer = layer_of(document, self.id)
        if self.name in _FREE:
            check_inside(document, parent_of(document, self.id) if find(document, self.id) else None)
        else:
            unlocked(document, self.id)
        if self.name == "pass_through" and not isinstance(layer, GroupLayer):
            raise ChangeRefused(f"“{layer.name}” is a layer; only a group can be passed through.")
        return layer

    def _value(self) -> str | float | int | bool:
        if self.name == "opacity":
            return min(1.0, max(0.0, float(self.value)))
        value = PROPERTIES[self.name](self.value)
        if self.name == "name" and not str(value).strip():
            raise ChangeRefused("A layer needs a name; type at least one letter.")
        return value
