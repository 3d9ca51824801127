"""Layers and groups: frozen values, changed by making another one with `dataclasses.replace`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from editor.core.tiles import TileMap

NORMAL = "normal"


def new_id() -> str:
    """A name for a layer that no other layer ever has; it survives saving."""
    return uuid.uuid4().hex


@dataclass(frozen=True, eq=False)
class Mask:
    """How much of a layer shows: 255 all, 0 nothing.

    plane: one channel in the coordinates of the layer's own plane, so that it moves with the layer; beyond its tiles
    `plane.blank` holds.
    """

    plane: TileMap
    enabled: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class _Node:
    """x, y: where the layer's own (0, 0) lies in the document. opacity in [0, 1]. blend: a name from `blend.BLENDS`.

    extras: what a file held beside all this, kept for saving it again.
    """

    name: str
    id: str = field(default_factory=new_id)
    opacity: float = 1.0
    visible: bool = True
    locked: bool = False
    blend: str = NORMAL
    x: int = 0
    y: int = 0
    mask: Mask | None = None
    extras: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, eq=False, kw_only=True)
class RasterLayer(_Node):
    """plane: four channels of straight-alpha RGBA. recipe: how an edit layer was made, JSON values (edits.recipe)."""

    plane: TileMap = field(default_factory=TileMap)
    recipe: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupLayer(_Node):
    """children: the lowest first. pass_through: the children blend with what lies below the group; otherwise the group
    is composited by itself first (isolated). A group's (x, y) moves all its children."""

    children: tuple[Layer, ...] = ()
    pass_through: bool = False


Layer = RasterLayer | GroupLayer
