"""Mean colour difference to the target as the eye tells it (CIEDE2000; Sharma, Wu and Dalal 2005)."""

from __future__ import annotations

import numpy as np

from training.metrics.base import Doubles, Judged, Metric, unit_range
from training.pairs.pair import Rgb

_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float64
)
"""sRGB's primaries under D65 (ITU-R BT.709)."""
_WHITE = np.array([0.95047, 1.0, 1.08883], np.float64)
_FAR = 25.0**7
_ROWS = 1 << 18  # pixels at a time: a camera's picture in one piece would take gigabytes


def ciede2000(judged: Judged) -> float:
    """Mean over all pixels; below about 1 nobody tells the colours apart."""
    a, b = judged.result.reshape(-1, 3), judged.target.reshape(-1, 3)
    parts = (slice(start, start + _ROWS) for start in range(0, len(a), _ROWS))
    return float(sum(difference(lab(a[part]), lab(b[part])).sum() for part in parts) / len(a))


def lab(rgb: Rgb) -> Doubles:
    """CIELAB under D65, float64 (..., 3), of uint8 sRGB."""
    values = unit_range(rgb)
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    xyz = linear @ _XYZ.T / _WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def difference(one: Doubles, other: Doubles) -> Doubles:
    """Differences (...) of CIELAB colours (..., 3)."""
    lightness1, a1, b1 = np.moveaxis(one, -1, 0)
    lightness2, a2, b2 = np.moveaxis(other, -1, 0)
    stretch = 1.5 - 0.5 * _share((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)  # of a, so that greys are told apart
    a1, a2 = a1 * stretch, a2 * stretch
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)
    lightness, chroma = (lightness1 + lightness2) / 2, (chroma1 + chroma2) / 2
    hue, turn = _hues(_degrees(a1, b1, chroma1), _degrees(a2, b2, chroma2), chroma1 * chroma2 == 0)
    by_lightness = (lightness2 - lightness1) / _lightness_weight(lightness)
    by_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * _hue_weight(hue))
    square = by_lightness**2 + by_chroma**2 + by_hue**2 + _rotation(hue, chroma) * by_chroma * by_hue
    return np.sqrt(np.maximum(square, 0))


def _share(chroma: Doubles) -> Doubles:
    return np.sqrt(chroma**7 / (chroma**7 + _FAR))


def _degrees(a: Doubles, b: Doubles, chroma: Doubles) -> Doubles:
    return np.where(chroma == 0, 0.0, np.degrees(np.arctan2(b, a)) % 360)


def _hues(hue1: Doubles, hue2: Doubles, grey: Doubles) -> tuple[Doubles, Doubles]:
    """The mean hue and the turn from one to the other, both by the shorter way round; grey has no hue."""
    turn, total = hue2 - hue1, hue1 + hue2
    wide = np.abs(turn) > 180
    mean = np.where(wide, (total + np.where(total < 360, 360, -360)) / 2, total / 2)
    turn = np.where(wide, turn - np.sign(turn) * 360, turn)
    return np.where(grey, total, mean), np.where(grey, 0, turn)


def _lightness_weight(lightness: Doubles) -> Doubles:
    middle = (lightness - 50) ** 2
    return 1 + 0.015 * middle / np.sqrt(20 + middle)


def _hue_weight(hue: Doubles) -> Doubles:
    def wave(factor: float, shift: float) -> Doubles:
        return np.cos(np.radians(factor * hue + shift))

    return 1 - 0.17 * wave(1, -30) + 0.24 * wave(2, 0) + 0.32 * wave(3, 6) - 0.20 * wave(4, -63)


def _rotation(hue: Doubles, chroma: Doubles) -> Doubles:
    """Blues, whose ellipses lie askew."""
    angle = 30 * np.exp(-(((hue - 275) / 25) ** 2))
    return -2 * _share(chroma) * np.sin(np.radians(2 * angle))


METRIC = Metric("ciede2000", "CIEDE2000", "lower", ciede2000, digits=2)
