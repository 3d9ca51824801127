"""Tiles as bytes: zstd level 1 over planes of differences.

The differences are to another tile where much of it is the same (the tile before a stroke), otherwise to the row above,
with red and blue taken relative to green: 2.4 times smaller on photos, where plain zstd gives 1.4.
"""

from __future__ import annotations

import numpy as np
import zstandard

from editor.core.tiles import SIDE, Samples

LEVEL = 1
_ALONE, _AGAINST = 0, 1
_WORTHWHILE = 4  # the share (one in ...) of equal samples from which the other tile is the better guess


def encode(pixels: Samples, base: Samples | None = None) -> bytes:
    """pixels: uint8 (SIDE, SIDE, channels); base: one of the same shape that will be there for `decode`, or None."""
    if base is not None and base.shape == pixels.shape:
        difference = pixels - base
        if np.count_nonzero(difference) * _WORTHWHILE <= difference.size * (_WORTHWHILE - 1):
            return _packed(_AGAINST, _planes(difference))
    planes = _planes(pixels)
    if len(planes) == 4:
        planes[0] -= planes[1]
        planes[2] -= planes[1]
    planes[:, 1:] -= planes[:, :-1].copy()
    return _packed(_ALONE, planes)


def decode(data: bytes, base: Samples | None = None) -> Samples:
    """uint8 (SIDE, SIDE, channels). Raises ValueError for bytes that `encode` did not make, or a base that lacks."""
    if len(data) < 2 or data[0] not in (_ALONE, _AGAINST) or data[1] not in (1, 4):
        raise ValueError("these bytes are no tile")
    shape = (data[1], SIDE, SIDE)
    try:
        raw = zstandard.ZstdDecompressor().decompress(data[2:], max_output_size=SIDE * SIDE * 4)
    except zstandard.ZstdError as error:
        raise ValueError("these bytes are no tile") from error
    if len(raw) != SIDE * SIDE * data[1]:
        raise ValueError("these bytes are no whole tile")
    planes = np.frombuffer(raw, np.uint8).reshape(shape)
    if data[0] == _AGAINST:
        if base is None:
            raise ValueError("the tile that these bytes build on is missing")
        return np.ascontiguousarray(planes.transpose(1, 2, 0)) + base
    summed = np.add.accumulate(planes, axis=1, dtype=np.uint8)
    if len(summed) == 4:
        summed[0] += summed[1]
        summed[2] += summed[1]
    return np.ascontiguousarray(summed.transpose(1, 2, 0))


def builds_on_base(data: bytes) -> bool:
    """True where `decode` needs the base that `encode` was given."""
    return data[0] == _AGAINST


def _planes(pixels: Samples) -> Samples:
    return pixels.transpose(2, 0, 1).copy(order="C")


def _packed(kind: int, planes: Samples) -> bytes:
    return bytes((kind, len(planes))) + zstandard.ZstdCompressor(level=LEVEL).compress(planes.data.cast("B"))
