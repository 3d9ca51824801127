"""The canvas: exact pixels at whole scales, partial updates, the view under the wheel, tools, comparison, drops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from editor.core.changes.change import Change
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.tools.hand import HandTool
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext
from editor.ui import theme
from editor.ui.canvas.canvas import Canvas
from editor.ui.canvas.view import View

Make = Callable[..., Document]
Screen = Callable[..., np.ndarray]
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Refill:
    """The change of the tool below."""

    label, merge_key = "Refill", ""

    def __init__(self, value: int) -> None:
        self.value = value

    def apply(self, document: Document) -> Document:
        plane = TileMap.of(np.full((document.height, document.width, 4), self.value, np.uint8))
        return replace(document, layers=(replace(document.layers[0], plane=plane),))


class Recorder(IdleTool):
    """Notes what it is handed; while it is pressed, it shows the page in grey."""

    id = title = icon = key = help = "recorder"

    def __init__(self, refuses: bool = False) -> None:
        self.events: list[tuple[str, PointerEvent]] = []
        self.refuses = refuses
        self.pressed = False
        self.nudged: tuple[int, int] | None = None

    @property
    def busy(self) -> bool:
        return self.pressed

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        if self.refuses:
            raise ChangeRefused("the layer is locked; unlock it to paint")
        self.events.append(("press", event))
        self.pressed = True

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        self.events.append(("move", event))

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        self.events.append(("release", event))
        self.pressed = False
        return Refill(255)

    def cancel(self) -> None:
        self.pressed = False

    def confirm(self, context: ToolContext) -> Change | None:
        self.pressed = False
        return Refill(200)

    def nudge(self, dx: int, dy: int, context: ToolContext) -> Change | None:
        self.nudged = dx, dy
        return Refill(100)

    def shown(self, document: Document) -> Document:
        return Refill(255).apply(document) if self.pressed else document

    def overlay(self, scale: float) -> Overlay:
        return Overlay(lines=(np.array([(1.0, 1.0), (9.0, 9.0)]),), circle=(5, 5, 3), cursor="cross")


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    widget = Canvas()
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    widget.show()
    yield widget
    widget.hide()


def hexed(colour: np.ndarray) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"


def mouse(canvas: Canvas, kind: QEvent.Type, x: float, y: float, button: Qt.MouseButton = LEFT) -> None:
    """At a document point."""
    place = QPointF(canvas.grab_document_point(x, y))
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    pressed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else button
    QApplication.sendEvent(canvas, QMouseEvent(kind, place, canvas.mapToGlobal(place), pressed, held, NONE))


def wheel(canvas: Canvas, place: QPointF, notches: float, held: Qt.KeyboardModifier = NONE) -> None:
    turned = QPoint(0, round(120 * notches))
    event = QWheelEvent(
        place,
        canvas.mapToGlobal(place),
        QPoint(),
        turned,
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def key(
    canvas: Canvas, which: Qt.Key, held: Qt.KeyboardModifier = NONE, kind: QEvent.Type = QEvent.Type.KeyPress
) -> None:
    QApplication.sendEvent(canvas, QKeyEvent(kind, which, held))


@pytest.mark.parametrize("scale", [1, 2, 3, 5, 8])
def test_whole_scales_show_the_composite_to_the_pixel(canvas: Canvas, noise: Make, screen: Screen, scale: int) -> None:
    document = noise(320, 280)
    canvas.show_document(document)
    canvas.view = View(scale, 160, 140)
    canvas.settle()
    seen, (left, top) = screen(canvas), canvas.view.offset((400, 300))
    whole = np.kron(composite(document, document.rect)[..., :3], np.ones((scale, scale, 1), np.uint8))
    x, y = max(0, left), max(0, top)
    part = whole[y - top : 300 - top, x - left : 400 - left]
    assert np.array_equal(seen[y : y + part.shape[0], x : x + part.shape[1]], part)


def test_a_half_is_the_mean_of_four(canvas: Canvas, noise: Make, screen: Screen) -> None:
    document = noise(512, 512)
    canvas.show_document(document)
    canvas.view = View(0.5, 256, 256)
    canvas.settle()
    left, top = canvas.view.offset((400, 300))
    rgb = composite(document, document.rect)[..., :3].astype(float)
    mean = rgb.reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(screen(canvas)[max(top, 0) : 270, left : left + 256] - mean[: 270 - top]).max() <= 1


def test_around_the_page_is_the_surround(canvas: Canvas, noise: Make, screen: Screen) -> None:
    canvas.show_document(noise(50, 50))
    canvas.settle()
    assert hexed(screen(canvas)[2, 2]) == theme.current().surround


def test_transparent_pixels_show_the_checkerboard(canvas: Canvas, screen: Screen) -> None:
    canvas.show_document(Document(100, 100, (RasterLayer(name="a"),)))
    canvas.settle()
    colours = {hexed(c) for c in screen(canvas)[110:190, 160:240].reshape(-1, 3)}
    assert colours == {theme.current().check_light, theme.current().check_dark}


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.77, 1.0, 1.5, 3.0])
def test_a_dirty_update_equals_drawing_all_again(
    canvas: Canvas, noise: Make, painted: Callable[..., Document], screen: Screen, scale: float
) -> None:
    document = noise(700, 600, alpha=True)
    canvas.show_document(document)
    canvas.view = View(scale, 300, 280)
    canvas.settle()
    screen(canvas)
    canvas.show_document(painted(document, 230, 230, 60, 50, (250, 20, 20, 255)))
    partial = screen(canvas)
    canvas.settle()
    assert np.abs(partial.astype(int) - screen(canvas)).max() <= (0 if scale in (0.5, 1.0, 3.0) else 3)


@pytest.mark.parametrize("step", [(13, 0), (0, -27), (40, 35), (-1000, 0)])
def test_panning_equals_drawing_all_again(canvas: Canvas, noise: Make, screen: Screen, step: tuple[int, int]) -> None:
    canvas.show_document(noise(900, 800))
    canvas.view = View(1.0, 450, 400)
    canvas.settle()
    screen(canvas)
    canvas._pan(*step)
    canvas._look()
    while canvas._picture.work(1.0):
        pass
    partial = screen(canvas)
    canvas.settle()
    assert np.array_equal(partial, screen(canvas))


def test_slices_finish_by_themselves(canvas: Canvas, noise: Make, qtbot: QtBot) -> None:
    canvas.show_document(noise(2000, 1500))
    qtbot.waitUntil(lambda: canvas.settled, timeout=5000)


def test_the_wheel_keeps_the_pixel_under_the_pointer(canvas: Canvas, noise: Make) -> None:
    canvas.show_document(noise(300, 200))
    place = QPointF(137, 90)
    point = canvas._document_place(place)
    for notches in (1, 1, 3, -2, 0.5):
        wheel(canvas, place, notches, Qt.KeyboardModifier.ControlModifier if notches > 2 else NONE)
    after = canvas._document_place(place)
    assert canvas.view.scale == pytest.approx(1.25**3.5)
    assert abs(after[0] - point[0]) < 2 and abs(after[1] - point[1]) < 2


def test_shift_and_alt_scroll(canvas: Canvas, noise: Make) -> None:
    canvas.show_document(noise(900, 900))
    canvas.view = View(1, 450, 450)
    wheel(canvas, QPointF(5, 5), -1, Qt.KeyboardModifier.ShiftModifier)
    assert (canvas.view.x, canvas.view.y) == (510, 450)
    wheel(canvas, QPointF(5, 5), -1, Qt.KeyboardModifier.AltModifier)
    assert (canvas.view.x, canvas.view.y, canvas.view.scale) == (510, 510, 1)


def test_first_shown_is_fitted_and_stays_fitted_until_moved(canvas: Canvas, noise: Make) -> None:
    canvas.show_document(noise(1600, 1600))
    assert canvas.view.scale == pytest.approx((300 - 48) / 1600)
    canvas.resize(600, 600)
    assert canvas.view.scale == pytest.approx((600 - 48) / 1600)
    canvas.actual_size()
    place = canvas.grab_document_point(800, 800)
    canvas.resize(500, 401)
    assert canvas.view.scale == 1 and canvas.grab_document_point(800, 800) == place


def test_a_fitted_page_stays_where_it_is_while_all_of_it_shows(canvas: Canvas, noise: Make) -> None:
    canvas.show_document(noise(1600, 1600))
    scale, corner = canvas.view.scale, canvas.grab_document_point(0, 0)
    canvas.resize(400, 283)  # as when a line below grows
    assert canvas.view.scale == scale and canvas.grab_document_point(0, 0) == corner
    canvas.resize(400, 200)
    assert canvas.view.scale == pytest.approx((200 - 48) / 1600)
    canvas.resize(400, 300)
    assert canvas.view.scale == scale and canvas.grab_document_point(0, 0) == corner


def test_the_page_stays_where_it_is_in_the_window(qtbot: QtBot, noise: Make) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(640, 480)
    canvas = Canvas(window)
    canvas.setGeometry(40, 60, 500, 400)
    window.show()
    canvas.show_document(noise(900, 900))
    canvas.view = View(2, 400, 300)
    place = canvas.mapTo(window, canvas.grab_document_point(400, 300))
    canvas.setGeometry(0, 60, 601, 251)  # the tools and the panels went, and something came below
    assert canvas.view.scale == 2 and canvas.mapTo(window, canvas.grab_document_point(400, 300)) == place


def test_small_pages_open_at_100_percent_and_fit_enlarges(canvas: Canvas, noise: Make) -> None:
    scales: list[float] = []
    canvas.zoom_changed.connect(scales.append)
    canvas.show_document(noise(63, 63))
    assert canvas.view.scale == 1
    canvas.fit()
    assert scales == [4.0]


@pytest.mark.parametrize(("side", "scale"), [(1, 64), (16, 4), (40, 1), (90, 1)])
def test_a_page_of_a_few_pixels_opens_large_enough_to_be_seen(
    canvas: Canvas, noise: Make, side: int, scale: int
) -> None:
    canvas.show_document(noise(side, side))
    assert canvas.view.scale == scale


@pytest.mark.parametrize("value", [0, 64, 128, 200, 255])
def test_the_pixel_grid_shows_on_any_grey(canvas: Canvas, noise: Make, screen: Screen, value: int) -> None:
    canvas.show_document(Refill(value).apply(noise(40, 40)))
    canvas.view = View(16, 20, 20)
    canvas.settle()
    seen = screen(canvas).astype(int)
    left, top = canvas.view.offset(canvas._viewport_size())
    row = seen[top + 20 * 16 + 8, left + 10 * 16 : left + 12 * 16, 0]
    assert len(set(row.tolist())) > 1 and row.max() - row.min() >= 32


def test_a_tool_gets_every_point_and_its_change_comes_out(canvas: Canvas, noise: Make, screen: Screen) -> None:
    changes: list[Change] = []
    canvas.change_made.connect(changes.append)
    canvas.show_document(noise(100, 100))
    tool = canvas.tool = Recorder()
    mouse(canvas, QEvent.Type.MouseButtonPress, 10, 20)
    for x in range(11, 60):
        mouse(canvas, QEvent.Type.MouseMove, x, 20)
    canvas.refresh()
    assert screen(canvas)[170, 220].tolist() == [255, 255, 255]  # what is in progress shows
    mouse(canvas, QEvent.Type.MouseButtonRelease, 60, 20)
    kinds = [kind for kind, _ in tool.events]
    assert kinds == ["press", *["move"] * 49, "release"]
    assert [event.x for _, event in tool.events] == list(range(10, 61))
    assert {event.button for _, event in tool.events} == {"left"} and tool.events[0][1].scale == 1
    assert [change.label for change in changes] == ["Refill"]
    canvas.settle()
    assert screen(canvas)[170, 220].tolist() != [255, 255, 255]  # nobody took the change


def test_a_refusal_is_told_and_nothing_breaks(canvas: Canvas, noise: Make) -> None:
    told: list[str] = []
    canvas.refused.connect(told.append)
    canvas.show_document(noise(100, 100))
    canvas.tool = Recorder(refuses=True)
    mouse(canvas, QEvent.Type.MouseButtonPress, 10, 20)
    assert told == ["the layer is locked; unlock it to paint"]


def test_escape_enter_and_arrows_reach_the_tool(canvas: Canvas, noise: Make) -> None:
    changes: list[Change] = []
    canvas.change_made.connect(changes.append)
    canvas.show_document(noise(100, 100))
    tool = canvas.tool = Recorder()
    mouse(canvas, QEvent.Type.MouseButtonPress, 10, 20)
    key(canvas, Qt.Key.Key_Escape)
    assert not tool.busy and not changes
    mouse(canvas, QEvent.Type.MouseButtonPress, 10, 20)
    key(canvas, Qt.Key.Key_Return)
    key(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert [change.value for change in changes if isinstance(change, Refill)] == [200, 100] and tool.nudged == (-10, 0)


def test_no_shortcut_comes_into_the_middle_of_a_stroke(canvas: Canvas, noise: Make) -> None:
    def kept(which: Qt.Key, held: Qt.KeyboardModifier) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, which, held)
        event.ignore()
        QApplication.sendEvent(canvas, event)
        return event.isAccepted()

    keys = ((Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier), (Qt.Key.Key_E, NONE))
    canvas.show_document(noise(100, 100))
    canvas.tool = Recorder()
    assert not any(kept(*each) for each in keys)
    mouse(canvas, QEvent.Type.MouseButtonPress, 10, 20)
    assert all(kept(*each) for each in keys)
    mouse(canvas, QEvent.Type.MouseButtonRelease, 10, 20)
    assert not any(kept(*each) for each in keys)


def test_space_middle_button_and_hand_pan(canvas: Canvas, noise: Make) -> None:
    canvas.show_document(noise(900, 900))
    canvas.view = View(1, 450, 450)
    tool = canvas.tool = Recorder()

    def drag(button: Qt.MouseButton) -> float:
        before = canvas.view.x
        mouse(canvas, QEvent.Type.MouseButtonPress, 450, 450, button)
        mouse(canvas, QEvent.Type.MouseMove, 440, 450, button)
        mouse(canvas, QEvent.Type.MouseButtonRelease, 450, 450, button)
        return canvas.view.x - before

    assert drag(Qt.MouseButton.MiddleButton) == 10
    key(canvas, Qt.Key.Key_Space)
    assert drag(LEFT) == 10
    key(canvas, Qt.Key.Key_Space, kind=QEvent.Type.KeyRelease)
    assert all(event.button == "" for _, event in tool.events)
    canvas.tool = HandTool()
    assert drag(LEFT) == 10


def test_before_and_split_show_both_sides(canvas: Canvas, noise: Make, screen: Screen) -> None:
    before, after = noise(380, 280), noise(380, 280, seed=5)
    canvas.show_document(after)
    canvas.view = View(1, 190, 140)
    canvas.set_compare("split", before, 0.25)
    canvas.settle()
    seen, (left, top) = screen(canvas), canvas.view.offset((400, 300))
    old, new = (composite(document, document.rect)[..., :3] for document in (before, after))
    assert np.array_equal(seen[200:290, left:90], old[200 - top : 290 - top, : 90 - left])
    assert np.array_equal(seen[200:290, 115:380], new[200 - top : 290 - top, 115 - left : 380 - left])
    canvas.set_compare("before", before)
    canvas.settle()
    assert np.array_equal(screen(canvas)[200:290, left:380], old[200 - top : 290 - top, : 380 - left])
    canvas.set_compare("")
    canvas.settle()
    assert np.array_equal(screen(canvas)[200:290, left:380], new[200 - top : 290 - top, : 380 - left])


def test_the_line_can_be_dragged(canvas: Canvas, noise: Make) -> None:
    moved: list[float] = []
    canvas.split_moved.connect(moved.append)
    canvas.show_document(noise(400, 300))
    canvas.view = View(1, 200, 150)
    canvas.set_compare("split", noise(400, 300, seed=2), 0.5)
    tool = canvas.tool = Recorder()
    mouse(canvas, QEvent.Type.MouseButtonPress, 203, 30)
    mouse(canvas, QEvent.Type.MouseMove, 100, 30)
    mouse(canvas, QEvent.Type.MouseButtonRelease, 100, 30)
    assert moved == [0.25] and not tool.events


def test_ants_march_only_around_a_selection_in_sight(canvas: Canvas, noise: Make, screen: Screen) -> None:
    document = noise(100, 100)
    canvas.show_document(document)
    assert not canvas._marching.isActive()
    selection = TileMap.of(np.full((40, 40), 255, np.uint8), 30, 30)
    without = screen(canvas)
    canvas.show_document(replace(document, selection=selection))
    assert canvas._marching.isActive()
    differs = np.argwhere((screen(canvas) != without).any(axis=2))
    left, top = canvas.view.offset((400, 300))
    assert (differs.min(0) - (top + 30, left + 30)).tolist() == [0, 0]
    assert np.abs(differs.max(0) - (top + 70, left + 70)).max() <= 1
    canvas.hide()
    assert not canvas._marching.isActive()


def test_files_and_pictures_can_be_dropped(canvas: Canvas, tmp_path: Path) -> None:
    files: list[list[str]] = []
    images: list[QImage] = []
    canvas.files_dropped.connect(files.append)
    canvas.image_dropped.connect(images.append)
    for fill in (
        lambda mime: mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))]),
        lambda mime: mime.setImageData(QImage(3, 2, QImage.Format.Format_RGB32)),
    ):
        mime = QMimeData()
        fill(mime)
        canvas.dropEvent(QDropEvent(QPointF(1, 1), Qt.DropAction.CopyAction, mime, LEFT, NONE))
    assert files == [[str(tmp_path / "a.png")]] and [image.width() for image in images] == [3]


def test_a_theme_change_is_drawn_at_once(canvas: Canvas, noise: Make, screen: Screen, qapp: QApplication) -> None:
    canvas.show_document(noise(50, 50))
    screen(canvas)
    try:
        theme.apply(qapp, "light")
        assert hexed(screen(canvas)[2, 2]) == theme.LIGHT.surround
    finally:
        theme.apply(qapp, "dark")


def test_no_document_is_an_empty_surround(canvas: Canvas, noise: Make, screen: Screen) -> None:
    canvas.show_document(noise(50, 50))
    canvas.show_document(None)
    canvas.tool = Recorder()
    mouse(canvas, QEvent.Type.MouseButtonPress, 10, 20)
    canvas.fit()
    assert np.ptp(screen(canvas).reshape(-1, 3), axis=0).tolist() == [0, 0, 0]
