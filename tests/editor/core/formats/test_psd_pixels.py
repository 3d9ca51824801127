"""How a channel is packed, against psd-tools, and every way in which other programs pack theirs."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psd_tools.compression import Compression, compress

from editor.core.formats.psd_pixels import PackedChannel, pack, unpacked, write_channel
from editor.core.geometry import Rect
from editor.core.tiles import TileMap

KINDS = [Compression.RAW, Compression.RLE, Compression.ZIP, Compression.ZIP_WITH_PREDICTION]


def plane(height: int, width: int, top: int = 255) -> np.ndarray:
    values = np.random.default_rng(height * width).integers(0, top + 1, (height, width))
    values[:, width // 2 :] = values[0, 0]
    return values.astype(np.uint8 if top == 255 else np.uint16)


@given(height=st.integers(1, 600), width=st.integers(1, 300))
@settings(max_examples=30, deadline=None)
def test_strips_give_what_psd_tools_gives_at_once(height: int, width: int) -> None:
    pixels = plane(height, width)
    read = TileMap.of(pixels).read
    (packed,) = pack(Rect(0, 0, width, height), 1, read)
    file = io.BytesIO()
    write_channel(file, packed)
    whole = compress(pixels.tobytes(), Compression.RLE, width, height, 8, 1)
    assert file.getvalue() == struct.pack(">H", 1) + whole
    assert packed.size == len(file.getvalue())


def test_a_channel_without_rows_is_its_heading_alone() -> None:
    file = io.BytesIO()
    write_channel(file, PackedChannel())
    assert file.getvalue() == b"\0\1"
    assert unpacked(b"", 1, 0, 0, 8, 1).shape == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [1, 2])
def test_every_packing_of_8_bit_is_read(kind: Compression, version: int) -> None:
    pixels = plane(9, 30)
    data = compress(pixels.tobytes(), kind, 30, 9, 8, version)
    assert np.array_equal(unpacked(data, int(kind), 30, 9, 8, version), pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_16_bit_is_rounded(kind: Compression) -> None:
    pixels = plane(9, 30, 65535)
    data = compress(pixels.astype(">u2").tobytes(), kind, 30, 9, 16, 1)
    assert np.array_equal(unpacked(data, int(kind), 30, 9, 16, 1), np.rint(pixels / 257))


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_that_ends_early_is_an_error(kind: Compression) -> None:
    data = compress(plane(9, 30).tobytes(), kind, 30, 9, 8, 1)
    with pytest.raises((ValueError, OSError)):
        unpacked(data[: len(data) // 3 if kind != Compression.RLE else 4], int(kind), 30, 9, 8, 1)
