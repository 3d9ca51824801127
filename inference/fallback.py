"""When the memory runs out during an edit: what is tried instead, one thing after the other, each said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from inference.errors import EngineMemoryError
from inference.memory_model import RunPlan
from inference.types import Event, Notice, Progress, Variant

Attempt = Callable[[RunPlan, tuple[int, ...]], Iterator[Event]]

LAST = "cpu"
"""The provider that is left when the memory of another does not suffice."""

TILES = (512, 256)
"""Sides in pixels of the tiles that are tried: each attempt costs time."""

# Where the autoencoder gives its memory back after each run, its tiles leave no more for the steps.
_GIVING_BACK = frozenset({"cpu", "openvino"})

_INSTEAD: Mapping[str, str] = {"openvino": "without OpenVINO, which takes longer"}
_COUNTS = {1: "one variant", 2: "two variants", 3: "three variants"}


@dataclass(frozen=True)
class Step:
    """What to do next. said: it, as the end of "Out of memory: trying ..."."""

    plan: RunPlan
    said: str


def next_step(plan: RunPlan, longest: int, stage: str) -> Step | None:
    """A plan that takes less; None where there is none.

    It is half the variants at once, then tiles, then smaller tiles, then the processor: tiles before anything else
    where the autoencoder was at work ("encode", "apply"), and the processor at once where not even the networks could
    be loaded ("load"). longest: the longer side in pixels of what the model sees, tiles are smaller than that.
    stage: of `Progress`.
    """
    fewer, tiled = _fewer(plan), _tiled(plan, longest)
    steps = (fewer,) if plan.provider in _GIVING_BACK else (fewer, tiled)
    order = {"load": (), "encode": (tiled, fewer), "apply": (tiled, fewer)}.get(stage, steps)
    elsewhere = Step(RunPlan(LAST), instead_of(plan.provider)) if plan.provider != LAST else None
    return next((step for step in (*order, elsewhere) if step is not None), None)


def instead_of(provider: str) -> str:
    """How `LAST` runs an edit for which `provider` has too little memory."""
    return _INSTEAD.get(provider, "on the processor, which has more memory but takes longer")


def _fewer(plan: RunPlan) -> Step | None:
    count = plan.variants_at_once // 2
    said = f"{_COUNTS.get(count, f'{count} variants')} at a time"
    return Step(replace(plan, variants_at_once=count), said) if count else None


def _tiled(plan: RunPlan, longest: int) -> Step | None:
    side = next((side for side in TILES if side < min(plan.vae_tile or longest, longest)), None)
    return Step(replace(plan, vae_tile=side), f"the picture in tiles of {side} pixels") if side else None


@dataclass
class Attempts:
    """The plans of one edit, from the first to the one that works.

    longest: as for `next_step`. said: what was tried instead of the first plan, in order.
    """

    plan: RunPlan
    longest: int
    said: list[str] = field(default_factory=list[str])

    def run(self, count: int, attempt: Attempt, start_again: Callable[[], None]) -> Iterator[Event]:
        """The events of `attempt(plan, indices)`, which makes the variants of those indices, of `count` in all.

        Where it runs out of memory, a `Notice` follows, `start_again` is called, and the next attempt makes the
        variants that are missing. Raises `EngineMemoryError` with what was tried when nothing is left; all else as it
        comes.
        """
        missing, stage = list(range(count)), "load"
        while missing:
            failure: EngineMemoryError | None = None
            try:
                for event in attempt(self.plan, tuple(missing)):
                    if isinstance(event, Progress):
                        stage = event.stage
                    elif isinstance(event, Variant):
                        missing.remove(event.index)
                    yield event
                return
            except (EngineMemoryError, MemoryError) as error:
                failure = in_words(error)
            notice = self._next(failure, stage)
            failure = None  # its traceback holds what the attempt held
            yield notice
            start_again()
            stage = "load"

    def _next(self, failure: EngineMemoryError, stage: str) -> Notice:
        step = next_step(self.plan, self.longest, stage)
        if step is None:
            tried = f" Nothing else helped: {', then '.join(self.said)}." if self.said else ""
            raise EngineMemoryError(f"{failure}{tried}")
        self.plan = step.plan
        self.said.append(step.said)
        return Notice(f"Out of memory: trying {step.said}.")


def in_words(error: EngineMemoryError | MemoryError) -> EngineMemoryError:
    """Whoever noticed it."""
    if isinstance(error, EngineMemoryError):
        return error
    return EngineMemoryError("The memory ran out during the edit: close other programs or use a smaller picture.")
