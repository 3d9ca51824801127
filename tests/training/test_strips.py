"""Strips of pictures: every picture in its column, rows below each other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.strips import TILE, Strip, draw, strip

RED, GREEN, BLUE = (200, 10, 10), (10, 200, 10), (10, 10, 200)


def flat(colour: tuple[int, ...], height: int = 30, width: int = 40) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


def place(page: NDArray[np.uint8], colour: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, width and height of the pixels of a colour."""
    rows, columns = np.nonzero((page == colour).all(axis=2))
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1


def page(rows: list[Strip], columns: tuple[str, ...] = ("before", "new", "wanted")) -> NDArray[np.uint8]:
    png = draw("A title", columns, rows)
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def test_pictures_stand_in_their_columns_pixel_for_pixel() -> None:
    picture = page([strip("make it so", [flat(RED), flat(GREEN), flat(BLUE)], ("", "20.1 dB", ""))])
    red, green, blue = (place(picture, colour) for colour in (RED, GREEN, BLUE))
    assert red[2:] == green[2:] == blue[2:] == (40, 30)
    assert red[1] == green[1] == blue[1]
    assert green[0] - red[0] == blue[0] - green[0] > TILE


def test_rows_lie_below_each_other_and_make_the_page_higher() -> None:
    one = strip("first", [flat(RED, 300, 400)] * 3, ("", "", ""))
    other = strip("second", [flat(BLUE, 300, 150)] * 3, ("", "", ""))
    picture = page([one, other])
    red, blue = place(picture, RED), place(picture, BLUE)
    assert red[3] == TILE * 3 // 4 and blue[3] == TILE
    assert blue[1] > red[1] + red[3]
    assert picture.shape[0] > page([one]).shape[0] + TILE
    assert blue[1] + blue[3] <= picture.shape[0]


def test_a_long_instruction_stays_on_the_page() -> None:
    short = page([strip("a", [flat(RED)] * 3, ("", "", ""))])
    long = page([strip("a very long instruction " * 20, [flat(RED)] * 3, ("", "", ""))])
    assert short.shape == long.shape
    assert np.array_equal(long[:, -10:], short[:, -10:])


def test_without_rows_there_is_still_a_page() -> None:
    assert page([]).shape[0] > 50
