"""Finding and changing layers in the tree; every document stays as it was."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from editor.core.document import (
    Document,
    find,
    inserted,
    offset_of,
    parent_of,
    siblings,
    walk,
    with_layer,
    with_siblings,
)
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, RasterLayer, new_id


def raster(id: str) -> RasterLayer:
    return RasterLayer(name=id, id=id, x=1, y=2)


INNER = GroupLayer(name="inner", id="inner", children=(raster("b"), raster("c")), x=10, y=20)
OUTER = GroupLayer(name="outer", id="outer", children=(INNER, raster("d")), x=100, y=200)
PAGE = Document(30, 20, (raster("a"), OUTER, raster("e")), active="c")


def ids(document: Document) -> list[str]:
    return [layer.id for layer in walk(document)]


def test_the_walk_goes_from_the_lowest_up_and_groups_come_first() -> None:
    assert ids(PAGE) == ["a", "outer", "inner", "b", "c", "d", "e"]


def test_finding() -> None:
    assert find(PAGE, "b") is INNER.children[0]
    assert find(PAGE, "unknown") is None
    assert PAGE.active_layer is INNER.children[1]
    assert replace(PAGE, active="").active_layer is None
    assert parent_of(PAGE, "b") is INNER
    assert parent_of(PAGE, "inner") is OUTER
    assert parent_of(PAGE, "a") is None
    assert parent_of(PAGE, "unknown") is None
    assert siblings(PAGE, "") is PAGE.layers
    assert siblings(PAGE, "inner") is INNER.children
    assert PAGE.rect == Rect(0, 0, 30, 20)


def test_offsets_add_up() -> None:
    assert offset_of(PAGE, "a") == (1, 2)
    assert offset_of(PAGE, "c") == (111, 222)
    assert offset_of(PAGE, "outer") == (100, 200)


@pytest.mark.parametrize("id", ["a", "outer", "inner", "c", "e"])
def test_changing_one_shares_all_others(id: str) -> None:
    after = with_layer(PAGE, id, lambda layer: replace(layer, name="new"))
    found = find(after, id)
    assert found is not None
    assert found.name == "new"
    assert ids(after) == ids(PAGE)
    parents = {"outer"} if id == "inner" else {"outer", "inner"} if id == "c" else set()
    for layer in walk(PAGE):
        assert (find(after, layer.id) is layer) == (layer.id not in {id, *parents})
    assert find(PAGE, id).name == id


def test_removing_takes_the_children_along() -> None:
    assert ids(with_layer(PAGE, "inner", lambda _: None)) == ["a", "outer", "d", "e"]


@pytest.mark.parametrize(
    ("parent", "index", "expected"),
    [
        ("", None, ["a", "outer", "inner", "b", "c", "d", "e", "new"]),
        ("", 0, ["new", "a", "outer", "inner", "b", "c", "d", "e"]),
        ("inner", 1, ["a", "outer", "inner", "b", "new", "c", "d", "e"]),
        ("outer", None, ["a", "outer", "inner", "b", "c", "d", "new", "e"]),
    ],
)
def test_inserting(parent: str, index: int | None, expected: list[str]) -> None:
    assert ids(inserted(PAGE, raster("new"), parent, index)) == expected


def test_other_siblings() -> None:
    assert ids(with_siblings(PAGE, "inner", ())) == ["a", "outer", "inner", "d", "e"]
    assert ids(with_siblings(PAGE, "", (raster("x"),))) == ["x"]


def _same(layer: Layer) -> Layer:
    return layer


def test_an_unknown_layer_is_a_key_error() -> None:
    for call in (
        lambda: with_layer(PAGE, "unknown", _same),
        lambda: siblings(PAGE, "a"),
        lambda: inserted(PAGE, raster("new"), "unknown"),
        lambda: offset_of(PAGE, "unknown"),
    ):
        with pytest.raises(KeyError):
            call()


def test_a_document_cannot_be_changed_and_names_are_new() -> None:
    with pytest.raises(FrozenInstanceError):
        PAGE.width = 3
    with pytest.raises(FrozenInstanceError):
        INNER.name = "x"
    assert new_id() != new_id()
    assert RasterLayer(name="x").id != RasterLayer(name="x").id
