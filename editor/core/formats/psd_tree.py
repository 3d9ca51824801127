"""Layers and groups from the records of a Photoshop file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psd_tools.constants import Tag

from editor.core.blend import BLENDS
from editor.core.formats.psd_pixels import unpacked
from editor.core.formats.psd_records import ALPHA, END_OF_GROUP, MASK, PASS_THROUGH
from editor.core.formats.psd_resources import Recipes
from editor.core.geometry import Rect
from editor.core.layer import NORMAL, GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import Samples, TileMap

if TYPE_CHECKING:
    from editor.core.formats.psd_read import Header

_GREY = 1
_LAYER, _GROUP, _END = range(3)
_BLENDS = {blend.psd.encode("ascii"): blend.name for blend in BLENDS if blend.psd}
_ADJUSTMENTS = (
    Tag.BRIGHTNESS_AND_CONTRAST, Tag.CONTENT_GENERATOR_EXTRA_DATA, Tag.CURVES, Tag.EXPOSURE, Tag.LEVELS, Tag.VIBRANCE,
    Tag.HUE_SATURATION, Tag.HUE_SATURATION_V4, Tag.COLOR_BALANCE, Tag.BLACK_AND_WHITE, Tag.PHOTO_FILTER,
    Tag.CHANNEL_MIXER, Tag.COLOR_LOOKUP, Tag.INVERT, Tag.POSTERIZE, Tag.THRESHOLD, Tag.SELECTIVE_COLOR,
    Tag.GRADIENT_MAP,
)  # fmt: skip
_FILLS = (Tag.SOLID_COLOR_SHEET_SETTING, Tag.GRADIENT_FILL_SETTING, Tag.PATTERN_FILL_SETTING)
_EFFECTS = (
    Tag.EFFECTS_LAYER, Tag.OBJECT_BASED_EFFECTS_LAYER_INFO, Tag.OBJECT_BASED_EFFECTS_LAYER_INFO_V0,
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO_V1,
)  # fmt: skip
_TEXT = (Tag.TYPE_TOOL_INFO, Tag.TYPE_TOOL_OBJECT_SETTING)
_SMART = (Tag.PLACED_LAYER1, Tag.PLACED_LAYER2, Tag.SMART_OBJECT_LAYER_DATA1, Tag.SMART_OBJECT_LAYER_DATA2)
_VECTORS = (Tag.VECTOR_MASK_SETTING1, Tag.VECTOR_MASK_SETTING2)
_COMPLETE, _EVERY_LOCK = 1 << 31, 0b111


@dataclass
class Notes:
    """Sentences, each told once."""

    told: list[str] = field(default_factory=list[str])

    def add(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.append(sentence)

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self.told)


@dataclass(frozen=True, eq=False)
class Entry:
    """One record. kind: a layer, a group's own record above its children, or the end below them. layer: None for what
    is left out. clipped: it shows only where the first unclipped layer below it does."""

    kind: int
    layer: Layer | None = None
    clipped: bool = False


def layer_of(record: Any, channels: Any, header: Header, recipes: Recipes, notes: Notes) -> Entry:
    """A record (psd_tools LayerRecord) and its channels. Raises ValueError and others where they are damaged."""
    blocks = record.tagged_blocks
    section = blocks.get_data(Tag.SECTION_DIVIDER_SETTING) or blocks.get_data(Tag.NESTED_SECTION_DIVIDER_SETTING)
    kind = 0 if section is None else int(section.kind)
    if kind == END_OF_GROUP:
        return Entry(_END)
    look, clipped = _look(record, section, notes), bool(int(record.clipping))
    planes = _planes(record, channels, header)
    if kind:
        mask = _mask(record, planes, 0, 0, notes)
        passes = look.pop("blend") == PASS_THROUGH
        blend = NORMAL if passes else _blend(_key(record, section), notes)
        return Entry(_GROUP, GroupLayer(**look, blend=blend, pass_through=passes, mask=mask), clipped)
    _tell(blocks, look["name"], notes)
    if _without_pixels(record, blocks, look["name"], notes):
        return Entry(_LAYER, None, clipped)
    kept = recipes.get(_number(blocks.get_data(Tag.LAYER_ID) or 0), look["name"])
    corner = (0, 0) if kept is None else (kept.x, kept.y)
    x, y = int(record.left) - corner[0], int(record.top) - corner[1]
    layer = RasterLayer(
        **look,
        x=x,
        y=y,
        plane=TileMap.of(_pixels(record, planes, header), *corner),
        mask=_mask(record, planes, x, y, notes),
        recipe=None if kept is None else kept.recipe,
    )
    return Entry(_LAYER, layer, clipped)


def nested(entries: Sequence[Entry], notes: Notes) -> tuple[Layer, ...]:
    """The tree of the list, the lowest first. A group without its own record gives its children to the one around."""
    open_groups: list[list[Entry]] = [[]]
    for entry in entries:
        if entry.kind == _END:
            open_groups.append([])
        elif entry.kind == _GROUP and isinstance(entry.layer, GroupLayer):
            children = open_groups.pop() if len(open_groups) > 1 else []
            group = replace(entry.layer, children=_clipped(children, notes))
            open_groups[-1].append(Entry(_GROUP, group, entry.clipped))
        else:
            open_groups[-1].append(entry)
    return _clipped([entry for group in open_groups for entry in group], notes)


def _clipped(entries: Sequence[Entry], notes: Notes) -> tuple[Layer, ...]:
    """Every run of clipped layers becomes a group with its base, masked by the base's alpha, which looks the same."""
    result = list[Layer]()
    index = 0
    while index < len(entries):
        base = entries[index]
        index += 1
        above = list[Layer]()
        while index < len(entries) and entries[index].clipped and not base.clipped:
            above += [layer for layer in (entries[index].layer,) if layer is not None]
            index += 1
        if base.layer is None:
            result += above
        elif not above:
            result.append(base.layer)
        elif isinstance(base.layer, RasterLayer):
            notes.add("Layers clipped to the one below became groups with a mask.")
            result.append(_clipping_group(base.layer, above))
        else:
            notes.add("Layers clipped to a group are shown unclipped.")
            result += [base.layer, *above]
    return tuple(result)


def _clipping_group(base: RasterLayer, above: Sequence[Layer]) -> GroupLayer:
    alpha, solid = TileMap(1), TileMap(4)
    for key, tile in base.plane.tiles.items():
        left, top = key[0] * tile.pixels.shape[1], key[1] * tile.pixels.shape[0]
        pixels = tile.pixels.copy()
        cover = pixels[..., 3].astype(np.uint16)
        if base.mask is not None and base.mask.enabled:
            height, width = cover.shape
            cover = (cover * base.mask.plane.read(Rect(left, top, width, height))[..., 0] + 127) // 255
        alpha = alpha.with_pixels(cover.astype(np.uint8), left, top)
        pixels[..., 3] = np.where(pixels[..., 3] > 0, 255, 0)
        solid = solid.with_pixels(pixels, left, top)
    inner = RasterLayer(name=base.name, plane=solid, recipe=base.recipe)
    moved = tuple(replace(layer, x=layer.x - base.x, y=layer.y - base.y) for layer in above)
    return GroupLayer(
        name=base.name,
        opacity=base.opacity,
        visible=base.visible,
        blend=base.blend,
        x=base.x,
        y=base.y,
        mask=Mask(alpha),
        children=(inner, *moved),
    )


def _look(record: Any, section: Any, notes: Notes) -> dict[str, Any]:
    blocks = record.tagged_blocks
    fill = blocks.get_data(Tag.BLEND_FILL_OPACITY)
    opacity = int(record.opacity) / 255 * (1.0 if fill is None else min(255, _number(fill)) / 255)
    locks = _number(blocks.get_data(Tag.PROTECTED_SETTING) or 0)
    key = _key(record, section)
    passes = section is not None and key == PASS_THROUGH.encode("ascii")
    return {
        "name": str(blocks.get_data(Tag.UNICODE_LAYER_NAME) or record.name).rstrip("\0"),
        "opacity": opacity,
        "visible": bool(record.flags.visible),
        "locked": bool(locks & _COMPLETE) or locks & _EVERY_LOCK == _EVERY_LOCK,
        "blend": PASS_THROUGH if passes else _blend(key, notes),
    }


def _key(record: Any, section: Any) -> bytes:
    blend = getattr(section, "blend_mode", None) or record.blend_mode
    return bytes(blend.value)


def _number(value: Any) -> int:
    return int(getattr(value, "value", value))


def _blend(key: bytes, notes: Notes) -> str:
    if key in _BLENDS:
        return _BLENDS[key]
    if key != PASS_THROUGH.encode("ascii"):
        notes.add(f"The blend mode {key.decode('ascii', 'replace').strip()!r} is not known here and became normal.")
    return NORMAL


def _planes(record: Any, channels: Any, header: Header) -> dict[int, NDArray[np.uint8]]:
    """uint8 (h, w) by channel number; those that are not needed stay packed."""
    planes = dict[int, NDArray[np.uint8]]()
    needed = {0, ALPHA, MASK} if header.mode == _GREY else {0, 1, 2, ALPHA, MASK}
    for info, data, (width, height) in zip(record.channel_info, channels, record.channel_sizes, strict=False):
        number = int(info.id)
        if number in needed and data.data:
            planes[number] = unpacked(data.data, int(data.compression), width, height, header.depth, header.version)
    return planes


def _pixels(record: Any, planes: dict[int, NDArray[np.uint8]], header: Header) -> Samples:
    height, width = (max(0, record.height), max(0, record.width)) if planes.keys() - {MASK} else (0, 0)
    result = np.zeros((height, width, 4), np.uint8)
    result[..., 3] = planes.get(ALPHA, 255)
    for colour in range(3):
        result[..., colour] = planes.get(0 if header.mode == _GREY else colour, 0)
    return result


def _mask(record: Any, planes: dict[int, NDArray[np.uint8]], x: int, y: int, notes: Notes) -> Mask | None:
    """(x, y): where the (0, 0) of the layer's own plane lies in the document."""
    data = record.mask_data
    if data is None or not any(int(info.id) == MASK for info in record.channel_info):
        return None
    if data.parameters is not None:
        notes.add("Density and feather of masks are not read, so such masks are as hard and dense as they are stored.")
    left, top = int(data.left), int(data.top)
    if data.flags.pos_relative_to_layer:
        left, top = left + int(record.left), top + int(record.top)
    blank = 255 if data.background_color else 0
    plane = TileMap(1, None, blank)
    if MASK in planes:
        plane = TileMap.of(planes[MASK], left - x, top - y, blank)
    return Mask(plane, enabled=not data.flags.mask_disabled)


def _tell(blocks: Any, name: str, notes: Notes) -> None:
    if any(tag in blocks for tag in _TEXT):
        notes.add(f"The text of {name!r} was read as pixels.")
    if any(tag in blocks for tag in _SMART):
        notes.add(f"The smart object {name!r} was read as pixels.")
    if any(tag in blocks for tag in _EFFECTS):
        notes.add("Layer effects are not read, so they were left out.")
    if any(tag in blocks for tag in _VECTORS):
        notes.add("Vector masks are read as the pixels that they cover.")


def _without_pixels(record: Any, blocks: Any, name: str, notes: Notes) -> bool:
    if any(tag in blocks for tag in _ADJUSTMENTS):
        notes.add(f"The adjustment layer {name!r} was left out: adjustments are not read.")
        return True
    if any(tag in blocks for tag in _FILLS) and (record.width <= 0 or record.height <= 0):
        notes.add(f"The fill layer {name!r} was left out: it holds no pixels.")
        return True
    return False
