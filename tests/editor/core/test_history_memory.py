"""Packing: what goes where, and that it comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.changes import AddLayer, PaintTiles, SetProperty
from editor.core.document import Document
from editor.core.history import History, default_budget
from editor.core.history_codec import builds_on_base, decode, encode
from editor.core.history_memory import LONGEST_CHAIN
from editor.core.history_step import tiles_of
from editor.core.layer import RasterLayer
from editor.core.spill import PackedTile, SpillFile
from editor.core.tiles import SIDE, Samples, Tile, TileMap

TILE = SIDE * SIDE * 4


def noise(seed: int, channels: int = 4) -> Samples:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, channels), np.uint8)


def dotted(pixels: Samples, at: int) -> Samples:
    result = pixels.copy()
    result[at : at + 9, at : at + 9] = at
    return result


def painted(count: int, budget: int, folder: Path | None = None) -> tuple[History, list[Samples]]:
    """A history of one noisy tile with one more dot at every step, and the pixels of each."""
    states = [noise(1)]
    layer = RasterLayer(name="P", id="p", plane=TileMap(4, {(0, 0): Tile(states[0].copy())}))
    history = History(Document(SIDE, SIDE, (layer,), "p"), budget=budget, folder=folder)
    for at in range(count):
        states.append(dotted(states[-1], at * 9 % 240))
        history.do(PaintTiles("p", {(0, 0): Tile(states[-1].copy())}))
    return history, states


def tile_of_step(history: History, id: int) -> Tile:
    return next(tiles_of(next(step for step in history.steps() if step.id == id).document))


@given(seed=st.integers(0, 99), channels=st.sampled_from([1, 4]), change=st.integers(0, SIDE), flat=st.booleans())
@settings(max_examples=25, deadline=None)
def test_packing_is_lossless(seed: int, channels: int, change: int, flat: bool) -> None:
    base = noise(seed, channels)
    pixels = np.full_like(base, seed) if flat else base.copy()
    pixels[:change] = noise(seed + 1, channels)[:change]
    for other in (None, base, noise(seed + 2, channels), noise(0, 5 - channels)):
        data = encode(pixels, other)
        assert np.array_equal(decode(data, other if builds_on_base(data) else None), pixels)


def test_a_small_change_is_packed_small() -> None:
    assert len(encode(dotted(noise(1), 30), noise(1))) < TILE / 100
    assert not builds_on_base(encode(noise(1), noise(2)))


@pytest.mark.parametrize("data", [b"", b"\0", b"\2\4abc", b"\0\3abc", b"\0\4abc", encode(noise(1))[:-9]])
def test_bytes_that_are_no_tile_are_told(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


def test_bytes_without_their_base_are_told() -> None:
    with pytest.raises(ValueError, match="build on"):
        decode(encode(dotted(noise(1), 9), noise(1)))


def test_far_steps_are_packed_and_come_back() -> None:
    history, states = painted(30, 4 * TILE)
    history.settle()
    assert history.bytes_used <= 4 * TILE
    assert tile_of_step(history, 30).resident and not tile_of_step(history, 0).resident
    for id, pixels in enumerate(states):
        assert np.array_equal(tile_of_step(history, id).pixels, pixels)
    history.go(0)
    history.settle()
    assert tile_of_step(history, 0).resident and np.array_equal(tile_of_step(history, 0).pixels, states[0])
    assert history.bytes_used <= 4 * TILE
    history.close()


def test_chains_stay_short_whatever_the_order() -> None:
    history, states = painted(40, 2 * TILE)
    for step in (0, 40, 17, 3, 33, 40, 0, 25):
        history.settle()
        history.go(step)
    history.settle()
    entries = history._memory._entries
    for entry in entries.values():
        length, tile = 0, entry.tile
        while not tile.resident:
            packed = entries[id(tile)].packed
            assert packed is not None
            if packed.base is None:
                break
            tile, length = packed.base, length + 1
        assert length <= LONGEST_CHAIN + 1
    assert all(np.array_equal(tile_of_step(history, at).pixels, pixels) for at, pixels in enumerate(states))
    history.close()


def test_what_memory_does_not_hold_goes_to_disk(tmp_path: Path) -> None:
    history, states = painted(20, 1000, tmp_path)
    history.settle()
    assert history.spilled_bytes > 0 and history.bytes_used == TILE
    assert list(tmp_path.iterdir()) == []  # the file has no name
    document = next(history.steps()).document
    history.close()
    assert np.array_equal(next(tiles_of(document)).pixels, states[0])  # still there for who holds it


def test_a_full_disk_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: SpillFile, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpillFile, "append", full)
    history, states = painted(10, 1000)
    history.settle()
    assert history.spilled_bytes == 0
    assert all(np.array_equal(tile_of_step(history, at).pixels, pixels) for at, pixels in enumerate(states))
    history.close()


def test_a_disk_that_fills_up_still_gives_what_it_took(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    file, pieces = SpillFile(tmp_path), [np.random.default_rng(seed).bytes(5001) for seed in range(20)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        places = [file.append(piece) for piece in pieces[:11]]
        with pytest.raises(OSError):
            file.append(pieces[11])
        assert [file.read(place, 5001) for place in places] == pieces[:11]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file.read(file.append(pieces[11]), 5001) == pieces[11]


def test_a_temporary_folder_that_cannot_be_used_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    history, states = painted(10, 1000, tmp_path / "gone")
    history.settle()
    assert history.spilled_bytes == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert all(np.array_equal(tile_of_step(history, at).pixels, pixels) for at, pixels in enumerate(states))
    history.close()


def test_a_packed_tile_reads_the_same_from_disk() -> None:
    base, file = Tile(noise(1)), SpillFile()
    packed = PackedTile.of(dotted(noise(1), 50), base)
    assert packed.base is base and not packed.spilled
    file.append(b"before")
    packed.spill(file)
    assert packed.spilled and np.array_equal(packed(), dotted(noise(1), 50))
    assert file.size == 6 + packed.length
    with pytest.raises(OSError):
        file.read(3, 1 << 20)


def test_a_slider_is_one_step_until_it_is_sealed() -> None:
    history, _ = painted(0, default_budget())
    heard: list[tuple[Document, Document]] = []
    history.changed.connect(lambda before, after: heard.append((before, after)))
    for value in (0.9, 0.8, 0.7):
        history.do(SetProperty("p", "opacity", value))
    assert [step.label for step in history.steps()] == ["Open", "Opacity"] and len(heard) == 3
    history.seal()
    history.do(SetProperty("p", "opacity", 0.6))
    assert [step.document.layers[0].opacity for step in history.steps()] == [1.0, 0.7, 0.6]
    history.undo()
    history.do(SetProperty("p", "opacity", 0.5))  # after an undo: a branch, not in place of the step undone to
    assert [step.document.layers[0].opacity for step in history.steps()] == [1.0, 0.7, 0.6, 0.5]
    history.undo()
    history.redo()
    assert history.document.layers[0].opacity == 0.5
    assert heard[-1][1] is history.document and heard[-1][0] is not history.document
    history.close()


def test_steps_hold_only_their_own_tiles() -> None:
    history, _ = painted(2, default_budget())
    history.do(SetProperty("p", "opacity", 0.5))
    history.do(AddLayer(RasterLayer(name="N")))
    assert [step.bytes for step in history.steps()] == [TILE, TILE, TILE, 0, 0]
    assert history.bytes_used == 3 * TILE and history.spilled_bytes == 0
    with pytest.raises(KeyError):
        history.go(99)
    history.close()
