"""What a training tells while it works, gathered into what is shown of it, a few times a second. Without Qt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from editor.jobs import loose, training
from editor.jobs.trainer_state import TrainerState
from editor.jobs.training_runs import samples_of
from editor.jobs.training_stages import in_words

Change = Callable[[TrainerState], TrainerState]
INTERVAL = 0.1
"""Seconds between two tellings of progress."""
PAUSING = "Pausing after this step"


class Follower:
    """Hears the events of one process, in the thread that reads them. tell: takes what is to be done to the state.

    state: as it was when the process began. end: its last event, "done" or "stopped"; "" until then.
    """

    def __init__(self, tell: Callable[[Change], object], state: TrainerState) -> None:
        self._tell = tell
        self._seen: TrainerState = state
        self._folder = state.folder or Path()
        self.end = ""
        self._losses = dict(state.losses)
        self._stage, self._told, self._fresh = "", 0.0, False

    def hear(self, event: training.Message) -> None:
        seen, kind = self._seen, loose.text(event, "event")
        stage = loose.text(event, "stage") or "training"
        match kind:
            case "step":
                self._step(event)
            case "stage":
                share = loose.number(event, "fraction")
                self._seen = replace(seen, stage=in_words(stage), fraction=share, seconds_left=None)
            case "samples":
                samples = samples_of(event, self._folder)
                self._seen = replace(seen, samples=samples, sample_step=loose.whole(event, "step"))
            case "checkpoint":
                self._seen = replace(seen, saved=True)
            case "note":
                self._seen = replace(seen, note=loose.text(event, "text"))
            case "paused":
                self._seen = replace(seen, phase="paused", stage=in_words(kind))
            case "resumed":
                self._seen = replace(seen, phase="running", stage=in_words(kind))
            case "done" | "stopped":
                self.end = kind
            case _:
                return
        self._fresh = True
        often = kind in ("step", "stage") and stage == self._stage
        self._stage = stage if kind in ("step", "stage") else self._stage
        if not often or time.monotonic() - self._told >= INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Pass on what is held back."""
        if self._fresh:
            self._fresh, self._told = False, time.monotonic()
            seen = replace(self._seen, losses=tuple(sorted(self._losses.items())))
            self._tell(lambda state: _joined(state, seen))

    def _step(self, event: training.Message) -> None:
        step, steps = loose.whole(event, "step"), loose.whole(event, "steps")
        loss, memory = loose.number(event, "loss"), loose.number(event, "memory_bytes")
        if loss is not None:
            self._losses[step] = loss
        self._seen = replace(
            self._seen,
            stage=in_words("training"),
            fraction=step / steps if steps else None,
            step=step,
            steps=steps,
            seconds_left=loose.number(event, "seconds_left"),
            memory_bytes=round(memory) if memory else None,
        )


def throttled(show: Callable[[str, float | None], None]) -> training.Show:
    """Passes events of progress on, in words, a few times a second and at each new stage."""
    last = ("", 0.0)

    def hear(event: training.Message) -> None:
        nonlocal last
        kind, stage, now = loose.text(event, "event"), loose.text(event, "stage"), time.monotonic()
        name = stage.partition(":")[0]
        if kind in ("progress", "stage") and (name != last[0] or now - last[1] >= INTERVAL):
            last = (name, now)
            show(in_words(stage), loose.number(event, "fraction"))

    return hear


def _joined(state: TrainerState, seen: TrainerState) -> TrainerState:
    """What was told, and what the user has asked for meanwhile."""
    if state.phase == "stopping":
        return replace(seen, phase=state.phase, stage=state.stage, fraction=state.fraction)
    if state.stage == PAUSING and seen.phase == "running":
        return replace(seen, stage=PAUSING)
    return seen
