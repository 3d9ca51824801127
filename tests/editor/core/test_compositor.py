"""The compositor against the float64 formulas of `w3c.py`, and its shortcuts against drawing everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from editor.core.blend import BLENDS
from editor.core.compositor import composite, composite_layer, flatten
from editor.core.document import Document
from editor.core.errors import Cancelled
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import Samples, Tile, TileMap
from tests.editor.core import w3c

TOLERANCE = 0.51
MODES = [blend.name for blend in BLENDS]


def noise(seed: int, width: int = 70, height: int = 50) -> Samples:
    """Straight RGBA; a share of the pixels is clear, opaque, black, white or grey, where formulas divide by 0."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 4), dtype=np.uint8)
    for value in (0, 255):
        pixels[random.random((height, width)) < 0.1, 3] = value
        pixels[random.random((height, width)) < 0.1, :3] = value
        pixels[random.random((height, width, 4)) < 0.05] = value
    grey = random.random((height, width)) < 0.1
    pixels[grey, :3] = pixels[grey, :1]
    return pixels


def raster(seed: int, blend: str = "normal", **values: Any) -> RasterLayer:
    return RasterLayer(name=str(seed), id=str(seed), plane=TileMap.of(noise(seed)), blend=blend, **values)


def mask(seed: int, blank: int = 0) -> Mask:
    return Mask(TileMap.of(noise(seed)[..., 0], blank=blank))


def page(*layers: Layer, width: int = 70, height: int = 50) -> Document:
    return Document(width, height, layers)


def assert_exact(document: Document, found: Samples | None = None) -> None:
    """Premultiplied everywhere; straight, too, where alpha is large enough to tell colours apart."""
    found = composite(document, document.rect) if found is None else found
    exact: NDArray[np.float64] = w3c.rendered(document) * 255
    alpha = found[..., 3:] / 255
    premultiplied = np.concatenate([found[..., :3] * alpha, found[..., 3:]], axis=-1)
    # A colour that is rounded to 8 bits and an alpha that is: half a step of each.
    assert np.abs(found[..., 3] - exact[..., 3]).max() <= TOLERANCE
    wanted = np.divide(exact[..., :3], exact[..., 3:] / 255, out=np.zeros_like(exact[..., :3]), where=alpha > 0)
    assert (np.abs(found[..., :3] - wanted) * (exact[..., 3:] > 2)).max() <= TOLERANCE
    assert np.abs(premultiplied - exact).max() <= 2 * TOLERANCE


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("opacity", [1.0, 0.63])
def test_every_mode_at_partial_alpha(mode: str, opacity: float) -> None:
    assert_exact(page(raster(1), raster(2, mode, opacity=opacity), raster(3, mode)))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_on_an_opaque_backdrop(mode: str) -> None:
    solid = noise(1)
    solid[..., 3] = 255
    assert_exact(page(replace(raster(1), plane=TileMap.of(solid)), raster(2, mode)))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_with_a_mask(mode: str) -> None:
    assert_exact(page(raster(1), raster(2, mode, opacity=0.8, mask=mask(3))))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_for_an_isolated_group(mode: str) -> None:
    group = GroupLayer(name="g", children=(raster(2), raster(3, mode)), blend=mode, opacity=0.7, mask=mask(4))
    assert_exact(page(raster(1), group))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("opacity", [1.0, 0.4])
@pytest.mark.parametrize("masked", [False, True])
def test_every_mode_in_a_pass_through_group(mode: str, opacity: float, masked: bool) -> None:
    children = (raster(2, mode), raster(3, "multiply", opacity=0.5))
    group = GroupLayer(
        name="g", children=children, pass_through=True, opacity=opacity, mask=mask(4) if masked else None
    )
    assert_exact(page(raster(1), group, raster(5, opacity=0.5)))


def test_a_pass_through_group_has_no_blend_mode() -> None:
    group = GroupLayer(name="g", children=(raster(2, "screen"),), pass_through=True)
    plain, odd = page(raster(1), group), page(raster(1), replace(group, blend="difference"))
    assert np.array_equal(composite(plain, plain.rect), composite(odd, odd.rect))


def test_groups_in_groups_add_their_offsets_and_hang_off_the_page() -> None:
    inner = GroupLayer(name="inner", children=(raster(2, "hue", x=300, y=-20),), x=-270, y=9, mask=mask(6, 200))
    outer = GroupLayer(name="outer", children=(inner, raster(3, x=-11)), x=-20, y=31, pass_through=True, opacity=0.9)
    assert_exact(page(raster(1, x=-30, y=-30), outer, raster(4, x=60, y=-45), raster(5, x=5000)))


@pytest.mark.parametrize("blank", [0, 255, 77])
def test_beyond_a_masks_tiles_its_blank_holds(blank: int) -> None:
    layer = replace(raster(2), plane=TileMap.of(noise(2, 300, 40)), mask=mask(3, blank))
    assert_exact(page(raster(1), layer, width=300))


def test_a_plane_may_be_blank_in_a_colour() -> None:
    assert_exact(page(RasterLayer(name="white", plane=TileMap(4, None, 255)), raster(2, "multiply"), width=300))


def test_hidden_layers_and_disabled_masks_do_not_count() -> None:
    off = replace(mask(3), enabled=False)
    hidden = GroupLayer(name="g", children=(raster(4),), visible=False)
    shown = page(raster(1), raster(2, mask=off), raster(5, visible=False), raster(6, opacity=0.0), hidden)
    assert_exact(shown)
    assert np.array_equal(composite(shown, shown.rect), composite(page(raster(1), raster(2)), shown.rect))


def test_unaligned_layers_come_from_four_tiles() -> None:
    wide = [replace(raster(seed, mode, x=x, y=x), plane=TileMap.of(noise(seed, 700, 600)))
            for seed, mode, x in ((1, "normal", 0), (2, "soft-light", 37), (3, "plus", -131))]  # fmt: skip
    document = page(*wide, width=640, height=530)
    whole = flatten(document)
    assert_exact(document, whole)
    for rect in (Rect(200, 200, 110, 110), Rect(-40, -50, 400, 300), Rect(600, 500, 256, 256), document.rect):
        found = composite(document, rect)
        assert found.shape == (rect.height, rect.width, 4)
        inside = rect & document.rect
        assert np.array_equal(found[inside.moved(-rect.x, -rect.y).slices], whole[inside.slices])
        found[inside.moved(-rect.x, -rect.y).slices] = 0
        assert not found.any()


def test_an_empty_document_and_an_empty_rectangle() -> None:
    assert not composite(page(), Rect(0, 0, 9, 9)).any()
    assert composite(page(raster(1)), Rect(5, 5, 0, 3)).shape == (3, 0, 4)
    assert composite(page(raster(1)), Rect(5, 5, -2, -3)).shape == (0, 0, 4)


def test_a_single_opaque_layer_is_copied_bit_by_bit() -> None:
    pixels = noise(1)
    pixels[..., 3] = 255
    photo = RasterLayer(name="photo", plane=TileMap.of(np.pad(pixels, ((0, 206), (0, 186), (0, 0)), mode="edge")))
    group = GroupLayer(name="g", children=(raster(2), photo), pass_through=True, x=0)
    assert np.array_equal(composite(page(raster(3), group), Rect(0, 0, 70, 50)), pixels)


NODES = st.recursive(
    st.builds(
        lambda seed, mode, opacity, at, masked, visible: raster(
            seed, mode, opacity=opacity, x=at[0], y=at[1], mask=mask(seed + 1) if masked else None, visible=visible
        ),
        st.integers(0, 30), st.sampled_from(MODES), st.sampled_from([0.0, 0.5, 1.0]),
        st.tuples(st.integers(-80, 80), st.integers(-60, 60)), st.booleans(), st.booleans(),
    ),
    lambda nodes: st.builds(
        lambda children, mode, opacity, through, at, masked: GroupLayer(
            name="g", children=tuple(children), blend=mode, opacity=opacity, pass_through=through, x=at[0], y=at[1],
            mask=mask(7, 255) if masked else None,
        ),
        st.lists(nodes, max_size=3), st.sampled_from(MODES), st.sampled_from([0.3, 1.0]), st.booleans(),
        st.tuples(st.integers(-20, 20), st.integers(-20, 20)), st.booleans(),
    ),
    max_leaves=5,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(layers=st.lists(NODES, min_size=1, max_size=4))
def test_any_tree_of_layers(layers: Sequence[Layer]) -> None:
    assert_exact(page(*layers))


def test_one_layer_alone_keeps_hidden_colours_and_has_its_mask() -> None:
    pixels, soft = noise(2), mask(3)
    layer = raster(2, "hue", opacity=0.2, visible=False, mask=soft, x=4)
    document = page(raster(1), GroupLayer(name="g", children=(layer,), x=-10, y=7, visible=False))
    found = composite_layer(document, "2", Rect(-6, 7, 70, 50))
    assert np.array_equal(found[..., :3], pixels[..., :3])
    assert np.array_equal(found[..., 3], np.rint(pixels[..., 3] * (soft.plane.read(Rect(0, 0, 70, 50))[..., 0] / 255)))


def test_a_group_alone_is_its_children() -> None:
    group = GroupLayer(name="g", id="g", children=(raster(1), raster(2, "multiply")), opacity=0.3, blend="hue", x=3)
    document = page(raster(9), group)
    found = composite_layer(document, "g", Rect(3, 0, 70, 50))
    assert_exact(page(raster(1), raster(2, "multiply")), found)
    with pytest.raises(KeyError):
        composite_layer(document, "unknown", document.rect)


def test_flatten_reports_and_stops_when_cancelled() -> None:
    document = page(raster(1), width=600, height=300)
    seen: list[float] = []
    flatten(document, seen.append)
    assert seen == [pytest.approx(part / 6) for part in range(1, 7)]
    seen.clear()
    assert Cancelled.exit_code == 130
    with pytest.raises(Cancelled):
        flatten(document, seen.append, cancelled=lambda: len(seen) == 2)
    assert len(seen) == 2


def test_other_threads_run_while_a_page_is_flattened() -> None:
    layers = [replace(raster(seed, "soft-light"), plane=TileMap.of(noise(seed, 1500, 1500))) for seed in range(4)]
    document = page(*layers, width=1500, height=1500)
    done, beats = threading.Event(), list[float]()

    def beat() -> None:
        while not done.wait(0.0005):
            beats.append(time.perf_counter())

    thread = threading.Thread(target=beat)
    thread.start()
    flatten(document)
    done.set()
    thread.join()
    assert len(beats) > 5


def test_tiles_need_not_lie_in_one_piece() -> None:
    pixels = np.full((256, 256, 4), 255, np.uint8)
    pixels[:50, :70] = noise(4)
    strided = Tile(np.asfortranarray(pixels))
    plane = TileMap().with_tiles({(0, 0): strided})
    document = page(replace(raster(1), plane=plane), raster(2, "hue"))
    assert_exact(document)


def _calls(counted: list[int]) -> Callable[[], Samples]:
    def unpack() -> Samples:
        counted.append(1)
        return np.full((256, 256, 4), 200, np.uint8)

    return unpack


def test_packed_tiles_are_drawn_and_hidden_ones_are_not_unpacked() -> None:
    counted: list[int] = []
    lower, upper = (raster(seed) for seed in (1, 2))
    solid = replace(upper, plane=TileMap.of(np.full((256, 256, 4), 255, np.uint8)))
    tile = lower.plane.tiles[0, 0]
    assert tile.opacity == (0, 255)
    tile.pack(_calls(counted))
    composite(page(lower, solid), Rect(0, 0, 70, 50))
    assert not counted
    found = composite(page(lower), Rect(0, 0, 70, 50))
    assert (found == 200).all()
    assert counted
