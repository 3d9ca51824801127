"""Planes of tiles against plain arrays, and that nothing which was read ever changes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.geometry import EMPTY, Rect
from editor.core.tiles import SIDE, Samples, Tile, TileMap, changed_keys, keys_in, tile_rect

FRAME = Rect(-400, -300, 1000, 900)
PIECES = st.tuples(
    st.integers(-400, 300), st.integers(-300, 300), st.integers(1, 300), st.integers(1, 300), st.integers(0, 255)
)


@settings(deadline=None, max_examples=40)
@given(pieces=st.lists(PIECES, max_size=5), blank=st.sampled_from([0, 255, 40]), channels=st.sampled_from([1, 4]))
def test_what_is_written_is_read(pieces: list[tuple[int, int, int, int, int]], blank: int, channels: int) -> None:
    plain = np.full((FRAME.height, FRAME.width, channels), blank, np.uint8)
    plane = TileMap(channels, None, blank)
    for x, y, width, height, value in pieces:
        piece = np.full((height, width, channels), value, np.uint8)
        plane = plane.with_pixels(piece, x, y)
        plain[Rect(x, y, width, height).moved(-FRAME.x, -FRAME.y).slices] = piece
    assert np.array_equal(plane.read(FRAME), plain)
    part = Rect(-77, 31, 310, 270)
    assert np.array_equal(plane.read(part), plain[part.moved(-FRAME.x, -FRAME.y).slices])
    for key, tile in plane.tiles.items():
        assert (tile.pixels != blank).any(), key


def test_a_write_shares_all_other_tiles() -> None:
    before = TileMap.of(np.full((600, 600, 4), 9, np.uint8))
    after = before.with_pixels(np.full((4, 4, 4), 1, np.uint8), 300, 10)
    assert list(changed_keys(before, after)) == [(1, 0)]
    assert list(changed_keys(before, before)) == []
    assert (before.read(Rect(300, 10, 4, 4)) == 9).all()
    assert after.tiles[0, 0] is before.tiles[0, 0]


def test_tiles_come_and_go() -> None:
    tile = Tile(np.full((SIDE, SIDE, 4), 3, np.uint8))
    plane = TileMap().with_tiles({(-1, 2): tile, (5, 5): None})
    assert dict(plane.tiles) == {(-1, 2): tile}
    assert plane.bounds == Rect(-SIDE, 2 * SIDE, SIDE, SIDE)
    assert plane.with_tiles({(-1, 2): None}).bounds == EMPTY
    assert set(changed_keys(plane, TileMap())) == {(-1, 2)}


def test_writing_blank_takes_tiles_away() -> None:
    mask = TileMap.of(np.full((SIDE, 2 * SIDE), 7, np.uint8), blank=255)
    assert mask.channels == 1
    erased = mask.with_pixels(np.full((SIDE, SIDE), 255, np.uint8), 0, 0)
    assert list(erased.tiles) == [(1, 0)]


def test_the_callers_array_is_copied_and_pixels_are_read_only() -> None:
    pixels = np.full((SIDE, SIDE, 4), 5, np.uint8)
    plane = TileMap.of(pixels)
    pixels[:] = 0
    tile = plane.tiles[0, 0]
    assert (tile.pixels == 5).all()
    with pytest.raises(ValueError, match="read-only"):
        tile.pixels[0, 0] = 1
    with pytest.raises(TypeError):
        plane.tiles[0, 1] = tile


def test_a_packed_tile_reads_the_same_and_can_be_restored() -> None:
    pixels: Samples = np.arange(SIDE * SIDE * 4, dtype=np.uint32).astype(np.uint8).reshape(SIDE, SIDE, 4)
    tile, calls = Tile(pixels.copy()), 0

    def unpack() -> Samples:
        nonlocal calls
        calls += 1
        return pixels.copy()

    tile.pack(unpack)
    assert not tile.resident
    assert np.array_equal(tile.pixels, pixels)
    tile.restore()
    tile.restore()
    assert tile.resident
    assert np.array_equal(tile.pixels, pixels)
    assert not tile.pixels.flags.writeable
    assert calls == 2


def test_a_tile_is_read_while_another_thread_packs_and_restores_it() -> None:
    pixels = np.full((SIDE, SIDE, 1), 7, np.uint8)
    tile, done = Tile(pixels), threading.Event()

    def swap() -> None:
        while not done.is_set():
            tile.pack(lambda: pixels)
            tile.restore()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        assert all(tile.pixels[0, 0, 0] == 7 for _ in range(20000))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("channels", [1, 4])
def test_opacity_is_the_range_of_the_last_channel_and_survives_packing(channels: int) -> None:
    pixels = np.full((SIDE, SIDE, channels), 250, np.uint8)
    pixels[..., -1] = 100
    pixels[3, 4, -1], pixels[200, 9, -1] = 17, 201
    tile = Tile(pixels)
    assert tile.opacity == (17, 201)
    tile.pack(lambda: pytest.fail("the range is known"))
    assert tile.opacity == (17, 201)


def test_opacity_of_pixels_that_are_not_in_one_piece() -> None:
    pixels = np.zeros((SIDE, SIDE, 5), np.uint8)[..., 1:]
    pixels[0, 0, 3] = 8
    assert Tile(pixels).opacity == (0, 8)


def test_keys_run_row_by_row_and_tiles_may_be_negative() -> None:
    assert list(keys_in(Rect(-1, 255, 2, 2))) == [(-1, 0), (0, 0), (-1, 1), (0, 1)]
    assert list(keys_in(Rect(4, 4, 0, 9))) == []
    assert tile_rect((-1, 1)) == Rect(-SIDE, SIDE, SIDE, SIDE)
    assert TileMap().read(Rect(0, 0, -3, 2)).shape == (2, 0, 4)
