from __future__ import annotations

import numpy as np
import pytest

from editor.core.changes import Crop, MoveBy, PaintTiles, SetSelection
from editor.core.changes.change import Change
from editor.core.compositor import composite
from editor.core.document import Document, find
from editor.core.errors import ChangeRefused
from editor.core.geometry import EMPTY, Rect
from editor.core.layer import GroupLayer, RasterLayer
from editor.core.selection import bounds, rectangle
from editor.core.tiles import TileMap
from editor.tools import TOOLS
from editor.tools.brush import BrushTool
from editor.tools.crop import CropTool
from editor.tools.ellipse import EllipseTool
from editor.tools.eraser import EraserTool
from editor.tools.fill import FillTool
from editor.tools.lasso import LassoTool
from editor.tools.move import MoveTool
from editor.tools.picker import PickerTool
from editor.tools.rectangle import RectangleTool
from editor.tools.settings import TOOL_OPTIONS, ToolSettings, option_named
from editor.tools.tool import PointerEvent, Tool, ToolContext
from editor.tools.wand import WandTool

RED = (200, 10, 20, 255)


def picture() -> Document:
    """400 x 300: the left half red, the right half blank, on a layer that is active."""
    pixels = np.zeros((300, 400, 4), np.uint8)
    pixels[:, :200] = RED
    return Document(400, 300, (RasterLayer(name="Photo", id="photo", plane=TileMap.of(pixels)),), active="photo")


def context(document: Document | None = None) -> ToolContext:
    settings = ToolSettings()
    settings.pressure = "none"
    return ToolContext(document or picture(), settings)


def at(x: float, y: float, *modifiers: str, button: str = "left", clicks: int = 1, scale: float = 1.0) -> PointerEvent:
    return PointerEvent(x, y, 1.0, button, frozenset(modifiers), clicks, scale)


def drag(tool: Tool, where: ToolContext, *events: PointerEvent) -> Change | None:
    tool.press(events[0], where)
    for event in events[1:]:
        tool.move(event, where)
        tool.shown(where.document)
        tool.overlay(1.0)
    return tool.release(events[-1], where)


def selected(change: Change | None) -> Rect:
    assert isinstance(change, SetSelection) and change.selection is not None
    return bounds(change.selection)


def test_the_list_of_tools() -> None:
    tools = [make() for make in TOOLS]
    names = [
        "move",
        "rectangle",
        "ellipse",
        "lasso",
        "wand",
        "crop",
        "picker",
        "brush",
        "eraser",
        "fill",
        "hand",
        "zoom",
    ]
    assert [tool.id for tool in tools] == names
    assert [tool.key for tool in tools] == ["V", "M", "Shift+M", "L", "W", "C", "I", "B", "E", "G", "H", "Z"]
    assert [tool.id for tool in tools if tool.navigates] == ["hand", "zoom"]
    assert all(tool.title and tool.icon and tool.help and "\n" not in tool.help for tool in tools)


def test_every_option_is_a_field_of_the_settings() -> None:
    settings = ToolSettings()
    used = {name for make in TOOLS for name in make().options}
    assert used == {option.name for option in TOOL_OPTIONS}
    for option in TOOL_OPTIONS:
        value = getattr(settings, option.name)
        if option.kind == "slider":
            assert option.low <= value <= option.high
        elif option.kind == "choice":
            assert value in [choice[0] for choice in option.choices]
        else:
            assert isinstance(value, bool)
    with pytest.raises(KeyError):
        option_named("colour of the moon")


@pytest.mark.parametrize("make", TOOLS)
def test_idle_tools_change_nothing(make: type[Tool]) -> None:
    tool, where = make(), context()
    assert tool.shown(where.document) is where.document
    assert not tool.busy
    tool.move(at(5, 5, button=""), where)
    assert tool.release(at(5, 5), where) is None and tool.confirm(where) is None
    tool.cancel()
    assert tool.shown(where.document) is where.document and tool.overlay(1.0).cursor


@pytest.mark.parametrize("make", TOOLS)
def test_other_buttons_do_nothing(make: type[Tool]) -> None:
    tool, where = make(), context()
    events = [at(50, 50, button="right"), at(90, 90, button="right")]
    assert drag(tool, where, *events) is None
    assert where.settings.foreground == (0, 0, 0, 255)


@pytest.mark.parametrize("make", TOOLS)
def test_escape_is_as_if_nothing_had_been_pressed(make: type[Tool]) -> None:
    tool, where = make(), context()
    tool.press(at(50, 50), where)
    tool.move(at(90, 120), where)
    tool.cancel()
    assert not tool.busy and tool.shown(where.document) is where.document
    assert tool.release(at(90, 120), where) is None


def test_settings_tell_of_changes() -> None:
    settings, heard = ToolSettings(), []
    settings.changed.connect(heard.append)
    settings.swap_colours()
    settings.default_colours()
    settings.scale_size(True)
    settings.scale_hardness(False)
    assert heard == ["foreground", "background", "foreground", "background", "size", "hardness"]
    assert settings.size == 44 and settings.hardness == 0.7
    for _ in range(100):
        settings.scale_size(False)
        settings.scale_hardness(True)
    assert settings.size == 1 and settings.hardness == 1


def test_a_rectangle_selects_whole_pixels() -> None:
    assert selected(drag(RectangleTool(), context(), at(10.4, 20.6), at(60, 80))) == Rect(10, 21, 50, 59)
    assert selected(drag(RectangleTool(), context(), at(60, 80), at(10, 20))) == Rect(10, 20, 50, 60)
    assert selected(drag(RectangleTool(), context(), at(-50, -50), at(900, 900))) == Rect(0, 0, 400, 300)


def test_modifiers_pressed_while_dragging_shape_it() -> None:
    square = drag(RectangleTool(), context(), at(100, 100), at(130, 160), at(130, 160, "shift"))
    assert selected(square) == Rect(100, 100, 60, 60)
    middle = drag(RectangleTool(), context(), at(100, 100), at(130, 160), at(130, 160, "alt"))
    assert selected(middle) == Rect(70, 40, 60, 120)
    both = drag(RectangleTool(), context(), at(100, 100), at(70, 160, "shift", "alt"))
    assert selected(both) == Rect(40, 40, 120, 120)


def test_a_modifier_at_the_press_is_the_mode_until_it_is_let_go() -> None:
    tall = [at(10, 10, "shift"), at(30, 60, "shift")]
    assert selected(drag(RectangleTool(), context(), *tall)) == Rect(10, 10, 20, 50)
    again = [*tall, at(30, 60), at(30, 60, "shift")]
    assert selected(drag(RectangleTool(), context(), *again)) == Rect(10, 10, 50, 50)


def with_selection(rect: Rect) -> ToolContext:
    where = context()
    change = SetSelection(rectangle(rect))
    return ToolContext(change.apply(where.document), where.settings)


@pytest.mark.parametrize(
    ("modifiers", "expected"),
    [
        ((), Rect(50, 0, 100, 50)),
        (("shift",), Rect(0, 0, 150, 50)),
        (("alt",), Rect(0, 0, 50, 50)),
        (("shift", "alt"), Rect(50, 0, 50, 50)),
    ],
)
def test_modes(modifiers: tuple[str, ...], expected: Rect) -> None:
    where = with_selection(Rect(0, 0, 100, 50))
    assert selected(drag(RectangleTool(), where, at(50, 0, *modifiers), at(150, 50, *modifiers))) == expected
    where.settings.how = {(): "replace", ("shift",): "add", ("alt",): "subtract"}.get(modifiers, "intersect")
    assert selected(drag(RectangleTool(), where, at(50, 0), at(150, 50))) == expected


def test_subtracting_from_no_selection_leaves_the_rest_of_the_page() -> None:
    change = drag(RectangleTool(), context(), at(0, 0, "alt"), at(400, 100, "alt"))
    assert selected(change) == Rect(0, 100, 400, 200)


def test_a_click_deselects() -> None:
    where = with_selection(Rect(0, 0, 100, 50))
    change = drag(RectangleTool(), where, at(200, 200), at(201, 200))
    assert isinstance(change, SetSelection) and change.selection is None and change.label == "Deselect"
    assert drag(RectangleTool(), context(), at(200, 200)) is None
    assert drag(RectangleTool(), where, at(200, 200, "shift")) is None
    everything_gone = drag(RectangleTool(), where, at(0, 0, "alt"), at(400, 300, "alt"))
    assert isinstance(everything_gone, SetSelection) and everything_gone.selection is None


def test_a_drag_of_one_pixel_seen_large_is_no_click() -> None:
    assert selected(drag(RectangleTool(), context(), at(10.1, 10.1, scale=32), at(10.9, 10.9, scale=32))) == Rect(
        10, 10, 1, 1
    )


def test_feathering_a_new_selection() -> None:
    where = context()
    where.settings.feather = 5
    assert selected(drag(RectangleTool(), where, at(100, 100), at(200, 200))).grown(-8).width < 130
    assert selected(drag(RectangleTool(), where, at(100, 100), at(200, 200))).x < 95


def test_ellipse_and_lasso() -> None:
    where = context()
    change = drag(EllipseTool(), where, at(100, 100), at(160, 140))
    assert selected(change) == Rect(100, 100, 60, 40) and change is not None and change.label == "Select ellipse"
    loop = [at(10, 10), at(110, 10), at(110, 60), at(10, 60)]
    assert selected(drag(LassoTool(), where, *loop)) == Rect(10, 10, 100, 50)
    lasso = LassoTool()
    lasso.press(loop[0], where)
    for event in loop[1:]:
        lasso.move(event, where)
    assert len(lasso.overlay(1).lines[0]) == 4
    assert selected(lasso.confirm(where)) == Rect(10, 10, 100, 50)
    assert not lasso.busy and lasso.overlay(1).lines == ()


def test_the_wand_reads_the_picture_or_the_layer() -> None:
    where = context()
    where.settings.antialias = False
    assert selected(drag(WandTool(), where, at(50, 50))) == Rect(0, 0, 200, 300)
    assert selected(drag(WandTool(), where, at(350, 50))) == Rect(200, 0, 200, 300)
    where.settings.sample = "layer"
    assert selected(drag(WandTool(), where, at(50, 50))) == Rect(0, 0, 200, 300)
    assert drag(WandTool(), where, at(-5, 50)) is None
    cut = drag(WandTool(), ToolContext(where.document, where.settings), at(50, 50, "alt"))
    assert selected(cut) == Rect(200, 0, 200, 300)


def test_moving_a_layer() -> None:
    where, tool = context(), MoveTool()
    tool.press(at(10.3, 10), where)
    tool.move(at(25, 7), where)
    shown = find(tool.shown(where.document), "photo")
    assert shown is not None and (shown.x, shown.y) == (15, -3) and tool.busy
    assert tool.release(at(25, 7), where) == MoveBy("photo", 15, -3)
    assert drag(tool, where, at(0, 0), at(30, 8, "shift")) == MoveBy("photo", 30, 0)
    assert drag(tool, where, at(0, 0), at(0.2, 0.2)) is None


def test_arrow_keys_move_the_layer_in_one_step() -> None:
    change = MoveTool().nudge(0, -1, context())
    assert change == MoveBy("photo", 0, -1, merging=True) and change is not None and change.merge_key
    assert BrushTool().nudge(1, 0, context()) is None


LOCKED = Document(9, 9, (RasterLayer(name="Sky", id="sky", locked=True),), active="sky")
GROUP = Document(9, 9, (GroupLayer(name="Sky", id="sky"),), active="sky")


@pytest.mark.parametrize("make", [MoveTool, BrushTool, EraserTool, FillTool])
def test_locked_layers_refuse(make: type[Tool]) -> None:
    tool = make()
    with pytest.raises(ChangeRefused, match="locked"):
        tool.press(at(5, 5), context(LOCKED))
    assert not tool.busy and tool.release(at(5, 5), context(LOCKED)) is None


def test_groups_move_but_are_not_painted_on() -> None:
    assert drag(MoveTool(), context(GROUP), at(0, 0), at(3, 3)) == MoveBy("sky", 3, 3)
    with pytest.raises(ChangeRefused, match="group"):
        BrushTool().press(at(5, 5), context(GROUP))


def test_a_brush_stroke_is_one_change() -> None:
    where, tool = context(), BrushTool()
    where.settings.size = 20
    tool.press(at(300, 100), where)
    tool.move(at(330, 100), where)
    shown = tool.shown(where.document)
    assert composite(shown, Rect(300, 100, 1, 1))[0, 0].tolist() == [0, 0, 0, 255]
    change = tool.release(at(330, 100), where)
    assert isinstance(change, PaintTiles) and change.label == "Brush stroke"
    after = composite(change.apply(where.document), where.document.rect)
    assert after[100, 300:330, 3].min() == 255 and not tool.busy and tool.shown(where.document) is where.document


def test_shift_draws_a_straight_line_from_the_last_stroke() -> None:
    where, tool = context(), BrushTool()
    where.settings.size = 10
    drag(tool, where, at(250, 20))
    change = drag(tool, where, at(250, 280, "shift"))
    assert change is not None
    assert composite(change.apply(where.document), where.document.rect)[20:280, 250, 3].min() == 255


def test_alt_with_the_brush_takes_a_colour() -> None:
    where = context()
    assert drag(BrushTool(), where, at(50, 50, "alt")) is None
    assert where.settings.foreground == RED


def test_the_brush_shows_its_size() -> None:
    where, tool = context(), BrushTool()
    tool.move(at(30, 40, button=""), where)
    assert tool.overlay(1.0).circle == (30, 40, 20) and tool.overlay(1.0).cursor == "none"
    assert tool.overlay(0.05).circle is None and tool.overlay(0.05).cursor == "cross"


def test_the_eraser() -> None:
    where = context()
    change = drag(EraserTool(), where, at(50, 50))
    assert isinstance(change, PaintTiles) and change.label == "Erase"
    after = composite(change.apply(where.document), where.document.rect)
    assert after[50, 50, 3] == 0 and after[50, 150].tolist() == list(RED)


def test_fill_stays_within_colour_and_selection() -> None:
    where = with_selection(Rect(0, 0, 300, 100))
    where.settings.foreground, where.settings.antialias = (1, 2, 3, 255), False
    change = drag(FillTool(), where, at(50, 50))
    assert isinstance(change, PaintTiles) and change.label == "Fill"
    after = composite(change.apply(where.document), where.document.rect)
    assert (after[:100, :200] == (1, 2, 3, 255)).all()
    assert (after[100:, :200] == RED).all() and not after[:, 200:].any()
    assert drag(FillTool(), where, at(-50, 50)) is None


@pytest.mark.parametrize("make", [BrushTool, EraserTool, FillTool])
def test_work_outside_the_selection_is_refused_in_words(make: type[Tool]) -> None:
    where, tool = with_selection(Rect(0, 0, 20, 20)), make()
    where.settings.size, where.settings.contiguous = 10.0, True
    with pytest.raises(ChangeRefused, match="outside the selection"):
        drag(tool, where, at(300, 200))
    assert not tool.busy and tool.shown(where.document) is where.document
    assert drag(tool, where, at(-300, 200)) is None  # off the page there is nothing to explain
    assert drag(tool, where, at(10, 10)) is not None


def test_the_picker() -> None:
    where, tool = context(), PickerTool()
    drag(tool, where, at(50, 50))
    assert where.settings.foreground == RED
    drag(tool, where, at(50, 50, "alt"))
    assert where.settings.background == RED
    where.settings.default_colours()
    drag(tool, where, at(350, 50))
    drag(tool, where, at(-1, 50))
    assert where.settings.foreground == (0, 0, 0, 255)


def cropping(*events: PointerEvent, ratio: str = "") -> tuple[CropTool, ToolContext]:
    tool, where = CropTool(), context()
    where.settings.ratio = ratio
    assert drag(tool, where, *events) is None
    return tool, where


def test_crop_waits_for_enter() -> None:
    tool, where = cropping(at(50, 60), at(250, 160))
    overlay = tool.overlay(1.0)
    assert overlay.frame == Rect(50, 60, 200, 100) and overlay.shade_outside and len(overlay.handles) == 8
    assert tool.shown(where.document) is where.document and tool.busy
    assert tool.confirm(where) == Crop(Rect(50, 60, 200, 100))
    assert tool.frame == EMPTY and tool.confirm(where) is None


def test_crop_frames_are_pulled_and_moved() -> None:
    tool, where = cropping(at(50, 60), at(250, 160))
    drag(tool, where, at(251, 159), at(301, 199))
    assert tool.frame == Rect(50, 60, 250, 140) or tool.frame == Rect(50, 60, 251, 139)
    drag(tool, where, at(50, 130), at(20, 0))
    assert tool.frame.x == 20 and tool.frame.y == 60
    before = tool.frame
    drag(tool, where, at(150, 150), at(140, 155))
    assert tool.frame == before.moved(-10, 5)
    drag(tool, where, at(150, 150), at(-900, 150))
    assert tool.frame.x == 0 and tool.frame.width == before.width
    tool.nudge(3, 0, where)
    assert tool.frame.x == 3
    tool.move(at(150, 150, button=""), where)
    assert tool.overlay(1.0).cursor == "move"


def test_crop_by_a_double_click() -> None:
    tool, where = cropping(at(50, 60), at(250, 160))
    assert drag(tool, where, at(100, 100)) is None
    assert drag(tool, where, at(100, 100, clicks=2)) == Crop(Rect(50, 60, 200, 100))


@pytest.mark.parametrize(("ratio", "shape"), [("1:1", 1.0), ("16:9", 16 / 9), ("2:3", 2 / 3), ("original", 4 / 3)])
def test_crop_keeps_a_ratio_and_stays_on_the_page(ratio: str, shape: float) -> None:
    for end in [(250, 160), (900, 900), (-900, 500), (150, -900)]:
        tool, where = cropping(at(100, 100), at(*end), ratio=ratio)
        frame = tool.frame
        assert frame.width / frame.height == pytest.approx(shape, rel=0.03)
        assert frame & where.document.rect == frame
        assert frame.contains(100, 100) or frame.right == 100 or frame.bottom == 100


def test_the_whole_page_is_no_crop() -> None:
    tool, where = cropping(at(-5, -5), at(900, 900))
    assert tool.confirm(where) is None
