"""The icons of the window: SVG files in resources/icons, drawn in the colours of the theme at any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

import resources
from editor.ui import theme

FOLDER = Path(resources.__file__).resolve().parent / "icons"
Tone = Literal["text", "secondary", "accent", "on_accent", "warning", "error", "done"]
STROKE = "1.75"
"""Thinner than the 2 of the files, so that 20 px icons have the weight of the text."""


def names() -> tuple[str, ...]:
    """All icons there are."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.svg")))


def icon(name: str, tone: Tone = "text") -> QIcon:
    """The icon of this name in a colour of the theme; it follows when the theme changes. KeyError if unknown."""
    if not (FOLDER / f"{name}.svg").is_file():
        raise KeyError(name)
    return QIcon(_Engine(name, tone))


def pixmap(name: str, side: int, scale: float = 1.0, tone: Tone = "text") -> QPixmap:
    """The icon as `side` x `side` logical pixels for painters; scale: device pixels per logical one."""
    return _pixmap(name, QSize(side, side), scale, theme.current().colour(tone).name())


class _Engine(QIconEngine):
    def __init__(self, name: str, tone: Tone) -> None:
        super().__init__()
        self._name = name
        self._tone: Tone = tone

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        scale = painter.device().devicePixelRatio()
        painter.drawPixmap(rect.topLeft(), _pixmap(self._name, rect.size(), scale, self._colour(mode)))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return _pixmap(self._name, size, 1.0, self._colour(mode))

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        return _pixmap(self._name, size, scale, self._colour(mode))

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._tone)

    def _colour(self, mode: QIcon.Mode) -> str:
        return theme.current().colour("disabled" if mode == QIcon.Mode.Disabled else self._tone).name()


def _pixmap(name: str, size: QSize, scale: float, colour: str) -> QPixmap:
    key = f"palimpsest/{name}/{size.width()}x{size.height()}@{scale}/{colour}"
    found = cast("Callable[[str, QPixmap], bool]", QPixmapCache.find)  # the declared signature lacks the target
    result = QPixmap()
    if not found(key, result):
        result = _drawn(name, size, scale, colour)
        QPixmapCache.insert(key, result)
    return result


def _drawn(name: str, size: QSize, scale: float, colour: str) -> QPixmap:
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    text = text.replace("currentColor", colour).replace('stroke-width="2"', f'stroke-width="{STROKE}"')
    result = QPixmap(size * scale)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(text.encode())).render(painter, _centred(result.size()))
    painter.end()
    result.setDevicePixelRatio(scale)
    return result


def _centred(size: QSize) -> QRectF:
    side = min(size.width(), size.height())
    return QRectF((size.width() - side) / 2, (size.height() - side) / 2, side, side)
