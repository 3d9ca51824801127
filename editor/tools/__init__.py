"""The tools, in the order of the toolbar. A new one needs its file here and its line in TOOLS."""

from __future__ import annotations

from collections.abc import Callable

from editor.tools.brush import BrushTool
from editor.tools.crop import CropTool
from editor.tools.ellipse import EllipseTool
from editor.tools.eraser import EraserTool
from editor.tools.fill import FillTool
from editor.tools.hand import HandTool
from editor.tools.lasso import LassoTool
from editor.tools.move import MoveTool
from editor.tools.picker import PickerTool
from editor.tools.rectangle import RectangleTool
from editor.tools.tool import Tool
from editor.tools.wand import WandTool
from editor.tools.zoom import ZoomTool

TOOLS: tuple[Callable[[], Tool], ...] = (
    MoveTool,
    RectangleTool,
    EllipseTool,
    LassoTool,
    WandTool,
    CropTool,
    PickerTool,
    BrushTool,
    EraserTool,
    FillTool,
    HandTool,
    ZoomTool,
)
