"""What is tried when the memory runs out, on edits that are made up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import Cancelled, EngineMemoryError
from inference.fallback import Attempts, next_step
from inference.memory_model import RunPlan
from inference.types import Event, Notice, Progress, Variant

PIXEL = np.zeros((1, 1, 3), np.uint8)
FULL = EngineMemoryError("There is not enough memory.")


def variant(index: int) -> Variant:
    return Variant(index, index, PIXEL, 0.0, 0.0, 0)


class Machine:
    """Runs out of memory in a stage where a plan is larger than `fits` says; remembers what it was asked."""

    def __init__(self, most: int = 9, tile: int | None = None, providers: str = "cuda cpu") -> None:
        self.most, self.tile, self.providers = most, tile, providers.split()
        self.asked: list[tuple[RunPlan, tuple[int, ...]]] = []
        self.cleared = 0

    def attempt(self, plan: RunPlan, indices: tuple[int, ...]) -> Iterator[Event]:
        self.asked.append((plan, indices))
        yield Progress(indices[0], "load", 0, 4)
        if plan.provider not in self.providers:
            raise FULL
        yield Progress(indices[0], "encode", 0, 4)
        if self.tile is not None and (plan.vae_tile or 9999) > self.tile:
            raise FULL
        for start in range(0, len(indices), plan.variants_at_once):
            yield Progress(indices[start], "denoise", 0, 4)
            if plan.variants_at_once > self.most:
                raise FULL
            yield from (variant(index) for index in indices[start : start + plan.variants_at_once])

    def clear(self) -> None:
        self.cleared += 1

    def run(self, plan: RunPlan, count: int) -> tuple[list[Event], Attempts]:
        attempts = Attempts(plan, 768)
        return list(attempts.run(count, self.attempt, self.clear)), attempts


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def made(events: list[Event]) -> list[int]:
    return [event.index for event in events if isinstance(event, Variant)]


def test_what_fits_is_run_once() -> None:
    machine = Machine()
    events, attempts = machine.run(RunPlan("cuda", 2), 5)
    assert made(events) == [0, 1, 2, 3, 4] and not notices(events)
    assert len(machine.asked) == 1 and machine.cleared == 0 and not attempts.said


def test_a_smaller_batch_comes_first() -> None:
    machine = Machine(most=1)
    events, attempts = machine.run(RunPlan("cuda", 4), 3)
    assert made(events) == [0, 1, 2]
    assert notices(events) == [
        "Out of memory: trying two variants at a time.",
        "Out of memory: trying one variant at a time.",
    ]
    assert attempts.plan == RunPlan("cuda", 1) and machine.cleared == 2


def test_where_the_autoencoder_was_at_work_tiles_come_first() -> None:
    machine = Machine(tile=300)
    events, attempts = machine.run(RunPlan("cuda", 2), 2)
    assert made(events) == [0, 1]
    assert attempts.plan == RunPlan("cuda", 2, 256)
    assert attempts.said == ["the picture in tiles of 512 pixels", "the picture in tiles of 256 pixels"]


def test_what_cannot_even_be_loaded_goes_to_the_processor_at_once() -> None:
    machine = Machine(providers="cpu")
    events, attempts = machine.run(RunPlan("cuda", 2), 2)
    assert attempts.plan == RunPlan("cpu") and made(events) == [0, 1]
    assert notices(events) == ["Out of memory: trying on the processor, which has more memory but takes longer."]


def test_finished_variants_are_kept_and_only_the_missing_ones_made() -> None:
    asked: list[tuple[int, ...]] = []

    def attempt(plan: RunPlan, indices: tuple[int, ...]) -> Iterator[Event]:
        asked.append(indices)
        yield Progress(indices[0], "denoise", 0, 4)
        for index in indices:
            if index == 2 and plan.provider == "cuda":
                raise MemoryError
            yield variant(index)

    events = list(Attempts(RunPlan("cuda", 1, 256), 512).run(4, attempt, lambda: None))
    assert asked == [(0, 1, 2, 3), (2, 3)]
    assert made(events) == [0, 1, 2, 3] and len(notices(events)) == 1


def test_when_nothing_is_left_the_sentence_names_what_was_tried() -> None:
    machine = Machine(most=0)
    attempts = Attempts(RunPlan("cuda", 2), 768)
    with pytest.raises(EngineMemoryError) as caught:
        list(attempts.run(1, machine.attempt, machine.clear))
    text = str(caught.value)
    assert text.startswith(
        "There is not enough memory. Nothing else helped: one variant at a time, then the picture in"
    )
    assert "256 pixels, then on the processor" in text and text.endswith(".")


def test_without_anything_to_try_the_error_stands_alone() -> None:
    machine = Machine(most=0)
    with pytest.raises(EngineMemoryError, match=r"^There is not enough memory\.$"):
        list(Attempts(RunPlan("cpu", 1, 256), 512).run(1, machine.attempt, machine.clear))


def test_a_cancel_is_no_lack_of_memory() -> None:
    def attempt(plan: RunPlan, indices: tuple[int, ...]) -> Iterator[Event]:
        yield Progress(0, "load", 0, 4)
        raise Cancelled

    with pytest.raises(Cancelled):
        list(Attempts(RunPlan("cuda", 2), 768).run(1, attempt, lambda: pytest.fail("it was tried again")))


def test_tiles_do_not_help_a_step_on_the_processor() -> None:
    assert next_step(RunPlan("cpu"), 768, "denoise") is None
    assert next_step(RunPlan("cpu"), 768, "apply") is not None
    step = next_step(RunPlan("cuda"), 768, "denoise")
    assert step is not None and step.plan.vae_tile == 512


def test_openvino_goes_to_the_runtimes_own_processor_provider() -> None:
    step = next_step(RunPlan("openvino"), 768, "load")
    assert step is not None and step.plan == RunPlan("cpu") and "without OpenVINO" in step.said


@given(
    plan=st.builds(
        RunPlan, st.sampled_from(["cuda", "cpu"]), st.integers(1, 9), st.sampled_from([None, 1024, 512, 256])
    ),
    longest=st.integers(64, 2048),
    stage=st.sampled_from(["load", "encode", "denoise", "apply"]),
)
def test_every_way_down_ends(plan: RunPlan, longest: int, stage: str) -> None:
    seen = {plan}
    while (step := next_step(plan, longest, stage)) is not None:
        assert step.plan.vae_tile in (None, plan.vae_tile) or step.plan.vae_tile < longest
        plan = step.plan
        assert plan not in seen and len(seen) < 12
        seen.add(plan)
    assert plan.provider == "cpu"
