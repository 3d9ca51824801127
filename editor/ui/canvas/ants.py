"""The moving outline of the selection."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from editor.core.document import Document
from editor.core.geometry import EMPTY, Rect
from editor.core.selection_outline import outline
from editor.core.tiles import TileMap
from editor.ui.canvas.view import Size, View

PERIOD_MS = 120
DASH = 4
"""Length of a dash and of a gap, in pixels of the pen."""
SAMPLES = 1_500_000
"""At most so many samples are looked at for one outline; more would be felt."""
POINTS = 20_000
"""Of an outline in a thousand pieces the longest, this many points in all, are drawn."""
BLOCK = 512


class Ants:
    """Outlines are kept for the selection they belong to (by identity) and the place they were made for."""

    def __init__(self) -> None:
        self.phase = 0
        self._selection: TileMap | None = None
        self._place: tuple[Rect, float] = (EMPTY, 0.0)
        self._polygons: list[QPolygonF] = []

    def advance(self) -> None:
        self.phase = (self.phase + 1) % (2 * DASH)

    def draw(self, painter: QPainter, document: Document, view: View, size: Size, ratio: float) -> None:
        """painter: in device pixels."""
        if document.selection is None:
            self._selection, self._polygons = None, []
            return
        self._refresh(document, document.selection, view, size)
        left, top = view.offset(size)
        painter.save()
        painter.setTransform(QTransform(view.scale, 0, 0, view.scale, left, top), True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (_pen(QColor(255, 255, 255), ratio), self._dashes(ratio)):
            painter.setPen(pen)
            for polygon in self._polygons:
                painter.drawPolyline(polygon)
        painter.restore()

    def _dashes(self, ratio: float) -> QPen:
        pen = _pen(QColor(0, 0, 0), ratio)
        pen.setDashPattern([DASH, DASH])
        pen.setDashOffset(-self.phase)
        return pen

    def _refresh(self, document: Document, selection: TileMap, view: View, size: Size) -> None:
        place = _place(document, view, size)
        if selection is self._selection and place == self._place:
            return
        self._selection, self._place = selection, place
        self._polygons = []
        lines = sorted(outline(selection, *place), key=len, reverse=True)
        points = 0
        for line in lines:
            points += len(line)
            if self._polygons and points > POINTS:
                break
            self._polygons.append(QPolygonF([QPointF(x, y) for x, y in line.tolist()]))


def _place(document: Document, view: View, size: Size) -> tuple[Rect, float]:
    """(document rectangle, scale at most 1) to look for the outline in: all of a page that fits, else blocks around
    what shows, so that panning seldom asks again."""
    scale = min(1.0, 2.0 ** math.ceil(math.log2(view.scale)))
    whole = document.rect
    if whole.width * whole.height * scale * scale > SAMPLES:
        seen = view.rect_to_document(Rect(0, 0, *size), size)
        block = round(BLOCK / scale)
        left, top = seen.x // block * block, seen.y // block * block
        right, bottom = -(-seen.right // block) * block, -(-seen.bottom // block) * block
        whole = Rect.between(left, top, right, bottom) & document.rect
    while whole.width * whole.height * scale * scale > 2 * SAMPLES:
        scale /= 2
    return whole, scale


def _pen(colour: QColor, ratio: float) -> QPen:
    pen = QPen(colour, max(1, round(ratio)))
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen
