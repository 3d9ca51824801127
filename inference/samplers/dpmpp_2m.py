"""DPM-Solver++ 2M (arXiv 2211.01095, algorithm 2): second order from the estimate of the step before."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from inference.schedule import CLEAN, Level, Plan, Schedule, Step, euler_step


def dpmpp_2m(schedule: Schedule, steps: int) -> Plan:
    """Levels at whole timesteps as in diffusers, then clean. Raises `RequestError`, `PackageError`."""
    timesteps = schedule.timesteps(steps, "linspace", above_zero=True).round()
    return Plan(second_order((*schedule.levels(timesteps), CLEAN)))


def second_order(levels: tuple[Level, ...]) -> tuple[Step, ...]:
    rows: list[Step] = []
    before = 0.0
    for at, to in pairwise(levels):
        leap = _leap(at, to)
        rows.append(_step(at, to, before, leap))
        before = leap
    return tuple(rows)


def _step(at: Level, to: Level, before: float, leap: float) -> Step:
    """First order where there is no estimate before (or none at another level), and from pure noise and to clean."""
    first = euler_step(at, to)
    lean = leap / (2 * before) if before and math.isfinite(leap) else 0.0  # also 0 after an infinite leap
    return replace(first, b=first.b * (1 + lean), c=-first.b * lean)


def _leap(at: Level, to: Level) -> float:
    """How far the logarithm of alpha / sigma rises; infinite from pure noise and to clean."""
    return math.log(at.ratio / to.ratio) if to.ratio and at.alpha else math.inf
