"""What a run is to make: which variants, of which pixels, with which dials, and in which order of work."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from editor.core.document import Document
from editor.edits.background import Progress
from editor.edits.recipe import Recipe, mask_hash
from editor.edits.region import Cut, Region, cut, request_of
from editor.edits.settings import EditSettings, ModelFacts
from editor.edits.values import VariantItem
from inference.errors import EngineError
from inference.types import EditRequest

FindFacts = Callable[[str], ModelFacts]
"""What is known of a model by its name; raises EngineError for one that is not there. From any thread."""


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a run needs, taken on the thread of the window.

    wanted: dials and seed of each variant, in the order of the strip. above, near: as in VariantItem. beside: the
    variant that is chosen together with the first result, so that both are compared; "" for none.
    """

    source: Document
    region: Region
    wanted: tuple[tuple[EditSettings, int], ...]
    above: str = ""
    near: tuple[int, int] | None = None
    beside: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(settings.model for settings, _ in self.wanted))


@dataclass(frozen=True)
class Leg:
    """The part of a run that one model does in one go. places: in the plan's order, one for each seed."""

    settings: EditSettings
    places: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """The source as it was cut, its hash and that of the mask, what each leg asks for, and the models by name."""

    source: Cut
    hashes: tuple[str, str]
    requests: tuple[EditRequest, ...]
    facts: dict[str, ModelFacts]

    def recipe(self, settings: EditSettings, seed: int, provider: str) -> Recipe:
        known = self.facts.get(settings.model)
        return Recipe(
            **vars(settings),
            seed=seed,
            region=self.source.region.rect,
            mask=self.hashes[1],
            source=self.hashes[0],
            model_sha256="" if known is None else known.sha256,
            precision="" if known is None else known.precision,
            provider=provider,
            library="" if known is None else known.library,
        )


def legs(plan: Plan, loaded: str = "") -> tuple[Leg, ...]:
    """One for each model, since the engine holds one at a time: first the one that is `loaded`, then as in the plan."""
    groups: dict[EditSettings, list[int]] = {}
    for place, (settings, _) in enumerate(plan.wanted):
        groups.setdefault(settings, []).append(place)
    ordered = sorted(groups.items(), key=lambda group: group[0].model != loaded)
    return tuple(
        Leg(settings, tuple(places), tuple(plan.wanted[place][1] for place in places)) for settings, places in ordered
    )


def items(plan: Plan, run: int) -> Iterator[VariantItem]:
    """The variants of the plan as they wait in the strip."""
    for index, (settings, seed) in enumerate(plan.wanted):
        yield VariantItem(
            uuid.uuid4().hex,
            index,
            seed,
            settings,
            plan.region,
            plan.source,
            above=plan.above,
            run=run,
            near=plan.near,
        )


def prepared(
    plan: Plan, legs: tuple[Leg, ...], known: dict[str, ModelFacts], find: FindFacts | None, progress: Progress
) -> Prepared:
    """Draws and hashes the source, and looks the models up. known: what is known already. Takes a while."""
    source = cut(plan.source, plan.region)
    progress(0.5)
    first = request_of(source, legs[0].settings, legs[0].seeds)
    others = (replace(first, **asdict(leg.settings), seeds=leg.seeds) for leg in legs[1:])
    hashes = source.sha256, mask_hash(plan.region)
    return Prepared(source, hashes, (first, *others), {**known, **_looked_up(plan.models, find)})


def _looked_up(models: tuple[str, ...], find: FindFacts | None) -> dict[str, ModelFacts]:
    found: dict[str, ModelFacts] = {}
    if find is None:
        return found
    for model in models:
        try:
            found[model] = find(model)
        except EngineError:  # the engine says so when it is its turn
            continue
    return found
