"""The grid: locked cells, the choice, the difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from editor.core.compositor import composite
from editor.core.document import Document
from editor.ui.canvas.compare import Cell, CompareGrid
from editor.ui.canvas.view import View

Make = Callable[..., Document]
Screen = Callable[..., np.ndarray]


@pytest.fixture
def grid(qtbot: QtBot) -> CompareGrid:
    widget = CompareGrid()
    qtbot.addWidget(widget)
    widget.resize(804, 604)
    widget.show()
    return widget


def cells(noise: Make, count: int) -> list[Cell]:
    return [Cell(noise(380, 280, seed=seed)) for seed in range(count)]


@pytest.mark.parametrize(("count", "shape"), [(2, (2, 1)), (4, (2, 2)), (9, (3, 3))])
def test_cells_fill_the_widget(grid: CompareGrid, noise: Make, count: int, shape: tuple[int, int]) -> None:
    grid.show_cells(cells(noise, count))
    assert grid._shape() == shape
    last = grid.cell_rect(count - 1)
    assert 800 <= last.right() <= 804 and 600 <= last.bottom() <= 604
    assert [grid.cell_at(grid.cell_rect(i).center()) for i in range(count)] == list(range(count))


def test_every_cell_shows_its_own_picture_under_one_view(grid: CompareGrid, noise: Make, screen: Screen) -> None:
    shown = cells(noise, 4)
    grid.show_cells(shown)
    for view in (View(1, 190, 140), View(3, 100, 90)):
        grid.view = view
        grid.settle()
        seen = screen(grid)
        for index, cell in enumerate(shown):
            box, scale = grid.cell_rect(index).toRect(), int(view.scale)
            left, top = view.offset((box.width(), box.height()))
            whole = np.kron(composite(cell.document, cell.document.rect)[..., :3], np.ones((scale, scale, 1), np.uint8))
            part = whole[100 - top : 200 - top, 100 - left : 300 - left]
            assert np.array_equal(seen[box.y() + 100 : box.y() + 200, box.x() + 100 : box.x() + 300], part)


def test_a_fitted_page_still_fits_among_more_cells(grid: CompareGrid, noise: Make) -> None:
    shown = cells(noise, 9)
    grid.show_cells(shown[:4])
    four = grid.view.scale
    grid.show_cells(shown)
    nine, box = grid.view.scale, grid.cell_rect(0)
    assert nine < four and 280 * nine <= box.height() and 380 * nine <= box.width()
    grid.view = View(3, 100, 90)
    grid.show_cells(shown[:4])
    assert grid.view == View(3, 100, 90)


def test_slices_finish_by_themselves(grid: CompareGrid, noise: Make, qtbot: QtBot) -> None:
    grid.show_cells(cells(noise, 4))
    qtbot.waitUntil(lambda: not any(pane.shown.pending for pane in grid._panes), timeout=5000)


def test_choosing_and_leaving(grid: CompareGrid, noise: Make, qtbot: QtBot) -> None:
    told: list[tuple[str, int]] = []
    grid.chosen.connect(lambda index: told.append(("chosen", index)))
    grid.activated.connect(lambda index: told.append(("activated", index)))
    grid.left.connect(lambda: told.append(("left", -1)))
    grid.show_cells(cells(noise, 4))
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell_rect(2).center().toPoint())
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_2)
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    qtbot.mouseDClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell_rect(0).center().toPoint())
    qtbot.keyClick(grid, Qt.Key.Key_Escape)
    assert told == [("chosen", 2), ("chosen", 3), ("chosen", 1), ("activated", 1), ("activated", 0), ("left", -1)]


def test_zoom_to_a_point_of_any_cell_keeps_it(grid: CompareGrid, noise: Make) -> None:
    grid.show_cells(cells(noise, 4))
    place = grid.cell_rect(3).center() + QPointF(31, -17)
    before = grid.view.to_document(*grid._place(place), grid._viewport_size())
    grid.zoom_to(5, place)
    after = grid.view.to_document(*grid._place(place), grid._viewport_size())
    assert abs(after[0] - before[0]) < 0.6 and abs(after[1] - before[1]) < 0.6


def test_the_pointer_is_marked_in_all_cells(grid: CompareGrid, noise: Make, screen: Screen, qtbot: QtBot) -> None:
    grid.show_cells(cells(noise, 4))
    grid.settle()
    without = screen(grid)
    qtbot.mouseMove(grid, grid.cell_rect(0).center().toPoint())
    QApplication.processEvents()
    differs = (screen(grid) != without).any(axis=2)
    for index in range(4):
        box = grid.cell_rect(index).toRect()
        assert differs[box.y() : box.bottom(), box.x() : box.right()].sum() > 20


def test_heat_maps_take_the_pictures_place_and_give_it_back(
    grid: CompareGrid, noise: Make, screen: Screen, qtbot: QtBot
) -> None:
    grid.show_cells(cells(noise, 2))
    grid.view = View(1, 190, 140)
    grid.settle()
    pictures = screen(grid)
    values = (40, 180)
    grid.set_difference([lambda value=value: np.full((28, 38, 3), value, np.uint8) for value in values])
    grid.wait()
    qtbot.waitUntil(lambda: all(pane.heat is not None for pane in grid._panes))
    grid.settle()
    for index, value in enumerate(values):
        centre = grid.cell_rect(index).center().toPoint()
        assert screen(grid)[centre.y(), centre.x()].tolist() == [value] * 3
    grid.set_difference(None)
    grid.settle()
    assert np.array_equal(screen(grid), pictures)
