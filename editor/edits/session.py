"""What the instruction bar, the dials and the strip of variants show, and nothing else: widgets hold no state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from editor.core.observe import Observed
from editor.edits.savings import EXACT
from editor.edits.settings import EditSettings, ModelFacts, for_model
from editor.edits.values import Message, Running, State, VariantItem

__all__ = ["EditSession", "EditSettings", "Message", "ModelFacts", "Running", "State", "VariantItem"]

SAMPLERS = ("euler", "euler_ancestral", "ddim", "dpmpp_2m", "dpmpp_2m_karras", "lcm")

# Own instructions that are remembered.
_REMEMBERED = 200

# Bytes that the pixels of variants may take before older ones are offered for pruning.
VARIANT_BUDGET = 2 << 30


class EditSession(Observed):
    """One document's edits. `changed` tells of every field.

    count: variants to make. seed: of the first; variant i has seed + i. With seed_locked False a new edit draws one.
    chosen: ids of variants, the first is shown in place. compare: "", "before", "split" or "grid"; split: where the
    line stands, in [0, 1]; grid: 2, 4 or 9; difference: the grid shows maps of what changed.
    again: the edit layer that is edited again, or "". engine: as the state in `EngineStatus`. also: a second model that
    makes the same variants, for comparison. former: the model before this one, and the dials as they stood then.
    """

    def __init__(self, model: ModelFacts | None = None, own_instructions: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.instruction: str = ""
        self.count: int = 4
        self.text_scale: float = 7.5
        self.image_scale: float = 1.5
        self.steps: int = 20
        self.sampler: str = "euler_ancestral"
        self.samplers: tuple[str, ...] = SAMPLERS
        self.seed: int = 0
        self.seed_locked: bool = False
        self.size: int = 512
        self.model: str = ""
        self.full_res: bool = True
        self.guidance_interval: tuple[float, float] = EXACT.interval
        self.reuse: int = EXACT.reuse
        self.facts: ModelFacts | None = None
        self.also: ModelFacts | None = None
        self.former: tuple[ModelFacts, EditSettings] | None = None
        self.variants: tuple[VariantItem, ...] = ()
        self.chosen: tuple[str, ...] = ()
        self.compare: str = ""
        self.split: float = 0.5
        self.grid: int = 4
        self.difference: bool = False
        self.running: Running | None = None
        self.message: Message | None = None
        self.own_instructions: tuple[str, ...] = own_instructions
        self.again: str = ""
        self.engine: str = ""
        self.provider: str = ""
        self.variant_budget: int = VARIANT_BUDGET
        if model is not None:
            self.use(model)

    def use(self, model: ModelFacts) -> None:
        """Work with another model: each dial as it likes it, but for those that were turned (`for_model`)."""
        own, settings = self.facts, self.settings
        self._work_with(model)
        if own is None:
            self.reset()
            return
        self._turn(for_model(settings, own, model))
        if own.name != model.name:
            self.former = own, settings

    def go_back(self, model: ModelFacts) -> None:
        """Work with the former model again, with every dial as it stood; `model` is what is known of it now."""
        own, settings, former = self.facts, self.settings, self.former
        if own is None or former is None or former[0].name != model.name:
            self.use(model)
            return
        self._work_with(model)
        self._turn(former[1])
        self.former = own, settings

    def reset(self) -> None:
        """All dials as the model likes them, and a random seed."""
        if self.facts is not None:
            self.steps, self.sampler, self.size = self.facts.steps, self.facts.sampler, self.facts.size
            self.text_scale, self.image_scale = self.facts.text_scale, self.facts.image_scale
        self.seed_locked, self.full_res = False, True
        self.guidance_interval, self.reuse = EXACT.interval, EXACT.reuse

    @property
    def settings(self) -> EditSettings:
        """The dials as they stand now."""
        return EditSettings(
            self.instruction.strip(),
            self.steps,
            self.text_scale,
            self.image_scale,
            self.sampler,
            self.size,
            self.model,
            self.full_res,
            self.guidance_interval,
            self.reuse,
        )

    def take(self, settings: EditSettings, seed: int | None = None) -> None:
        """Set the dials as `settings` has them; a seed is locked. The model stays."""
        self.instruction = settings.instruction
        self._turn(settings)
        if seed is not None:
            self.seed, self.seed_locked = seed, True

    def _work_with(self, model: ModelFacts) -> None:
        self.facts, self.model = model, model.name
        if self.also is not None and self.also.name == model.name:
            self.also = None

    def _turn(self, settings: EditSettings) -> None:
        self.steps, self.sampler, self.size = settings.steps, settings.sampler, settings.size
        self.text_scale, self.image_scale = settings.text_scale, settings.image_scale
        self.full_res = settings.full_res
        self.guidance_interval, self.reuse = settings.guidance_interval, settings.reuse

    def variant(self, id: str) -> VariantItem | None:
        return next((item for item in self.variants if item.id == id), None)

    @property
    def shown(self) -> VariantItem | None:
        """The finished variant that is shown in place, if one is."""
        item = self.variant(self.chosen[0]) if self.chosen else None
        return item if item is not None and item.done else None

    @property
    def done(self) -> tuple[VariantItem, ...]:
        return tuple(item for item in self.variants if item.done)

    @property
    def picked(self) -> tuple[VariantItem, ...]:
        """The chosen variants that are finished, the one shown in place first."""
        items = (self.variant(id) for id in self.chosen)
        return tuple(item for item in items if item is not None and item.done)

    def choose(self, id: str, *, add: bool = False) -> None:
        """Show a variant in place, or nothing for ""; `add` puts it in front of those chosen, or takes it away."""
        others = tuple(other for other in self.chosen if other != id) if add else ()
        gone = add and id in self.chosen
        self.chosen = others if gone or not id else (id, *others)

    def step_choice(self, by: int) -> None:
        """Choose the finished variant that stands `by` places further, around the ends."""
        ids = [item.id for item in self.done]
        if ids:
            at = ids.index(self.chosen[0]) if self.chosen and self.chosen[0] in ids else (-1 if by > 0 else 0)
            self.chosen = (ids[(at + by) % len(ids)],)

    def change(self, id: str, **values: Any) -> None:
        """Replace fields of one variant; an id that is gone is left alone."""
        item = self.variant(id)
        if item is not None:
            changed = replace(item, **values)
            self.variants = tuple(changed if other is item else other for other in self.variants)

    def discard(self, *ids: str) -> None:
        """Take variants out of the strip; where the shown one goes, its neighbour is shown."""
        left = tuple(item for item in self.variants if item.id not in ids)
        shown_goes = bool(self.chosen) and self.chosen[0] in ids
        at = next((i for i, item in enumerate(self.variants) if self.chosen and item.id == self.chosen[0]), 0)
        self.variants = left
        self.chosen = tuple(id for id in self.chosen if id not in ids)
        if shown_goes and not self.chosen:
            done = [item.id for item in left if item.done]
            self.chosen = (done[min(at, len(done) - 1)],) if done else ()
        if not left:
            self.compare = ""

    def remember(self, instruction: str) -> None:
        """Put an instruction in front of the own ones, each once."""
        if instruction:
            others = tuple(own for own in self.own_instructions if own != instruction)
            self.own_instructions = (instruction, *others)[:_REMEMBERED]

    @property
    def variant_bytes(self) -> int:
        return sum(item.bytes for item in self.variants)

    @property
    def prunable(self) -> tuple[VariantItem, ...]:
        """The oldest variants that have to go for the others to fit into `variant_budget`; chosen ones never."""
        over = self.variant_bytes - self.variant_budget
        result: list[VariantItem] = []
        for item in self.variants:
            if over > 0 and item.id not in self.chosen and item.state not in ("waiting", "running"):
                result.append(item)
                over -= item.bytes
        return tuple(result)
