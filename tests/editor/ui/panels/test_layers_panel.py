"""The layers panel on real histories."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from editor.core.blend import BLENDS
from editor.core.changes.move_layer import MoveLayer
from editor.core.changes.replace_document import Replace
from editor.core.changes.set_property import SetProperty
from editor.core.document import Document, find, parent_of, walk
from editor.core.history import History
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import TileMap
from editor.edits.open_document import OpenDocument
from editor.tools.settings import ToolSettings
from editor.ui import theme
from editor.ui.panels.layers import GROUPS, PASS_THROUGH, LayersPanel
from editor.ui.panels.layers_model import EYE, LAYER, LOCK
from editor.ui.panels.layers_moves import Place, above, below, into, move
from editor.ui.panels.layers_row import parts, two_lines


def flat(name: str, **values: object) -> RasterLayer:
    return RasterLayer(name=name, id=name, plane=TileMap.of(np.full((60, 90, 4), 255, np.uint8)), **values)


def picture() -> Document:
    """Lowest first: paper, group (dust, sky), snow."""
    half = np.zeros((60, 90), np.uint8)
    half[:, :45] = 255
    group = GroupLayer(name="group", id="group", children=(flat("dust"), flat("sky")))
    snow = flat("snow", mask=Mask(TileMap.of(half)), recipe={"instruction": "snow"}, opacity=0.5)
    return Document(90, 60, (flat("paper"), group, snow), active="snow")


class Desk:
    def __init__(self, qtbot: QtBot, document: Document) -> None:
        self.open = OpenDocument(History(document))
        self.settings = ToolSettings()
        self.triggered: list[str] = []
        self.stale: set[str] = set()
        self.panel = LayersPanel(
            lambda change: self.open.history.do(change),
            self.triggered.append,
            self.settings,
            lambda id: id in self.stale,
        )
        qtbot.addWidget(self.panel)
        self.panel.resize(280, 480)
        self.panel.show_document(self.open)
        self.panel.show()
        self.view, self.model = self.panel.view, self.panel.model

    @property
    def document(self) -> Document:
        return self.open.document

    def layer(self, id: str) -> Layer:
        layer = find(self.document, id)
        assert layer is not None
        return layer

    def point(self, id: str, column: int = LAYER) -> QPoint:
        return self.view.visualRect(self.model.at(id, column)).center()

    def click(
        self, qtbot: QtBot, point: QPoint, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:
        qtbot.mouseClick(self.view.viewport(), Qt.MouseButton.LeftButton, modifier, point)


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication) -> Iterator[Desk]:
    theme.apply(qapp, "dark")
    desk = Desk(qtbot, picture())
    yield desk
    desk.panel.show_document(None)
    desk.open.close()


def order(document: Document) -> list[str]:
    """As the panel shows them."""
    shown: list[str] = []

    def add(layers: tuple[Layer, ...]) -> None:
        for layer in reversed(layers):
            shown.append(layer.id)
            if isinstance(layer, GroupLayer):
                add(layer.children)

    add(document.layers)
    return shown


def test_the_model_keeps_the_rules_of_qt(desk: Desk) -> None:
    tester = QAbstractItemModelTester(desk.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    desk.open.history.do(SetProperty("sky", "name", "clouds"))
    desk.open.history.do(MoveLayer("sky", "", 0))
    desk.panel.show_document(None)
    desk.panel.show_document(desk.open)
    assert tester.model() is desk.model


def test_the_highest_is_first(desk: Desk) -> None:
    tops = [desk.point(id).y() for id in order(desk.document)]
    assert tops == sorted(tops)
    assert order(desk.document) == ["snow", "group", "sky", "dust", "paper"]
    assert desk.view.currentIndex() == desk.model.at("snow")


def test_a_click_makes_a_layer_active_without_a_step(desk: Desk, qtbot: QtBot) -> None:
    desk.click(qtbot, desk.point("dust"))
    assert desk.document.active == "dust"
    assert len(list(desk.open.history.steps())) == 1
    assert desk.panel.selected_layers() == ("dust",)


def test_eye_and_lock_switch(desk: Desk, qtbot: QtBot) -> None:
    desk.click(qtbot, desk.point("paper", EYE))
    desk.click(qtbot, desk.point("paper", LOCK))
    assert (desk.layer("paper").visible, desk.layer("paper").locked) == (False, True)
    assert desk.document.active == "snow"
    desk.click(qtbot, desk.point("paper", EYE))
    assert desk.layer("paper").visible


def test_renaming_in_place(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.rename_active()
    field = desk.view.findChild(QLineEdit)
    assert field is not None and field.text() == "snow"
    qtbot.keyClicks(field, "first snow")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.layer("snow").name == "first snow")
    assert desk.model.setData(desk.model.at("sky"), "  ") is False
    assert desk.layer("sky").name == "sky"


def test_keys_of_the_list(desk: Desk, qtbot: QtBot) -> None:
    desk.view.setFocus()
    qtbot.keyClick(desk.view, Qt.Key.Key_Space)
    assert not desk.layer("snow").visible
    qtbot.keyClick(desk.view, Qt.Key.Key_Delete)
    assert desk.triggered == ["layer.delete"]
    qtbot.keyClick(desk.view, Qt.Key.Key_Down)
    assert desk.document.active == "group"
    qtbot.keyClick(desk.view, Qt.Key.Key_F2)
    assert desk.view.findChild(QLineEdit) is not None


def test_several_are_chosen_for_the_actions(desk: Desk, qtbot: QtBot) -> None:
    desk.click(qtbot, desk.point("snow"))
    desk.click(qtbot, desk.point("paper"), Qt.KeyboardModifier.ControlModifier)
    assert desk.panel.selected_layers() == ("paper", "snow")
    desk.panel.buttons["layer.delete"].click()
    desk.panel.buttons["layer.group"].click()
    assert desk.triggered == ["layer.delete", "layer.group"]  # which take all that are chosen, and offer Undo


@pytest.mark.parametrize(
    ("size", "shown"), [((1, 1), (40, 40)), ((10, 4), (40, 16)), ((50, 4000), (5, 40)), ((60, 40), (40, 27))]
)
def test_thumbnails_of_tiny_and_narrow_pages_can_be_seen(
    qtbot: QtBot, qapp: QApplication, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    pixels = np.full((size[1], size[0], 4), 255, np.uint8)
    desk = Desk(qtbot, Document(*size, (RasterLayer(name="a", id="a", plane=TileMap.of(pixels)),), active="a"))
    thumbnails = desk.panel._thumbnails
    qtbot.waitUntil(lambda: thumbnails.get("a") is not None)
    picture = thumbnails.get("a")
    assert picture is not None and (picture.width(), picture.height()) == shown
    desk.panel.show_document(None)
    desk.open.close()


def test_a_range_is_chosen_with_shift(desk: Desk, qtbot: QtBot) -> None:
    desk.click(qtbot, desk.point("dust"))
    desk.click(qtbot, desk.point("snow"), Qt.KeyboardModifier.ShiftModifier)
    assert desk.panel.selected_layers() == ("group", "dust", "sky", "snow")
    desk.click(qtbot, desk.point("sky"))
    desk.click(qtbot, desk.point("dust"), Qt.KeyboardModifier.ControlModifier)
    assert desk.panel.selected_layers() == ("dust", "sky")


def test_one_drag_of_the_opacity_is_one_step(desk: Desk, qtbot: QtBot) -> None:
    before = len(list(desk.open.history.steps()))
    bar = desk.panel.opacity.slider
    middle = bar.height() // 2
    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=QPoint(10, middle))
    for x in (20, 40, 60, 80):
        qtbot.mouseMove(bar, QPoint(x, middle))
    qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=QPoint(80, middle))
    first = desk.layer("snow").opacity
    assert first != 0.5
    assert len(list(desk.open.history.steps())) == before + 1
    desk.panel.opacity.slider.setValue(1000)  # another drag
    assert len(list(desk.open.history.steps())) == before + 2
    desk.open.history.undo()
    assert desk.panel.opacity.value() == pytest.approx(first)


def test_modes_stand_in_groups_and_are_all_there(desk: Desk, qtbot: QtBot) -> None:
    assert sorted(name for group in GROUPS for name in group) == sorted(blend.name for blend in BLENDS)
    combo = desk.panel.mode
    combo.setCurrentIndex(combo.findData("screen"))
    combo.activated.emit(combo.currentIndex())
    assert desk.layer("snow").blend == "screen"
    desk.open.history.undo()
    assert combo.currentData() == "normal"
    assert combo.findData(PASS_THROUGH) < 0


def test_a_group_can_be_passed_through(desk: Desk, qtbot: QtBot) -> None:
    desk.click(qtbot, desk.point("group"))
    combo = desk.panel.mode
    combo.setCurrentIndex(combo.findData(PASS_THROUGH))
    combo.activated.emit(combo.currentIndex())
    assert desk.layer("group").pass_through
    combo.setCurrentIndex(combo.findData("multiply"))
    combo.activated.emit(combo.currentIndex())
    assert (desk.layer("group").pass_through, desk.layer("group").blend) == (False, "multiply")


def test_the_mask_is_chosen_by_its_picture(desk: Desk, qtbot: QtBot) -> None:
    where = parts(desk.view.visualRect(desk.model.at("snow")), desk.layer("snow"))
    desk.click(qtbot, where.mask.center())
    assert desk.settings.target == "mask"
    desk.click(qtbot, where.thumb.center())
    assert desk.settings.target == "plane"
    desk.settings.target = "mask"
    desk.click(qtbot, desk.point("paper"))
    assert desk.settings.target == "plane"


def test_thumbnails_come_later_and_follow(desk: Desk, qtbot: QtBot) -> None:
    row = parts(desk.view.visualRect(desk.model.at("paper")), desk.layer("paper"))

    def colour() -> str:
        return desk.view.viewport().grab().toImage().pixelColor(row.thumb.center()).name()

    qtbot.waitUntil(lambda: colour() == "#ffffff", timeout=2000)
    red = TileMap.of(np.full((60, 90, 4), (255, 0, 0, 255), np.uint8))
    layers = tuple(replace(layer, plane=red) if layer.id == "paper" else layer for layer in desk.document.layers)
    desk.open.history.do(Replace(replace(desk.document, layers=layers), "Red"))
    qtbot.waitUntil(lambda: colour() == "#ff0000", timeout=2000)


def test_a_thumbnail_is_not_made_again_for_the_opacity(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def thumbnail(document: Document, id: str, side: int) -> np.ndarray:
        made.append(id)
        return np.zeros((side, side, 4), np.uint8)

    qtbot.waitUntil(lambda: not desk.panel._thumbnails._wanted and not desk.panel._thumbnails._timer.isActive())
    monkeypatch.setattr("editor.ui.panels.layers_thumbnails.layer_thumbnail", thumbnail)
    desk.open.history.do(SetProperty("snow", "opacity", 0.25))
    desk.open.history.do(SetProperty("sky", "x", 5))
    qtbot.waitUntil(lambda: made == ["sky"])


def test_a_panel_that_is_gone_is_left_alone(qtbot: QtBot) -> None:
    opened, settings = OpenDocument(History(picture())), ToolSettings()
    panel = LayersPanel(print, print, settings)
    panel.show_document(opened)
    delete(panel)
    settings.target = "mask"
    opened.history.do(SetProperty("snow", "visible", False))
    opened.close()


def test_a_stale_edit_layer_has_a_dot(desk: Desk) -> None:
    spark = parts(desk.view.visualRect(desk.model.at("snow")), desk.layer("snow")).spark
    assert not spark.isEmpty()

    def has_dot() -> bool:
        image = desk.view.viewport().grab(spark.adjusted(-4, -4, 4, 4)).toImage()
        points = ((x, y) for x in range(image.width()) for y in range(image.height()))
        return any(image.pixelColor(x, y).name() == theme.DARK.mark for x, y in points)

    assert not has_dot()
    desk.stale.add("snow")
    desk.panel.refresh_stale()
    assert has_dot()


def test_groups_stay_as_they_were_folded(desk: Desk) -> None:
    desk.view.collapse(desk.model.at("group", 0))
    desk.open.history.do(MoveLayer("paper", "", 1))
    assert not desk.view.isExpanded(desk.model.at("group", 0))
    desk.view.expand(desk.model.at("group", 0))
    desk.open.history.undo()
    assert desk.view.isExpanded(desk.model.at("group", 0))


def test_a_drag_shows_a_line_and_moves(desk: Desk, qtbot: QtBot) -> None:
    row = desk.view.visualRect(desk.model.at("paper"))
    desk.view._aim(row.topLeft() + QPoint(5, 2))
    line = QPoint(row.center().x(), row.top())
    assert desk.view.viewport().grab().toImage().pixelColor(line).name() == theme.DARK.accent
    desk.view.drop_selected()
    assert order(desk.document) == ["group", "sky", "dust", "snow", "paper"]
    assert desk.document.active == "snow"
    assert desk.panel.selected_layers() == ("snow",)


@pytest.mark.parametrize(
    ("over", "part", "expected"),
    [
        ("group", 0.1, ["snow", "paper", "group", "sky", "dust"]),
        ("group", 0.5, ["snow", "group", "paper", "sky", "dust"]),
        ("group", 0.95, ["snow", "group", "paper", "sky", "dust"]),
        ("dust", 0.1, ["snow", "group", "sky", "paper", "dust"]),
        ("dust", 0.9, ["snow", "group", "sky", "dust", "paper"]),
        ("snow", 0.1, ["paper", "snow", "group", "sky", "dust"]),
        ("", 0, ["snow", "group", "sky", "dust", "paper"]),
    ],
)
def test_where_a_layer_lands(desk: Desk, qtbot: QtBot, over: str, part: float, expected: list[str]) -> None:
    desk.click(qtbot, desk.point("paper"))
    row = desk.view.visualRect(desk.model.at(over)) if over else None
    point = row.topLeft() + QPoint(5, int(row.height() * part)) if row else QPoint(50, 470)
    desk.view._aim(point)
    desk.view.drop_selected()
    assert order(desk.document) == expected
    assert (parent_of(desk.document, "paper") is not None) == (
        (over in ("group", "dust") and part > 0.1) or over == "dust"
    )


def test_a_group_does_not_land_in_itself(desk: Desk) -> None:
    inside = into(desk.document, "group")
    assert inside == Place("group", "sky")
    assert move(desk.document, ["group"], inside) is None
    assert move(desk.document, ["group", "sky"], above(desk.document, "dust")) is None
    assert move(desk.document, ["snow"], above(desk.document, "snow")) is None
    assert into(desk.document, "snow") is None
    assert below(desk.document, "paper") == Place("")


@settings(max_examples=60)
@given(data=st.data())
def test_any_move_keeps_every_layer(data: st.DataObject) -> None:
    document = picture()
    ids = [layer.id for layer in walk(document)]
    chosen = data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
    where: Callable[[Document, str], Place | None] = data.draw(st.sampled_from([above, below, into]))
    place = where(document, data.draw(st.sampled_from(ids)))
    change = move(document, chosen, place) if place is not None else None
    if change is None:
        return
    after = change.apply(document)
    assert sorted(layer.id for layer in walk(after)) == sorted(ids)
    assert order(after) != order(document) or any(parent_of(after, id) != parent_of(document, id) for id in ids)


def test_states_without_a_document_and_without_layers(desk: Desk) -> None:
    desk.panel.show_document(None)
    assert desk.panel._empty.text() == "No document"
    assert not desk.panel._empty.isHidden()
    assert not any(button.isEnabled() for button in desk.panel.buttons.values())
    bare = OpenDocument(History(Document(8, 8)))
    desk.panel.show_document(bare)
    assert desk.panel._empty.text() == "No layers"
    assert desk.panel.buttons["layer.new"].isEnabled()
    assert not desk.panel.buttons["layer.delete"].isEnabled()
    bare.close()


def test_another_tab_is_shown_and_the_old_one_let_go(desk: Desk) -> None:
    other = OpenDocument(History(Document(8, 8, (flat("alone"),), active="alone")))
    desk.panel.show_document(other)
    desk.open.history.do(SetProperty("snow", "name", "gone"))
    assert desk.model.ids() == ("alone",)
    other.close()


def test_the_menu_runs_actions_and_greys_what_is_impossible(desk: Desk, qtbot: QtBot) -> None:
    actions = {action.data(): action for action in desk.panel.context_menu().actions() if action.data()}
    assert actions["layer.remove_mask"].isEnabled()
    assert actions["layer.edit_again"].isEnabled()
    assert not actions["layer.ungroup"].isEnabled()
    actions["layer.merge_down"].trigger()
    actions["layer.use_for_training"].trigger()
    assert desk.triggered == ["layer.merge_down", "layer.use_for_training"]


def test_names_break_into_two_lines(desk: Desk) -> None:
    metrics = QFontMetrics(desk.view.font())
    width = metrics.horizontalAdvance("make it snow i")
    assert two_lines("make it snow", metrics, width) == "make it snow"
    assert two_lines("make it snow in town", metrics, width) == "make it snow\nin town"
    assert "…" in two_lines("unbreakable" * 4, metrics, width)


def test_everything_has_a_name_and_a_tooltip(desk: Desk) -> None:
    for widget in (desk.panel.opacity, desk.panel.mode, *desk.panel.buttons.values()):
        assert widget.accessibleName() and widget.toolTip()
    spoken = desk.model.data(desk.model.at("snow"), Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "snow, layer"


def test_two_hundred_layers_are_quick(qtbot: QtBot) -> None:
    layers = tuple(flat(f"layer {number}") for number in range(200))
    desk = Desk(qtbot, Document(90, 60, layers, active="layer 5"))
    start = time.perf_counter()
    desk.open.history.do(SetProperty("layer 7", "visible", False))
    switched = time.perf_counter() - start
    start = time.perf_counter()
    desk.open.history.do(MoveLayer("layer 7", "", 100))
    moved = time.perf_counter() - start
    assert switched < 0.1
    assert moved < 0.25
    desk.view.selectionModel().select(
        desk.model.at("layer 9"),
        QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows,
    )
    assert desk.panel.selected_layers() == ("layer 5", "layer 9")
    desk.panel.show_document(None)
    desk.open.close()
