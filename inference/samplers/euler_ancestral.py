"""Euler's method with fresh noise in every step, as in k-diffusion: the sampler of the InstructPix2Pix paper."""

from __future__ import annotations

from itertools import pairwise

from inference.samplers.euler import euler_levels, euler_start
from inference.schedule import CLEAN, Level, Plan, Schedule, Step


def euler_ancestral(schedule: Schedule, steps: int) -> Plan:
    """The levels of `euler`; every step but the last adds noise. Raises `RequestError`, `PackageError`."""
    levels = euler_levels(schedule, steps)
    rows = tuple(_step(at, to) for at, to in pairwise((*levels, CLEAN)))
    return Plan(rows, euler_start(schedule, levels))


def _step(at: Level, to: Level) -> Step:
    """k-diffusion goes down to s_down = s'^2 / s and adds s_up = s' sqrt(1 - (s'/s)^2), with s = sigma / alpha."""
    shrink = to.sigma * at.alpha / (to.alpha * at.sigma)  # s'/s, which is 0 where there was no signal
    a = shrink * to.sigma / at.sigma
    d = to.sigma * max(1 - shrink**2, 0.0) ** 0.5
    return Step(at.timestep, at.alpha, at.sigma, a=a, b=to.alpha - a * at.alpha, d=d)
