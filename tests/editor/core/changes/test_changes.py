from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core import changes
from editor.core.changes import (
    CHANGES,
    AddLayer,
    ApplyMask,
    CanvasSize,
    Change,
    ClearSelected,
    Crop,
    DuplicateLayer,
    Fill,
    FlattenImage,
    Flip,
    Group,
    LayerFromSelection,
    MaskFromSelection,
    MergeDown,
    MoveBy,
    MoveLayer,
    PaintTiles,
    RemoveLayers,
    Replace,
    ResizeDocument,
    Rotate,
    SetMask,
    SetProperty,
    SetSelection,
    Ungroup,
)
from editor.core.compositor import composite
from editor.core.document import Document, find, offset_of, parent_of, siblings, walk, with_layer
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import Samples, TileMap

W, H = 290, 270


def noise(seed: int, *shape: int) -> Samples:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def example() -> Document:
    """below, group(inner 1, inner 2), top; offsets everywhere, parts beyond the page, a mask on inner 1."""
    mask = Mask(TileMap.of(noise(4, 80, 90), 3, 4, blank=200))
    inner = (
        RasterLayer(name="One", id="one", plane=TileMap.of(noise(1, 100, 120, 4)), x=-20, y=5, mask=mask),
        RasterLayer(name="Two", id="two", plane=TileMap.of(noise(2, 60, 70, 4), 10, 20), x=30),
    )
    layers: tuple[Layer, ...] = (
        RasterLayer(name="Below", id="below", plane=TileMap.of(noise(0, H, W, 4))),
        GroupLayer(name="Group", id="group", children=inner, x=40, y=-10),
        RasterLayer(name="Top", id="top", plane=TileMap.of(noise(3, 50, 50, 4)), x=250, y=240),
    )
    return Document(W, H, layers, "one")


def selected(document: Document) -> Document:
    """With a soft selection across a tile border."""
    return replace(document, selection=TileMap.of(noise(9, 90, 100), 180, 170))


def raster(document: Document, id: str) -> RasterLayer:
    layer = find(document, id)
    assert isinstance(layer, RasterLayer)
    return layer


def shown(document: Document, id: str) -> Samples:
    """A layer's own pixels where they lie on the page."""
    x, y = offset_of(document, id)
    return raster(document, id).plane.read(document.rect.moved(-x, -y))


def unlike(one: Samples, two: Samples) -> float:
    """The largest difference that can be seen over any background: of alpha, and of colours weighed with it."""
    weighed = [np.dstack([p[..., :3] * (p[..., 3:] / 255), p[..., 3:]]) for p in (one, two)]
    return float(np.abs(weighed[0] - weighed[1]).max())


def order(document: Document) -> list[str]:
    return [layer.id for layer in walk(document)]


def locked(document: Document, id: str) -> Document:
    return with_layer(document, id, lambda layer: replace(layer, locked=True))


def test_every_change_is_listed() -> None:
    found = set[type]()
    for module in pkgutil.iter_modules(changes.__path__):
        loaded = importlib.import_module(f"{changes.__name__}.{module.name}")
        found |= {
            value
            for name, value in vars(loaded).items()
            if isinstance(value, type) and hasattr(value, "apply") and value is not Change and not name.startswith("_")
        }
    assert found == set(CHANGES)


MASK = Mask(TileMap(1))
GUARDED: list[Change] = [
    ApplyMask("one"), ClearSelected("one"), Fill("one", (1, 2, 3, 255)), MaskFromSelection("one"), MoveBy("one", 1, 0),
    PaintTiles("one", {(0, 0): None}), PaintTiles("one", {(0, 0): None}, target="mask"), RemoveLayers(("one",)),
    SetMask("one", MASK), SetProperty("one", "opacity", 0.5), SetProperty("one", "x", 3), MergeDown("two"),
]  # fmt: skip


@pytest.mark.parametrize("change", GUARDED, ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("id", ["one", "group"])
def test_a_lock_on_the_layer_or_its_group_refuses(change: Change, id: str) -> None:
    assert change.label
    change.apply(selected(example()))
    with pytest.raises(ChangeRefused, match=r"is locked; unlock it first\.$"):
        change.apply(locked(selected(example()), id))


@pytest.mark.parametrize(
    "change",
    [
        AddLayer(RasterLayer(name="N"), "group"), DuplicateLayer("one"), LayerFromSelection("one"), MoveLayer("one"),
        MoveLayer("top", "group"), Group(("one",)), SetProperty("one", "visible", False), Ungroup("group"),
    ],
    ids=lambda change: type(change).__name__,
)  # fmt: skip
def test_a_locked_group_lets_nothing_in_or_out(change: Change) -> None:
    with pytest.raises(ChangeRefused, match=r"roup.* is locked; unlock it first\.$"):
        change.apply(locked(example(), "group"))


MISSING: list[Change] = [
    ApplyMask("x"), ClearSelected("x"), Fill("x", (0, 0, 0, 0)), MaskFromSelection("x"), MoveBy("x", 1, 1),
    PaintTiles("x", {(0, 0): None}), RemoveLayers(("x",)), RemoveLayers(()), SetMask("x", None), MergeDown("x"),
    SetProperty("x", "name", "n"), DuplicateLayer("x"), LayerFromSelection("x"), MoveLayer("x"), MoveLayer("top", "x"),
    Group(("x",)), Group(()), Ungroup("x"), AddLayer(RasterLayer(name="N"), "x"),
]  # fmt: skip
UNFIT: list[Change] = [
    ApplyMask("top"), ApplyMask("group"), ClearSelected("group"), Fill("group", (0, 0, 0, 0)),
    PaintTiles("group", {(0, 0): None}), PaintTiles("top", {(0, 0): None}, target="mask"), MergeDown("below"),
    SetProperty("top", "pass_through", True), SetProperty("top", "colour", 1), SetProperty("top", "name", "  "),
    MoveLayer("group", "group"), MoveLayer("top", "one"), Ungroup("top"), CanvasSize(0, 5), ResizeDocument(10, 99_999),
    Crop(Rect(400, 0, 5, 5)),
]  # fmt: skip


@pytest.mark.parametrize("change", [*MISSING, *UNFIT], ids=lambda change: type(change).__name__)
def test_what_does_not_fit_is_refused_in_a_sentence(change: Change) -> None:
    with pytest.raises(ChangeRefused) as refused:
        change.apply(example())
    assert str(refused.value).endswith(".") and len(str(refused.value)) > 20


def test_a_new_layer_lies_above_the_active_one_and_is_active() -> None:
    result = AddLayer(RasterLayer(name="N", id="new")).apply(example())
    assert order(result) == ["below", "group", "one", "new", "two", "top"] and result.active == "new"
    assert order(AddLayer(RasterLayer(name="N", id="new"), index=0).apply(example()))[0] == "new"
    assert order(AddLayer(RasterLayer(name="N", id="new")).apply(replace(example(), active="")))[-1] == "new"


def test_after_deleting_a_neighbour_is_active() -> None:
    assert RemoveLayers(("one",)).apply(example()).active == "two"
    assert RemoveLayers(("one", "two")).apply(example()).active == "group"
    assert RemoveLayers(("group", "one")).apply(example()).active == "below"
    assert RemoveLayers(("top",)).apply(example()).active == "one"
    assert RemoveLayers(tuple(order(example()))).apply(example()).active == ""


@pytest.mark.parametrize(("id", "parent", "index"), [("one", "", 0), ("top", "group", 1), ("two", "", None)])
def test_moving_in_the_stack_keeps_the_pixels_in_place(id: str, parent: str, index: int | None) -> None:
    before = example()
    after = MoveLayer(id, parent, index).apply(before)
    place = [layer.id for layer in siblings(after, parent)].index(id)
    assert place == (len(siblings(after, parent)) - 1 if index is None else index)
    assert offset_of(after, id) == offset_of(before, id)


def test_grouping_and_ungrouping_keep_the_look_and_the_order() -> None:
    before = example()
    grouped = Group(("top", "two", "group")).apply(before)
    new = find(grouped, grouped.active)
    assert isinstance(new, GroupLayer) and [layer.id for layer in new.children] == ["group", "top"]
    assert offset_of(grouped, "two") == offset_of(before, "two")
    assert np.array_equal(composite(grouped, grouped.rect), composite(before, before.rect))
    again = Ungroup(new.id).apply(grouped)
    assert order(again) == order(before) and again.active == "top"
    free = Ungroup("group").apply(before)
    assert order(free) == ["below", "one", "two", "top"]
    assert np.array_equal(composite(free, free.rect), composite(before, before.rect))
    nested = Group(("one",)).apply(before)
    group = parent_of(nested, nested.active)
    assert group is not None and group.id == "group" and offset_of(nested, "one") == offset_of(before, "one")


def test_properties() -> None:
    assert raster(SetProperty("one", "opacity", 7).apply(example()), "one").opacity == 1.0
    before = example()
    assert SetProperty("one", "visible", True).apply(before) is before
    assert SetProperty("one", "opacity", 0.1).merge_key == SetProperty("one", "opacity", 0.2).merge_key != ""
    assert SetProperty("one", "name", "a").merge_key == ""
    assert [SetProperty("one", name, True).label for name in ("visible", "locked")] == ["Show layer", "Lock layer"]


def reference_over(below: Samples, colour: tuple[int, ...], cover: Samples) -> Samples:
    source = cover[..., 0] / 255 * colour[3] / 255
    under = below[..., 3] / 255 * (1 - source)
    alpha = source + under
    mixed = np.array(colour[:3]) * source[..., None] + below[..., :3] * under[..., None]
    result = np.dstack([mixed / np.maximum(alpha, 1e-9)[..., None], alpha * 255])
    return np.rint(result).astype(np.uint8)


@pytest.mark.parametrize("id", ["below", "one", "top"])
@pytest.mark.parametrize("colour", [(10, 200, 30, 255), (250, 0, 9, 100)])
def test_fill_follows_the_selection(id: str, colour: tuple[int, int, int, int]) -> None:
    before = selected(example())
    after = Fill(id, colour).apply(before)
    assert before.selection is not None
    cover = before.selection.read(before.rect)
    expected = reference_over(shown(before, id), colour, cover)
    got = shown(after, id)
    assert np.abs(got[..., 3].astype(int) - expected[..., 3]).max() <= 1
    visible = got[..., 3] > 30  # colours of nearly invisible pixels hang on the rounding of the alpha
    assert np.abs(got.astype(int) - expected)[visible].max() <= 6
    assert np.array_equal(got[cover[..., 0] == 0], shown(before, id)[cover[..., 0] == 0])


def test_fill_without_a_selection_covers_the_page_only() -> None:
    after = Fill("one", (1, 2, 3, 255)).apply(example())
    assert (shown(after, "one") == (1, 2, 3, 255)).all()
    x, y = offset_of(after, "one")
    outside = raster(after, "one").plane.read(Rect(-x - 5, -y, 5, H))
    assert np.array_equal(outside, raster(example(), "one").plane.read(Rect(-x - 5, -y, 5, H)))


def test_clear_and_layer_from_selection_share_the_alpha() -> None:
    before = selected(example())
    assert before.selection is not None
    cover = before.selection.read(before.rect)[..., 0].astype(int)
    cleared, copied = ClearSelected("below").apply(before), LayerFromSelection("below").apply(before)
    alpha = shown(before, "below")[..., 3].astype(int)
    left, taken = shown(cleared, "below")[..., 3], shown(copied, copied.active)[..., 3]
    assert np.abs(left - alpha * (255 - cover) / 255).max() <= 0.51
    assert np.abs(taken - alpha * cover / 255).max() <= 0.51
    assert order(copied).index(copied.active) == 1 and shown(copied, "below") is not None
    assert not raster(ClearSelected("below").apply(example()), "below").plane.tiles
    with pytest.raises(ChangeRefused, match="Nothing of “One” is selected"):
        LayerFromSelection("one").apply(replace(example(), selection=TileMap.of(np.full((4, 4), 9, np.uint8), 286, 0)))
    assert raster(LayerFromSelection("one").apply(example()), "one").plane is not None


def test_duplicate_shares_tiles_under_new_ids() -> None:
    result = DuplicateLayer("group").apply(example())
    copy = find(result, result.active)
    assert isinstance(copy, GroupLayer) and copy.name == "Group copy" and len(set(order(result))) == 8
    child = copy.children[0]
    assert isinstance(child, RasterLayer) and child.plane.tiles[0, 0] is raster(result, "one").plane.tiles[0, 0]


def test_a_mask_from_the_selection_shows_it_and_apply_keeps_the_look() -> None:
    before = selected(example())
    assert before.selection is not None
    masked = MaskFromSelection("one").apply(before)
    mask = raster(masked, "one").mask
    x, y = offset_of(masked, "one")
    assert mask is not None
    assert np.array_equal(mask.plane.read(before.rect.moved(-x, -y)), before.selection.read(before.rect))
    everything = raster(MaskFromSelection("one").apply(example()), "one").mask
    assert everything is not None and everything.plane.blank == 255 and not everything.plane.tiles
    applied = ApplyMask("one").apply(example())
    assert raster(applied, "one").mask is None
    assert unlike(composite(applied, applied.rect), composite(example(), example().rect)) <= 2


@pytest.mark.parametrize("how", [Rotate(1), Rotate(2), Rotate(3), Flip("horizontal"), Flip("vertical")])
def test_turning_turns_every_pixel_exactly(how: Rotate | Flip) -> None:
    before = selected(example())
    after = how.apply(before)
    if isinstance(how, Rotate):
        expected = np.rot90(composite(before, before.rect), -how.turns)
    else:
        expected = np.flip(composite(before, before.rect), 1 if how.direction == "horizontal" else 0)
    assert (after.height, after.width) == expected.shape[:2]
    assert np.array_equal(composite(after, after.rect), expected)
    assert before.selection is not None and after.selection is not None
    back = how if isinstance(how, Flip) else Rotate(4 - how.turns)
    again = back.apply(after)
    assert again.selection is not None
    assert np.array_equal(again.selection.read(again.rect), before.selection.read(before.rect))
    assert all(np.array_equal(shown(again, id), shown(before, id)) for id in ("below", "one", "two", "top"))


def test_crop_and_canvas_size_move_everything_and_lose_nothing() -> None:
    before = selected(example())
    rect = Rect(100, 60, 150, 140)
    after = Crop(rect).apply(before)
    assert np.array_equal(composite(after, after.rect), composite(before, before.rect)[rect.slices])
    assert after.selection is not None and before.selection is not None
    assert np.array_equal(after.selection.read(after.rect), before.selection.read(rect))
    back = CanvasSize(W, H, 100, 60).apply(after)
    assert np.array_equal(composite(back, back.rect), composite(before, before.rect))
    assert Crop(before.rect).apply(before) is before
    assert Crop(Rect(0, 0, 20, 20)).apply(before).selection is None


@given(width=st.integers(1, 700), height=st.integers(1, 700))
@settings(max_examples=12, deadline=None)
def test_resizing_keeps_flat_colours_and_places(width: int, height: int) -> None:
    flat = np.full((H, W, 4), (50, 100, 150, 255), np.uint8)
    page = RasterLayer(name="Page", id="page", plane=TileMap.of(flat, -7, 5), x=7, y=-5)
    far = RasterLayer(name="Far", id="far", plane=TileMap.of(flat[:40, :40]), x=-W - 20, y=H - 20)
    group = GroupLayer(name="G", id="g", children=(page, far), x=0, y=0)
    after = ResizeDocument(width, height).apply(Document(W, H, (group,), "page"))
    assert (after.width, after.height) == (width, height)
    assert (shown(after, "page") == (50, 100, 150, 255)).all()


def test_resizing_to_half_averages() -> None:
    pixels = noise(5, 200, 300, 4)
    pixels[..., 3] = 255
    mask = Mask(TileMap.of(noise(6, 200, 300), -10, -20))
    layer = RasterLayer(name="L", id="l", plane=TileMap.of(pixels, -10, -20), x=10, y=20, mask=mask)
    before = Document(300, 200, (layer,), "l", TileMap.of(noise(7, 200, 300)))
    after = ResizeDocument(150, 100).apply(before)
    blocks = pixels.reshape(100, 2, 150, 2, 4).mean(axis=(1, 3))
    assert np.abs(shown(after, "l") - blocks).max() <= 0.51
    assert after.selection is not None and before.selection is not None
    half = before.selection.read(before.rect).reshape(100, 2, 150, 2).mean(axis=(1, 3))
    assert np.abs(after.selection.read(after.rect)[..., 0] - half).max() <= 0.51
    assert ResizeDocument(300, 200).apply(before) is before


def test_no_dark_fringe_when_resizing() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, 33:] = (255, 255, 255, 255)
    layer = RasterLayer(name="L", id="l", plane=TileMap.of(pixels))
    after = shown(ResizeDocument(21, 21).apply(Document(64, 64, (layer,))), "l")
    assert (after[after[..., 3] > 0][:, :3] >= 254).all()


@pytest.mark.parametrize("blend", ["normal", "multiply"])
def test_merging_down_keeps_the_look(blend: str) -> None:
    before = with_layer(example(), "two", lambda layer: replace(layer, blend=blend, opacity=0.6))
    before = with_layer(before, "below", lambda layer: replace(layer, visible=False))
    after = MergeDown("two").apply(before)
    assert order(after) == ["below", "group", "one", "top"] and after.active == "one"
    assert unlike(composite(after, after.rect), composite(before, before.rect)) <= 2
    x, y = offset_of(after, "one")
    assert raster(after, "one").plane.read(Rect(-x + 20, -y - 5, 60, 5)).any()  # beyond the page
    with pytest.raises(ChangeRefused, match="hidden"):
        MergeDown("group").apply(before)
    assert order(MergeDown("group").apply(example())) == ["below", "top"]


def test_flattening_keeps_the_look() -> None:
    before = example()
    after = FlattenImage().apply(before)
    assert len(after.layers) == 1 and after.active == after.layers[0].id
    assert unlike(composite(after, after.rect), composite(before, before.rect)) <= 1
    with pytest.raises(ChangeRefused):
        FlattenImage().apply(Document(5, 5))


def test_the_small_ones() -> None:
    before = example()
    assert MoveBy("one", 0, 0).apply(before) is before and MoveBy("one", 1, 2, merging=True).merge_key
    assert offset_of(MoveBy("one", 3, -4).apply(before), "one") == (23, -9)
    assert SetMask("one", None).apply(before).layers and raster(SetMask("one", None).apply(before), "one").mask is None
    assert SetSelection(None).apply(before) is before and PaintTiles("one", {}).apply(before) is before
    assert Replace(before, "x").apply(Document(1, 1)) is before
    painted = PaintTiles("one", {(0, 0): None}, target="mask").apply(before)
    mask = raster(painted, "one").mask
    assert mask is not None and not mask.plane.tiles
