"""What is known of a training while it is planned, made, judged and installed: frozen values. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from editor.edits.values import short_name
from editor.jobs.training_plan import Plan, Wish
from editor.jobs.training_report import Report
from editor.jobs.training_runs import Sample

Phase = Literal[
    "idle", "running", "paused", "stopping", "stopped", "failed", "done", "packaging", "reporting", "installing",
    "installed",
]  # fmt: skip
WORKING = ("running", "paused", "stopping")
CHECKING = ("packaging", "reporting")


@dataclass(frozen=True)
class TrainerState:
    """Where the training is that is shown.

    name, base: of the training and of the model that it began with; folder: its own. stage: in words; fraction: of it,
    None where it is not known. step, steps: made and wanted. seconds_left, memory_bytes: None where not known.
    losses: (step, loss), growing. samples: held-out pairs as the model edits them at `sample_step`; note: the last
    thing it had to say. error: one sentence. saved: there is something to go on from, and to check. report: what
    judging came to. model: the name of the installed model that this training made, or "".
    """

    phase: Phase = "idle"
    name: str = ""
    base: str = ""
    folder: Path | None = None
    stage: str = ""
    fraction: float | None = None
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    memory_bytes: int | None = None
    losses: tuple[tuple[int, float], ...] = ()
    samples: tuple[Sample, ...] = ()
    sample_step: int = 0
    note: str = ""
    error: str = ""
    saved: bool = False
    report: Report | None = None
    model: str = ""

    @property
    def training(self) -> bool:
        """A process is at work on it."""
        return self.phase in WORKING

    @property
    def busy(self) -> bool:
        return self.training or self.phase in (*CHECKING, "installing")

    @property
    def can_go_on(self) -> bool:
        return self.phase in ("stopped", "failed") and self.saved

    @property
    def can_check(self) -> bool:
        return self.saved and not self.busy and self.phase != "idle"

    @property
    def can_install(self) -> bool:
        return self.phase in ("stopped", "done") and self.report is not None


def at_work(state: TrainerState) -> str:
    """What goes on, in a few words; "" where nothing does."""
    name = short_name(state.name)
    match state.phase:
        case "running":
            return f"Training {name}" + (f", {100 * state.step // state.steps} %" if state.step else "")
        case "paused":
            return f"Training {name}, paused"
        case "stopping":
            return f"Training {name}, stopping"
        case "packaging" | "reporting":
            return f"Checking {name}"
        case "installing":
            return f"Installing {name}"
        case _:
            return ""


def told(state: TrainerState) -> str:
    """What somebody who does not look is told of the end of a piece of work; "" where nothing has ended."""
    match state.phase:
        case "failed":
            return state.error
        case "done" if state.report is not None:
            return state.error or f"The training {state.name} was checked."
        case "done":
            return state.error or f"The training {state.name} is done."
        case "installed":
            return f"The model {state.model} was installed."
        case _:
            return ""


@dataclass(frozen=True)
class Offer:
    """What the user would get. plan: of `wish`, None while it is looked for. error: why it cannot be told.

    install: the command that installs what training lacks, or "".
    """

    wish: Wish = field(default_factory=Wish)
    planning: bool = False
    plan: Plan | None = None
    error: str = ""
    install: str = ""
