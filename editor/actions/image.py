"""The image menu: size, place and orientation of the whole picture."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action, with_document
from editor.actions.desk import Desk
from editor.actions.ports import Field
from editor.core import selection
from editor.core.changes import CanvasSize, Crop, FlattenImage, Flip, ResizeDocument, Rotate
from editor.core.changes.change import Change

LARGEST_SIDE = 60000


def resize(desk: Desk) -> None:
    sizes = _ask_size(desk, "Resize image", ("width", "height"))
    if sizes is not None:
        desk.do_aside(ResizeDocument(*sizes))


def canvas_size(desk: Desk) -> None:
    """The old picture stays in the middle."""
    document, sizes = desk.document, _ask_size(desk, "Canvas size", None)
    if document is not None and sizes is not None:
        width, height = sizes
        desk.do(CanvasSize(width, height, (width - document.width) // 2, (height - document.height) // 2))


def crop_to_selection(desk: Desk) -> None:
    if desk.document is not None and desk.document.selection is not None:
        desk.do(Crop(selection.bounds(desk.document.selection) & desk.document.rect, "Crop to selection"))


def flatten(desk: Desk) -> None:
    words = "The picture was flattened to one layer."
    desk.do_aside(FlattenImage(), lambda: desk.say(words, "info", ("Undo", "edit.undo")))


def has_selection(desk: Desk) -> bool:
    return desk.document is not None and desk.document.selection is not None


def _doing(make: Callable[[], Change]) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        desk.do_aside(make())

    return run


def _ask_size(desk: Desk, title: str, linked: tuple[str, str] | None) -> tuple[int, int] | None:
    if desk.document is None:
        return None
    fields = (
        Field("width", "Width", desk.document.width, 1, LARGEST_SIDE, "px"),
        Field("height", "Height", desk.document.height, 1, LARGEST_SIDE, "px"),
    )
    answer = desk.ports.dialogs.numbers(title, fields, linked)
    return None if answer is None else (round(answer["width"]), round(answer["height"]))


ACTIONS: tuple[Action, ...] = (
    Action("image.resize", "Resize image...", resize, ("Ctrl+Alt+I",), "Image", 0, with_document),
    Action("image.canvas_size", "Canvas size...", canvas_size, ("Ctrl+Alt+C",), "Image", 0, with_document),
    Action("image.crop_to_selection", "Crop to selection", crop_to_selection, (), "Image", 0, has_selection),
    Action("image.rotate_left", "Rotate left", _doing(lambda: Rotate(-1)), (), "Image", 1, with_document),
    Action("image.rotate_right", "Rotate right", _doing(lambda: Rotate(1)), (), "Image", 1, with_document),
    Action("image.rotate_180", "Rotate by 180°", _doing(lambda: Rotate(2)), (), "Image", 1, with_document),
    Action(
        "image.flip_horizontal", "Flip horizontally", _doing(lambda: Flip("horizontal")), (), "Image", 2, with_document
    ),
    Action("image.flip_vertical", "Flip vertically", _doing(lambda: Flip("vertical")), (), "Image", 2, with_document),
    Action("image.flatten", "Flatten", flatten, (), "Image", 3, with_document),
)
