"""Rows of pictures beside each other, each named, as a PNG. Without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.drawing import FAINT, RULE, Page, Style, fitted, shortened
from training.pairs.pair import Rgb

TILE = 224
"""Long side of a picture on the page, in pixels."""
_MARGIN, _GAP = 16, 10
_TITLE, _HEAD, _ROW, _CAPTION = Style(17), Style(13, FAINT), Style(14), Style(12, FAINT)


@dataclass(frozen=True, eq=False)
class Strip:
    """heading: what the row is about, such as its instruction. pictures: uint8 (H, W, 3), one a column.

    captions: a few words below each picture, or "".
    """

    heading: str
    pictures: tuple[Rgb, ...]
    captions: tuple[str, ...]


def strip(heading: str, pictures: Sequence[Rgb], captions: Sequence[str]) -> Strip:
    """Small copies of the pictures, so that many rows can wait for the page."""
    return Strip(heading, tuple(fitted(picture, TILE, TILE) for picture in pictures), tuple(captions))


def draw(title: str, columns: Sequence[str], strips: Sequence[Strip]) -> bytes:
    """The page as a PNG. columns: the words above the pictures."""
    width = 2 * _MARGIN + len(columns) * (TILE + _GAP) - _GAP
    page = Page(width, 74 + sum(_height(row) for row in strips) + _MARGIN)
    page.text(_MARGIN, 32, shortened(title, _TITLE, width - 2 * _MARGIN), _TITLE)
    for column, name in enumerate(columns):
        page.text(_left(column), 60, shortened(name, _HEAD, TILE), _HEAD)
    y = 74.0
    for row in strips:
        _draw(page, row, y, width)
        y += _height(row)
    return page.png()


def _draw(page: Page, row: Strip, y: float, width: float) -> None:
    page.line([(_MARGIN, y - 6), (width - _MARGIN, y - 6)], RULE)
    page.text(_MARGIN, y + 14, shortened(row.heading, _ROW, width - 2 * _MARGIN), _ROW)
    for column, (picture, caption) in enumerate(zip(row.pictures, row.captions, strict=True)):
        page.picture(_left(column), y + 26, picture)
        page.text(_left(column), y + 26 + picture.shape[0] + 17, shortened(caption, _CAPTION, TILE), _CAPTION)


def _left(column: int) -> float:
    return _MARGIN + column * (TILE + _GAP)


def _height(row: Strip) -> int:
    return 26 + max((picture.shape[0] for picture in row.pictures), default=0) + (40 if any(row.captions) else 22)
