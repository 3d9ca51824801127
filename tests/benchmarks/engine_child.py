"""One contender of the engine's benchmark, in a process of its own.

    python -m tests.benchmarks.engine_child CONTENDER.json

Reads the job and the contender, says on stdout when each stage begins, and leaves its figures in the files named there.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.engine_contenders import OURS, Contender, Job
from tests.benchmarks.engine_watch import own_peak

Mark = Callable[[str], None]


@dataclass(eq=False)
class Edit:
    """seconds: from picture and instruction to the finished picture.

    stamps: the start, then when each step of the first variant (or of the batch) ended, on one clock.

    images: uint8 (H, W, 3). latent: the finished one of the first variant, as the decoder takes it; None if not known.
    stages: seconds by stage, where the contender tells them. cpu: seconds of all cores together.
    """

    seconds: float
    stamps: list[float]
    images: list[NDArray[np.uint8]]
    latent: NDArray[np.float32] | None
    stages: dict[str, float] = field(default_factory=dict[str, float])
    cpu: float = 0.0

    @property
    def step(self) -> float | None:
        """Seconds per step without the first one, which also pays for what later ones reuse; None with one step."""
        if len(self.stamps) < 3:
            return None
        return (self.stamps[-1] - self.stamps[1]) / (len(self.stamps) - 2)

    def as_json(self) -> dict[str, Any]:
        steps = [round(after - before, 4) for before, after in zip(self.stamps[1:], self.stamps[2:], strict=False)]
        return {"seconds": self.seconds, "cpu": self.cpu, "step": self.step, "steps": steps, "stages": self.stages}


def measure(job: Job, contender: Contender, mark: Mark) -> tuple[dict[str, Any], dict[str, Edit]]:
    """Notes about the contender, and its edits by name. `mark` is told when a stage begins."""
    if contender.kind == OURS:
        from tests.benchmarks import engine_ours as kind
    else:
        from tests.benchmarks import engine_diffusers as kind
    return kind.measure(job, contender, mark)


def figures(job: Job, contender: Contender, started: float) -> tuple[dict[str, Any], NDArray[Any] | None, Edit]:
    """All that goes into the result's JSON, the latent and the last edit. started: `time.time()` of the process."""
    marks: dict[str, float] = {}

    def mark(stage: str) -> None:
        marks[stage] = time.time()
        print(json.dumps({"stage": stage}), flush=True)

    mark("load")
    notes, edits = measure(job, contender, mark)
    ready = min(moment for stage, moment in marks.items() if stage in edits)
    excluded = float(notes.pop("not_loading", 0.0))  # made ready for the comparison's sake alone
    cold = edits[min(edits, key=lambda name: marks[name])]
    found = {
        "load": ready - started - excluded,
        "edits": {name: edit.as_json() for name, edit in edits.items()},
        "variants": len(cold.images),
        "own_peak": own_peak(),
        "again": _again(edits),
        "notes": notes,
    }
    return found, cold.latent, cold


def _again(edits: Mapping[str, Edit]) -> float | None:
    """How far the same edit made again is from the first, as a share of it: what was kept must not change it."""
    first, cached = (edits[name].latent if name in edits else None for name in ("first", "cached"))
    return None if first is None or cached is None else float(np.abs(cached - first).max() / np.abs(first).max())


def main(arguments: list[str]) -> int:
    warnings.simplefilter("ignore")
    task = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    job = Job(**{**task["job"], "edits": tuple(task["job"]["edits"])})
    found, latent, edit = figures(job, Contender(**task["contender"]), task["started"])
    base = Path(task["result"])
    np.savez(base.with_suffix(".npz"), image=edit.images[0], **({} if latent is None else {"latent": latent}))
    base.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
