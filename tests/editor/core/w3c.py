"""W3C Compositing and Blending Level 1 in float64, straight from its formulas: what the compositor is measured by.

https://www.w3.org/TR/compositing-1/ ; whole pages at once, nothing left out, so that it shares no shortcut with the
compositor. Colours c and alphas a are in [0, 1]; b is the backdrop, s the source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer

Floats = NDArray[np.float64]
Mix = Callable[[Floats, Floats], Floats]


def rendered(document: Document) -> Floats:
    """Premultiplied float64 (height, width, 4) in [0, 1]."""
    page = document.rect
    return _stack(np.zeros((page.height, page.width, 4)), document.layers, page)


def composited(backdrop: Floats, source: Floats, mode: str) -> Floats:
    """Both premultiplied (..., 4); the general formula of section 5, or section 9.1.14 (lighter) for plus."""
    if mode == "plus":
        return np.minimum(1.0, backdrop + source)
    ab, a_s = backdrop[..., 3:], source[..., 3:]
    if mode == "atop":  # section 9.1.10
        return ab * source + (1 - a_s) * backdrop
    cb, cs = _settled(_straight(backdrop)), _settled(_straight(source))
    colour = a_s * (1 - ab) * cs + a_s * ab * MIXES[mode](cb, cs) + (1 - a_s) * ab * cb
    return np.concatenate([colour, a_s + ab * (1 - a_s)], axis=-1)


def _stack(backdrop: Floats, layers: Sequence[Layer], area: Rect) -> Floats:
    for layer in layers:
        if layer.visible:
            backdrop = _on(backdrop, layer, area.moved(-layer.x, -layer.y))
    return backdrop


def _on(backdrop: Floats, layer: Layer, area: Rect) -> Floats:
    share = layer.opacity * _mask(layer.mask, area)
    if isinstance(layer, RasterLayer):
        source = layer.plane.read(area) / 255
        source[..., :3] *= source[..., 3:]
        return composited(backdrop, source * share, layer.blend)
    assert isinstance(layer, GroupLayer)
    if layer.pass_through:
        return backdrop + (_stack(backdrop, layer.children, area) - backdrop) * share
    return composited(backdrop, _stack(np.zeros_like(backdrop), layer.children, area) * share, layer.blend)


def _mask(mask: Mask | None, area: Rect) -> Floats:
    if mask is None or not mask.enabled:
        return np.ones((area.height, area.width, 1))
    return mask.plane.read(area) / 255


def _straight(premultiplied: Floats) -> Floats:
    alpha = premultiplied[..., 3:]
    return np.divide(premultiplied[..., :3], alpha, out=np.zeros_like(premultiplied[..., :3]), where=alpha > 0)


def _settled(c: Floats) -> Floats:
    """White and grey as they would be without rounding: the formulas jump there."""
    c = np.where(np.abs(1 - c) < 1e-9, 1.0, c)
    return np.where(_sat(c) < 1e-9, c.max(axis=-1, keepdims=True), c)


def _multiply(cb: Floats, cs: Floats) -> Floats:
    return cb * cs


def _screen(cb: Floats, cs: Floats) -> Floats:
    return cb + cs - cb * cs


def _hard_light(cb: Floats, cs: Floats) -> Floats:
    return np.where(cs <= 0.5, _multiply(cb, 2 * cs), _screen(cb, 2 * cs - 1))


def _color_dodge(cb: Floats, cs: Floats) -> Floats:
    quotient = np.divide(cb, 1 - cs, out=np.ones_like(cb), where=cs < 1)
    return np.where(cb == 0, 0.0, np.where(cs == 1, 1.0, np.minimum(1.0, quotient)))


def _color_burn(cb: Floats, cs: Floats) -> Floats:
    quotient = np.divide(1 - cb, cs, out=np.ones_like(cb), where=cs > 0)
    return np.where(cb == 1, 1.0, np.where(cs == 0, 0.0, 1 - np.minimum(1.0, quotient)))


def _soft_light(cb: Floats, cs: Floats) -> Floats:
    lighter = np.where(cb <= 0.25, ((16 * cb - 12) * cb + 4) * cb, np.sqrt(cb))
    return np.where(cs <= 0.5, cb - (1 - 2 * cs) * cb * (1 - cb), cb + (2 * cs - 1) * (lighter - cb))


def _lum(c: Floats) -> Floats:
    return c[..., :1] * 0.3 + c[..., 1:2] * 0.59 + c[..., 2:] * 0.11


def _sat(c: Floats) -> Floats:
    return c.max(axis=-1, keepdims=True) - c.min(axis=-1, keepdims=True)


def _clip_color(c: Floats) -> Floats:
    lum, low, high = _lum(c), c.min(axis=-1, keepdims=True), c.max(axis=-1, keepdims=True)
    below, above = (low < 0) & (lum > low), (high > 1) & (high > lum)
    c = np.where(below, lum + (c - lum) * lum / np.where(below, lum - low, 1), c)
    return np.where(above, lum + (c - lum) * (1 - lum) / np.where(above, high - lum, 1), c)


def _set_lum(c: Floats, lum: Floats) -> Floats:
    return _clip_color(c + (lum - _lum(c)))


def _set_sat(c: Floats, sat: Floats) -> Floats:
    # SetSat puts the lowest to 0, the highest to `sat`, and the middle between them in proportion.
    low, spread = c.min(axis=-1, keepdims=True), _sat(c)
    return np.divide((c - low) * sat, spread, out=np.zeros_like(c), where=spread > 0)


MIXES: dict[str, Mix] = {
    "normal": lambda cb, cs: cs,
    "multiply": _multiply,
    "screen": _screen,
    "overlay": lambda cb, cs: _hard_light(cs, cb),
    "darken": np.minimum,
    "lighten": np.maximum,
    "color-dodge": _color_dodge,
    "color-burn": _color_burn,
    "hard-light": _hard_light,
    "soft-light": _soft_light,
    "difference": lambda cb, cs: np.abs(cb - cs),
    "exclusion": lambda cb, cs: cb + cs - 2 * cb * cs,
    "hue": lambda cb, cs: _set_lum(_set_sat(cs, _sat(cb)), _lum(cb)),
    "saturation": lambda cb, cs: _set_lum(_set_sat(cb, _sat(cs)), _lum(cb)),
    "color": lambda cb, cs: _set_lum(cs, _lum(cb)),
    "luminosity": lambda cb, cs: _set_lum(cb, _lum(cs)),
}
