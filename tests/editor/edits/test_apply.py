from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editor.core.blend import BLENDS
from editor.core.compositor import composite
from editor.core.document import Document, find
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.layer import GroupLayer, RasterLayer
from editor.core.tiles import TileMap
from editor.edits.apply import keep, shown, variant_layer
from editor.edits.mix import mixed, unmixed
from editor.edits.values import VariantItem


def soft_selection(document: Document, rect: Rect) -> Document:
    """Every grey from 0 to 255 in a ramp, so that each is tested."""
    ramp = np.linspace(0, 255, rect.width).round().astype(np.uint8)
    return replace(document, selection=TileMap.of(np.tile(ramp, (rect.height, 1)), rect.x, rect.y))


def variants(make_bench: Callable[..., Any], document: Document) -> tuple[VariantItem, ...]:
    bench = make_bench(document)
    bench.generation.start()
    assert [item.state for item in bench.session.variants] == ["done", "done"]
    return bench.session.variants


def test_a_variant_of_the_whole_page_shows_exactly(make_bench: Callable[..., Any], document: Document) -> None:
    for item in variants(make_bench, document):
        assert item.pixels is not None
        assert np.array_equal(composite(shown(document, item), document.rect), item.pixels)
        assert variant_layer(item, document).mask is None


@pytest.mark.parametrize("place", [Rect(13, 17, 200, 151), Rect(0, 0, 256, 20), Rect(299, 201, 2, 2)])
def test_in_a_soft_selection_it_shows_exactly_and_nothing_changes_outside(
    make_bench: Callable[..., Any], document: Document, place: Rect
) -> None:
    source = soft_selection(document, place)
    before = composite(document, document.rect)
    for item in variants(make_bench, source):
        after = composite(shown(document, item), document.rect)
        rect = item.region.rect
        assert np.array_equal(after[rect.slices], item.pixels)
        outside = source.selection.read(document.rect)[..., 0] == 0
        assert np.array_equal(after[outside], before[outside])
        assert item.outside_mask_changed == 0
        layer = variant_layer(item, document)
        assert layer.mask is not None
        own = source.selection.read(document.rect)[..., 0]
        assert np.array_equal(layer.mask.plane.read(document.rect.moved(-layer.x, -layer.y))[..., 0], own)


@pytest.mark.parametrize("hard", [True, False])
def test_over_a_transparent_source(
    make_bench: Callable[..., Any], make_document: Callable[..., Document], hard: bool
) -> None:
    pixels = make_document(alpha=True).layers[0].plane.read(Rect(0, 0, 301, 203))
    if hard:
        pixels[..., 3] = np.where(pixels[..., 3] > 127, 255, 0)
    document = Document(301, 203, (RasterLayer(name="cutout", plane=TileMap.of(pixels)),))
    source = soft_selection(document, Rect(33, 41, 150, 77))
    before = composite(document, document.rect)
    for item in variants(make_bench, source):
        after = composite(shown(document, item), document.rect)
        outside = source.selection.read(document.rect)[..., 0] == 0
        assert np.array_equal(after[outside], before[outside])
        exact = before[..., 3] == 255
        if any(blend.name == "atop" for blend in BLENDS):
            exact = before[..., 3] > 0
            assert np.array_equal(after[..., 3], before[..., 3])
        assert item.pixels is not None
        expected = before.copy()
        expected[item.region.rect.slices] = item.pixels
        off = np.abs(after[exact].astype(int) - expected[exact])
        # Through glass the page itself was rounded before it was mixed.
        assert off.max() <= (0 if hard or not exact.any() else 1)
        assert not after[..., 3][before[..., 3] == 0].any()


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 255))
def test_unmixing_undoes_mixing(base: int, edit: int, share: int) -> None:
    source, edited = (np.full((1, 1, 4), value, np.uint8) for value in (base, edit))
    mask = np.full((1, 1), share, np.uint8)
    variant = mixed(source, edited, mask)
    assert np.array_equal(mixed(source, unmixed(source, variant, mask), mask), variant)


def test_the_layer_carries_name_and_recipe_and_covers_only_the_selection(
    make_bench: Callable[..., Any], document: Document
) -> None:
    place = Rect(101, 71, 40, 21)
    source = replace(document, selection=TileMap.of(np.full((21, 40), 255, np.uint8), 101, 71))
    layer = variant_layer(variants(make_bench, source)[0], document)
    assert (layer.name, layer.x, layer.y) == ("make it snow", place.x, place.y)
    beyond = layer.plane.read(Rect(0, 0, 64, 64))
    assert beyond[:21, :40, 3].all() and not beyond[21:].any() and not beyond[:, 40:].any()
    assert layer.recipe is not None and layer.recipe["seed"] in range(2**32)


def test_keeping_several_is_one_step_and_shows_the_first(make_bench: Callable[..., Any], document: Document) -> None:
    items = variants(make_bench, document)
    history = History(document)
    history.do(keep(items[::-1]))
    assert len(list(history.steps())) == 2
    assert history.current.label == "Keep 2 variants"
    kept = history.document.layers
    assert [(layer.name, layer.visible) for layer in kept] == [
        ("photo", True),
        ("make it snow 2", False),
        ("make it snow", True),
    ]
    assert history.document.active == kept[-1].id
    assert np.array_equal(composite(history.document, document.rect), items[1].pixels)
    history.do(keep(items[:1]))
    assert len({layer.id for layer in history.document.layers}) == 4
    assert np.array_equal(composite(history.document, document.rect), items[0].pixels)
    history.undo()
    history.undo()
    assert history.document is document
    history.close()


def test_unfinished_variants_show_and_keep_nothing(document: Document, make_bench: Callable[..., Any]) -> None:
    item = replace(variants(make_bench, document)[0], pixels=None, layer=None, state="running")
    assert shown(document, item) is document
    with pytest.raises(ChangeRefused, match="not finished"):
        variant_layer(item, document)
    with pytest.raises(ChangeRefused, match="chosen"):
        keep(()).apply(document)


def test_edited_again_goes_right_above_the_old_layer_in_its_group(
    make_bench: Callable[..., Any], document: Document
) -> None:
    group = GroupLayer(name="g", id="g", children=document.layers, x=5, y=-3)
    nested = replace(document, layers=(group,))
    bench = make_bench(nested)
    bench.generation.start()
    bench.generation.keep([bench.session.variants[0].id])
    top = bench.open.document.layers[-1]
    # Moved into the group below another layer: the new one has to follow it there.
    moved = replace(
        bench.open.document,
        layers=(replace(group, children=(*group.children, replace(top, x=-5, y=3), RasterLayer(name="over"))),),
    )
    again = make_bench(moved)
    again.generation.again(top.id)
    (item,) = again.session.variants
    assert item.above == top.id
    again.generation.keep([item.id])
    result = find(again.open.document, "g")
    assert isinstance(result, GroupLayer)
    assert [(child.name, child.visible) for child in result.children] == [
        ("photo", True),
        ("make it snow", False),
        ("make it snow 2", True),
        ("over", True),
    ]
    assert np.array_equal(composite(again.open.document, item.region.rect), item.pixels)
