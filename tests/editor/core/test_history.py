"""The history against a naive one: full arrays and a list of all past states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from editor.core.changes import (
    AddLayer,
    Change,
    ClearSelected,
    DuplicateLayer,
    Fill,
    PaintTiles,
    RemoveLayers,
    Replace,
    SetProperty,
    SetSelection,
)
from editor.core.document import Document, find, walk
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.history_step import tiles_of
from editor.core.layer import GroupLayer, RasterLayer
from editor.core.tiles import Samples, TileMap

WIDTH, HEIGHT = 300, 270  # two tiles each way


def noise(seed: int, shape: tuple[int, ...]) -> Samples:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def document(seed: int = 0) -> Document:
    layer = RasterLayer(name="Photo", id="photo", plane=TileMap.of(noise(seed, (HEIGHT, WIDTH, 4))))
    return Document(WIDTH, HEIGHT, (layer,), "photo")


def stroke(document: Document, id: str, rect: Rect, seed: int, merge_key: str = "") -> PaintTiles:
    layer = find(document, id)
    assert isinstance(layer, RasterLayer)
    plane = layer.plane.with_pixels(noise(seed, (rect.height, rect.width, 4)), rect.x, rect.y)
    changed = {key: tile for key, tile in plane.tiles.items() if layer.plane.tiles.get(key) is not tile}
    return PaintTiles(id, changed, "Stroke", merge_key=merge_key)


@dataclass(frozen=True)
class State:
    """All that a document shows, as full arrays."""

    structure: tuple[object, ...]
    pixels: tuple[Samples, ...]

    @classmethod
    def of(cls, document: Document) -> State:
        page = document.rect
        structure: list[object] = [document.width, document.height, document.active]
        pixels: list[Samples] = []
        if document.selection is not None:
            pixels.append(document.selection.read(page))
        for layer in walk(document):
            structure += [layer.id, layer.name, layer.opacity, layer.x, layer.y, layer.visible, layer.blend]
            if isinstance(layer, RasterLayer):
                pixels.append(layer.plane.read(page))
        return cls(tuple(structure), tuple(pixels))

    def same(self, other: State) -> bool:
        return self.structure == other.structure and all(
            np.array_equal(one, two) for one, two in zip(self.pixels, other.pixels, strict=True)
        )


class Machine(RuleBasedStateMachine):
    """Random changes and moves; `states` remembers every step that was ever shown, `parents` the tree."""

    budget = 1 << 30

    @initialize()
    def begin(self) -> None:
        self.history = History(document(), budget=self.budget)
        self.states = {0: State.of(self.history.document)}
        self.parents: dict[int, int] = {}
        self.seed = 0

    def do(self, change: Change) -> None:
        before = self.history.current.id
        try:
            self.history.do(change)
        except ChangeRefused:
            assert self.history.current.id == before
            return
        now = self.history.current
        if now.id != before:
            if before not in {step.id for step in self.history.steps()}:  # merged
                del self.states[before]
                before = self.parents.pop(before)
            self.parents[now.id] = before
            self.states[now.id] = State.of(now.document)

    def any_layer(self, index: int) -> str:
        layers = [layer.id for layer in walk(self.history.document)]
        return layers[index % len(layers)] if layers else "none"

    @rule(index=st.integers(0, 9), x=st.integers(0, 280), y=st.integers(0, 250), side=st.integers(1, 90))
    def paint(self, index: int, x: int, y: int, side: int) -> None:
        layer = find(self.history.document, self.any_layer(index))
        if isinstance(layer, RasterLayer):
            self.seed += 1
            self.do(stroke(self.history.document, layer.id, Rect(x, y, side, side // 2 + 1), self.seed))

    @rule(index=st.integers(0, 9), value=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    def opacity(self, index: int, value: float) -> None:
        self.do(SetProperty(self.any_layer(index), "opacity", value))

    @rule(group=st.booleans())
    def add(self, group: bool) -> None:
        self.do(AddLayer(GroupLayer(name="G") if group else RasterLayer(name="L")))

    @rule(index=st.integers(0, 9))
    def duplicate(self, index: int) -> None:
        self.do(DuplicateLayer(self.any_layer(index)))

    @rule(index=st.integers(0, 9))
    def remove(self, index: int) -> None:
        self.do(RemoveLayers((self.any_layer(index),)))

    @rule(x=st.integers(0, 200), y=st.integers(0, 200))
    def select(self, x: int, y: int) -> None:
        self.do(SetSelection(TileMap.of(np.full((60, 70), 200, np.uint8), x, y)))

    @rule(index=st.integers(0, 9), red=st.integers(0, 255))
    def fill(self, index: int, red: int) -> None:
        self.do(Fill(self.any_layer(index), (red, 20, 30, 255)))

    @rule(index=st.integers(0, 9))
    def clear(self, index: int) -> None:
        self.do(ClearSelected(self.any_layer(index)))

    @rule(index=st.integers(0, 99))
    def bring_back(self, index: int) -> None:
        steps = list(self.history.steps())
        self.do(Replace(steps[index % len(steps)].document, "Bring back"))

    @rule()
    def undo(self) -> None:
        expected = self.parents.get(self.history.current.id, self.history.current.id)
        self.history.undo()
        assert self.history.current.id == expected

    @rule()
    def redo_returns(self) -> None:
        here = self.history.current.id
        if self.history.can_undo:
            self.history.undo()
            self.history.redo()
            assert self.history.current.id == here

    @rule()
    def redo(self) -> None:
        here = self.history.current.id
        self.history.redo()
        now = self.history.current.id
        assert self.parents[now] == here if here in self.parents.values() else now == here

    @rule(index=st.integers(0, 99))
    def go(self, index: int) -> None:
        steps = [step.id for step in self.history.steps()]
        self.history.go(steps[index % len(steps)])
        assert self.history.current.id == steps[index % len(steps)]

    @rule()
    def look(self) -> None:
        active = next((layer.id for layer in walk(self.history.document)), "")
        self.history.look(replace(self.history.document, active=active))
        self.states[self.history.current.id] = State.of(self.history.document)

    @rule()
    def seal(self) -> None:
        self.history.seal()

    @precondition(lambda self: self.budget < 1 << 30)
    @rule()
    def settle(self) -> None:
        self.history.settle()

    @invariant()
    def shows_the_same(self) -> None:
        assert State.of(self.history.document).same(self.states[self.history.current.id])

    def teardown(self) -> None:
        if not hasattr(self, "history"):
            return
        assert {step.id for step in self.history.steps()} == set(self.states)
        for step in self.history.steps():
            assert (step.parent.id if step.parent else None) == self.parents.get(step.id)
            assert State.of(step.document).same(self.states[step.id]), step.id
        self.history.settle()
        counted(self.history)
        self.history.close()


class TinyMachine(Machine):
    budget = 300_000  # about one tile


def counted(history: History) -> None:
    """The memory that the history reports is that of the tiles."""
    tiles = {id(tile): tile for step in history.steps() for tile in tiles_of(step.document)}
    entries = history._memory._entries
    resident = sum(entries[key].size for key, tile in tiles.items() if tile.resident)
    packed = sum(
        entry.packed.length
        for key in tiles
        if not (entry := entries[key]).tile.resident and entry.packed and not entry.packed.spilled
    )
    assert history.bytes_used >= resident + packed
    assert history.bytes_used - resident - packed <= sum(
        entry.size for key, entry in entries.items() if key not in tiles
    )


QUICK = settings(max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
TestAgainstModel = Machine.TestCase
TestAgainstModel.settings = QUICK
TestTinyBudgetAgainstModel = TinyMachine.TestCase
TestTinyBudgetAgainstModel.settings = QUICK
