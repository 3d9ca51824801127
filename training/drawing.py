"""A page to draw on: pictures, lines and text, as a PNG. Without PyTorch.

Everything stands on an opaque dark grey, so that it reads the same in a light window and in a dark one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby, pairwise
from typing import Any, Literal, cast

import cv2
import numpy as np
from PIL import ImageFont

from training.pairs.pair import Rgb

_skia: Any = import_module("skia")

PAPER, INK, FAINT, RULE = "#26282c", "#eceef1", "#a8adb5", "#44484f"
"""The page, what is read first, what is read second, and thin lines. FAINT on PAPER has a contrast of 6.7 to 1."""

Align = Literal["left", "centre", "right"]


@dataclass(frozen=True)
class Style:
    """Of text. size: pixels; colour: "#rrggbb"."""

    size: float = 14
    colour: str = INK


class Page:
    """`width` x `height` units, `scale` pixels each."""

    def __init__(self, width: float, height: float, scale: float = 1) -> None:
        self._surface: Any = _skia.Surface(round(width * scale), round(height * scale))
        self._canvas: Any = self._surface.getCanvas()
        self._canvas.clear(_colour(PAPER))
        self._canvas.scale(scale, scale)

    def text(self, x: float, y: float, text: str, style: Style, align: Align = "left") -> None:
        """y: the line that the letters stand on."""
        x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[align] * width_of(text, style)
        paint = _paint(style.colour)
        for run, font in _runs(text, style):
            self._canvas.drawString(run, x, y, font, paint)
            x += float(font.measureText(run))

    def upright(self, x: float, y: float, text: str, style: Style) -> None:
        """Read from below, centred on y."""
        self._canvas.save()
        self._canvas.translate(x, y)
        self._canvas.rotate(-90)
        self.text(0, 0, text, style, "centre")
        self._canvas.restore()

    def line(self, points: list[tuple[float, float]], colour: str, width: float = 1, dashed: bool = False) -> None:
        """Through all the points."""
        paint = _paint(colour, width)
        if dashed:
            paint.setPathEffect(_skia.DashPathEffect.Make([5.0, 4.0], 0.0))
        for start, end in pairwise(points):
            self._canvas.drawLine(*start, *end, paint)

    def mark(self, x: float, y: float, colour: str, corners: int, radius: float = 4.5) -> None:
        """A filled disc (0 corners) or an even figure, ringed so that marks on top of each other stay apart."""
        for fill, reach in ((PAPER, radius + 1.5), (colour, radius)):
            if corners == 0:
                self._canvas.drawCircle(x, y, reach, _paint(fill))
            else:
                self._canvas.drawPath(_figure(x, y, reach * 1.2, corners), _paint(fill))

    def picture(self, x: float, y: float, pixels: Rgb) -> None:
        """One pixel a unit; a thin frame keeps a dark picture from melting into the page."""
        height, width = pixels.shape[:2]
        opaque = np.ascontiguousarray(np.dstack((pixels, np.full((height, width), 255, np.uint8))))
        self._canvas.drawImage(_skia.Image.fromarray(opaque, colorType=_skia.kRGBA_8888_ColorType), x, y)
        self._canvas.drawRect(_skia.Rect.MakeXYWH(x - 0.5, y - 0.5, width + 1, height + 1), _paint(RULE, 1))

    def png(self) -> bytes:
        """What was drawn."""
        array = self._surface.makeImageSnapshot().toarray(colorType=_skia.kBGRA_8888_ColorType)
        done, data = cv2.imencode(".png", np.asarray(array, np.uint8)[..., :3], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if not done:
            raise RuntimeError("a page could not be written as PNG")
        return data.tobytes()


def width_of(text: str, style: Style) -> float:
    """In units."""
    return sum(float(font.measureText(run)) for run, font in _runs(text, style))


def shortened(text: str, style: Style, width: float) -> str:
    """On one line, and with an ellipsis where it would be wider than `width`."""
    text = " ".join(text.split())
    if width_of(text, style) <= width:
        return text
    while text and width_of(f"{text}…", style) > width:
        text = text[:-1].rstrip()
    return f"{text}…"


def wrapped(text: str, style: Style, width: float) -> list[str]:
    """As lines of at most `width`, broken between words; a word that is too wide gets an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else ""
        if longer and width_of(longer, style) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(word, style, width))
    return lines


def fitted(pixels: Rgb, width: int, height: int) -> Rgb:
    """Brought into `width` x `height`, never enlarged."""
    scale = min(1.0, width / pixels.shape[1], height / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _runs(text: str, style: Style) -> Iterator[tuple[str, Any]]:
    """Stretches of one font: Pillow's own, the same on every machine, and the system's for letters that it lacks."""
    for face, letters in groupby(text, _face):
        font = _skia.Font(face, style.size)
        font.setEdging(_skia.Font.Edging.kAntiAlias)
        font.setSubpixel(True)
        font.setHinting(_skia.FontHinting.kNone)
        yield "".join(letters), font


@functools.cache
def _face(letter: str) -> Any:
    own = _own_face()
    if own is None or not own.unicharToGlyph(ord(letter)):
        return _system_face(letter) or own
    return own


@functools.cache
def _own_face() -> Any:
    # A manager of its own: the system's looks through every font there is, and complains of their settings on stderr.
    manager = getattr(_skia.FontMgr, "New_Custom_Empty", _skia.FontMgr)()
    font = ImageFont.load_default(14)
    data = cast("bytes", getattr(font, "font_bytes", b""))
    return manager.makeFromData(_skia.Data.MakeWithCopy(data)) if data else None


def _system_face(letter: str) -> Any:
    return _skia.FontMgr().matchFamilyStyleCharacter("", _skia.FontStyle.Normal(), [], ord(letter))


def _figure(x: float, y: float, radius: float, corners: int) -> Any:
    path = _skia.Path()
    turns = [np.pi * (2 * i + (corners % 2 == 0)) / corners - np.pi / 2 for i in range(corners)]
    path.addPoly([_skia.Point(x + radius * np.cos(turn), y + radius * np.sin(turn)) for turn in turns], True)
    return path


def _colour(text: str) -> int:
    return 0xFF000000 | int(text[1:], 16)


def _paint(colour: str, stroke: float = 0) -> Any:
    paint = _skia.Paint(Color=_colour(colour), AntiAlias=True)
    if stroke:
        paint.setStyle(_skia.Paint.kStroke_Style)
        paint.setStrokeWidth(stroke)
        paint.setStrokeCap(_skia.Paint.kRound_Cap)
    return paint
