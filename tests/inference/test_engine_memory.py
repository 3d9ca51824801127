"""Edits for which the memory does not suffice, on a card that is made up: it runs on the processor and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from inference import engine as engine_module
from inference import memory, memory_model, step_graph
from inference.device_memory import DeviceMemory
from inference.engine import Engine
from inference.errors import EngineMemoryError
from inference.network import Array, Binding, Graph, Held, Loading, Network, Tensor
from inference.package import open_package
from inference.planner import Planner
from inference.provider import Provider
from inference.providers import Chosen
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.types import CancelToken, EditRequest, Event, Notice, Progress, Variant

FULL = EngineMemoryError("There is not enough memory to run unet on cuda.")


@dataclass
class Card:
    """What fits: variants in a batch, pixels in one picture of the autoencoder, and networks at all.

    fails_after: steps that work before one does not, where a batch is too large.
    """

    most: int = 99
    pixels: int = 1 << 30
    loads: bool = True
    fails_after: int = 0
    batches: list[int] = field(default_factory=list[int])
    open: set[int] = field(default_factory=set[int])

    def provider(self) -> Provider:
        return Provider("cuda", "", "", load=self.load, device_memory=True)

    def load(self, provider: Provider, graph: Graph, loading: Loading) -> Network:
        if not self.loads:
            raise FULL
        model = OnnxModel(graph.path, CPU, dimensions=loading.dimensions, data=graph.data)
        self.open.add(id(model))
        return Limited(model, self)


class Limited:
    """A network on that card."""

    def __init__(self, model: OnnxModel, card: Card) -> None:
        self._model, self._card = model, card

    @property
    def path(self) -> Path:
        return self._model.path

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._model.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._model.outputs

    def run(self, feeds: Mapping[str, Array], cancel: CancelToken | None = None) -> list[Array]:
        results = self._model.run(feeds, cancel)
        pictures = [array for array in (*results, *feeds.values()) if array.ndim == 4]
        if any(picture.shape[2] * picture.shape[3] > self._card.pixels for picture in pictures):
            raise FULL
        return results

    def bind(self) -> Binding:
        return LimitedBinding(self._model.bind(), self._card)

    def close(self) -> None:
        self._card.open.discard(id(self._model))
        self._model.close()


class LimitedBinding:
    def __init__(self, binding: Binding, card: Card) -> None:
        self._binding, self._card, self._variants, self._runs = binding, card, 0, 0

    def feed(self, name: str, value: Array | Held) -> None:
        if name == step_graph.LATENT and isinstance(value, np.ndarray):
            self._variants, self._runs = len(value), 0
            self._card.batches.append(len(value))
        self._binding.feed(name, value)

    def run(self, cancel: CancelToken | None = None, last: bool = False) -> dict[str, Held]:
        self._runs += 1
        if self._variants > self._card.most and self._runs > self._card.fails_after:
            raise FULL
        return self._binding.run(cancel, last)


def request_for(**changes: object) -> EditRequest:
    image = np.random.default_rng(5).integers(0, 255, (48, 64, 3), np.uint8)
    dials = {"steps": 3, "text_scale": 2.0, "image_scale": 1.5, "sampler": "euler", "size": 64}
    return EditRequest(**({"image": image, "instruction": "make it red", "seeds": (1, 2, 3)} | dials | changes))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    large = DeviceMemory(24_000_000_000, 24_000_000_000)
    monkeypatch.setattr(engine_module, "Planner", partial(Planner, device=lambda: large))
    monkeypatch.setattr(memory_model, "AT_ONCE", {"cuda": 2})
    return Card()


@pytest.fixture
def engine(card: Card, tiny_package: Path) -> Iterator[Engine]:
    engine = Engine(open_package(tiny_package), Chosen(card.provider()))
    yield engine
    engine.close()
    assert not card.open


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def made(events: list[Event]) -> list[Variant]:
    return [event for event in events if isinstance(event, Variant)]


def run(engine: Engine, **changes: object) -> list[Event]:
    return list(engine.edit(request_for(**changes), CancelToken()))


def test_variants_share_batches_of_one_size_and_are_the_same_alone(card: Card, engine: Engine) -> None:
    together = made(run(engine))
    assert card.batches == [2, 2]
    (alone,) = made(run(engine, seeds=(3,)))
    assert card.batches == [2, 2, 2]
    assert [variant.index for variant in together] == [0, 1, 2]
    assert np.array_equal(alone.image, together[2].image)


def test_a_batch_that_does_not_fit_is_halved_and_every_variant_comes_once(card: Card, engine: Engine) -> None:
    expected = [variant.image for variant in made(run(engine))]
    card.most, card.fails_after = 1, 1
    card.batches.clear()
    events = run(engine, image_scale=1.5, seeds=(1, 2, 3))
    assert notices(events) == ["Out of memory: trying one variant at a time."]
    assert card.batches == [2, 1, 1, 1]
    assert [variant.index for variant in made(events)] == [0, 1, 2]
    for variant, image in zip(made(events), expected, strict=True):
        assert np.abs(variant.image.astype(int) - image).max() <= 1
    assert isinstance(events[0], Progress) and events[0].stage == "load"


def test_what_worked_is_tried_first_the_next_time(card: Card, engine: Engine) -> None:
    card.most = 1
    assert len(notices(run(engine))) == 1
    card.batches.clear()
    assert not notices(run(engine)) and card.batches == [1, 1, 1]


def test_a_picture_too_large_for_the_autoencoder_comes_in_tiles(
    card: Card, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.fallback.TILES", (48, 32))
    card.pixels = 40 * 40
    events = run(engine, seeds=(1,))
    assert notices(events) == [
        "Out of memory: trying the picture in tiles of 48 pixels.",
        "Out of memory: trying the picture in tiles of 32 pixels.",
    ]
    (tiled,) = made(events)
    card.pixels = 1 << 30
    (whole,) = made(run(engine, seeds=(1,), size=60))
    assert tiled.image.shape == whole.image.shape


def test_what_cannot_be_loaded_runs_on_the_processor_which_is_said(card: Card, engine: Engine) -> None:
    card.loads = False
    events = run(engine)
    assert notices(events) == ["Out of memory: trying on the processor, which has more memory but takes longer."]
    assert len(made(events)) == 3
    assert engine.chosen.provider.name == "cpu"
    assert engine.chosen.passed_over == (("cuda", "There was not enough memory for the edit."),)
    card.loads = True
    assert not notices(run(engine, size=48)) and engine.chosen.provider.name == "cuda"


def test_the_processor_is_not_tried_where_it_would_not_fit_either(
    card: Card, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.loads = False
    monkeypatch.setattr(memory, "budget", lambda *_: memory.BASE_BYTES + 10_000_000)
    with pytest.raises(EngineMemoryError, match=r"are free: .* Nothing else helped: on the processor"):
        run(engine, size=512)
    assert engine.chosen.provider.name == "cuda"


def test_when_nothing_helps_the_error_says_what_was_tried(
    card: Card, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.loads = False

    def full(*_: object, **__: object) -> OnnxModel:
        raise EngineMemoryError("There is not enough memory to run unet on cpu.")

    monkeypatch.setattr("inference.session.OnnxModel", full)
    with pytest.raises(EngineMemoryError, match=r"on cpu\. Nothing else helped: on the processor"):
        run(engine)
    monkeypatch.undo()
    card.loads = True
    assert len(made(run(engine))) == 3


def test_nothing_is_loaded_ahead_where_no_edit_would_fit(card: Card, tiny_package: Path) -> None:
    engine = Engine(open_package(tiny_package), Chosen(replace(CPU, load=card.load)), memory_limit=10_000_000)
    engine.prefetch()
    assert not card.open and engine.chosen.provider.name == "cpu"
    engine.close()


def test_a_limit_for_the_whole_edit_is_told_before_anything_is_loaded(card: Card, tiny_package: Path) -> None:
    engine = Engine(open_package(tiny_package), Chosen(replace(CPU, load=card.load)), memory_limit=10_000_000)
    with pytest.raises(EngineMemoryError, match="limit is 10 MB"):
        run(engine)
    assert not card.open
    engine.close()
