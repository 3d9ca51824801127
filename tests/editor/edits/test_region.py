from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, RasterLayer
from editor.core.tiles import TileMap
from editor.edits.region import (
    Region,
    below,
    cut,
    in_own_colours,
    picture_hash,
    region_of,
    request_for,
    with_context,
)
from editor.edits.session import EditSettings

SETTINGS = EditSettings("make it snow", 3, 7.5, 1.5, "euler", 64, "tiny")


def selected(document: Document, rect: Rect, value: int = 255) -> Document:
    return replace(document, selection=TileMap.of(np.full((rect.height, rect.width), value, np.uint8), rect.x, rect.y))


def test_the_whole_page_without_a_selection(document: Document) -> None:
    region = region_of(document)
    assert (region.rect, region.mask) == (document.rect, None)


def test_a_selection_gets_context_and_becomes_the_mask(document: Document) -> None:
    region = region_of(selected(document, Rect(101, 71, 40, 21), 200), size=8)
    assert region.rect == Rect(69, 39, 104, 85)
    assert region.mask is not None
    inside = np.zeros((85, 104), np.uint8)
    inside[32:53, 32:72] = 200
    assert np.array_equal(region.mask, inside)


def test_nothing_selected_on_the_page_is_refused(document: Document) -> None:
    with pytest.raises(ChangeRefused, match="selected"):
        region_of(selected(document, Rect(500, 0, 9, 9)))
    with pytest.raises(ChangeRefused):
        region_of(replace(document, selection=TileMap(1)))


@given(
    st.integers(1, 900), st.integers(1, 900), st.integers(0, 899), st.integers(0, 899), st.integers(1, 900),
    st.integers(1, 900), st.sampled_from([8, 64, 512]),
)  # fmt: skip
def test_context_stays_on_the_page_and_holds_the_selection(
    width: int, height: int, x: int, y: int, w: int, h: int, size: int
) -> None:
    page = Rect(0, 0, width, height)
    chosen = Rect(x, y, w, h) & page
    if chosen.empty:
        return
    rect = with_context(chosen, page, size)
    assert rect & page == rect
    assert rect & chosen == chosen
    assert rect.width >= min(width, size) and rect.height >= min(height, size)
    assert rect.width >= min(width, chosen.width + 64)


def test_the_request_holds_the_composite_and_all_dials(document: Document) -> None:
    region = region_of(selected(document, Rect(101, 71, 40, 21)), size=8)
    request = request_for(document, region, SETTINGS, (5, 6))
    assert np.array_equal(request.image, composite(document, region.rect)[..., :3])
    assert request.mask is region.mask
    assert (request.instruction, request.steps, request.text_scale, request.image_scale) == (
        "make it snow",
        3,
        7.5,
        1.5,
    )
    assert (request.sampler, request.size, request.model, request.full_res) == ("euler", 64, "tiny", True)
    assert request.seeds == (5, 6)


def test_alpha_goes_along_and_comes_back(make_document: Callable[..., Document]) -> None:
    document = make_document(alpha=True)
    source = cut(document, region_of(document))
    request = request_for(document, source.region, SETTINGS, (1,))
    assert request.image.shape[2] == 4
    back = in_own_colours(source, (255 - request.image[..., :3]).astype(np.uint8))
    assert np.array_equal(back[..., 3], source.pixels[..., 3])


def test_colours_of_a_profile_come_back_exactly_where_nothing_changed(document: Document) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile of other colours, made from sRGB's by swapping two of its primaries.
    swapped = srgb.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    coloured = replace(document, icc=swapped)
    source = cut(coloured, Region(document.rect))
    assert not np.array_equal(source.srgb, source.pixels)
    edited = source.srgb[..., :3].copy()
    edited[10:20, 10:20] = 7
    back = in_own_colours(source, edited)
    same = np.ones(back.shape[:2], bool)
    same[10:20, 10:20] = False
    assert np.array_equal(back[same], source.pixels[same])
    assert not np.array_equal(back[10:20, 10:20], source.pixels[10:20, 10:20])


def test_below_leaves_out_the_layer_and_what_is_above_in_its_groups_too(document: Document) -> None:
    names = [RasterLayer(name=name, id=name) for name in "abcd"]
    group = GroupLayer(name="g", children=(names[1], names[2], names[3]))
    nested = replace(document, layers=(names[0], group, RasterLayer(name="top")))
    result = below(nested, "c").layers
    assert [layer.name for layer in result] == ["a", "g"]
    assert isinstance(result[1], GroupLayer) and [child.name for child in result[1].children] == ["b"]
    with pytest.raises(KeyError):
        below(nested, "nobody")


def test_the_hash_sees_what_can_be_seen() -> None:
    pixels = np.zeros((4, 6, 4), np.uint8)
    unseen, seen = pixels.copy(), pixels.copy()
    unseen[0, 0, 0], seen[0, 0, 3] = 9, 1
    assert picture_hash(pixels) == picture_hash(unseen) != picture_hash(seen)
    assert picture_hash(pixels) != picture_hash(pixels.reshape(6, 4, 4))
