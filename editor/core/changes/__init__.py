"""All changes: one file each. A new one needs its file here and its line in CHANGES."""

from __future__ import annotations

from editor.core.changes.add_layer import AddLayer
from editor.core.changes.apply_mask import ApplyMask
from editor.core.changes.canvas_size import CanvasSize
from editor.core.changes.change import Change
from editor.core.changes.clear_selected import ClearSelected
from editor.core.changes.crop import Crop
from editor.core.changes.duplicate_layer import DuplicateLayer
from editor.core.changes.fill import Fill
from editor.core.changes.flatten_image import FlattenImage
from editor.core.changes.flip import Flip
from editor.core.changes.group import Group
from editor.core.changes.layer_from_selection import LayerFromSelection
from editor.core.changes.mask_from_selection import MaskFromSelection
from editor.core.changes.merge_down import MergeDown
from editor.core.changes.move_by import MoveBy
from editor.core.changes.move_layer import MoveLayer
from editor.core.changes.paint_tiles import PaintTiles
from editor.core.changes.remove_layers import RemoveLayers
from editor.core.changes.replace_document import Replace
from editor.core.changes.resize_document import ResizeDocument
from editor.core.changes.rotate import Rotate
from editor.core.changes.set_mask import SetMask
from editor.core.changes.set_property import SetProperty
from editor.core.changes.set_selection import SetSelection
from editor.core.changes.ungroup import Ungroup

CHANGES: tuple[type[Change], ...] = (
    AddLayer,
    ApplyMask,
    CanvasSize,
    ClearSelected,
    Crop,
    DuplicateLayer,
    Fill,
    FlattenImage,
    Flip,
    Group,
    LayerFromSelection,
    MaskFromSelection,
    MergeDown,
    MoveBy,
    MoveLayer,
    PaintTiles,
    RemoveLayers,
    Replace,
    ResizeDocument,
    Rotate,
    SetMask,
    SetProperty,
    SetSelection,
    Ungroup,
)
