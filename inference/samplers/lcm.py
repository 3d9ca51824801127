"""Multistep latent consistency sampling (arXiv 2310.04378, algorithm 2), for models distilled for few steps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from inference.errors import RequestError
from inference.schedule import CLEAN, Level, Plan, Schedule, Step

ORIGINAL_STEPS = 50
"""The steps of the solver that the model was distilled from; those taken are among them."""
DATA_SIGMA, TIMESTEP_SCALING = 0.5, 10.0


def lcm(schedule: Schedule, steps: int) -> Plan:
    """Whole timesteps of the solver's, evenly taken from the noisiest down; every step but the last ends in fresh
    noise at the next level. Raises `RequestError` for more steps than the solver has, `PackageError`.
    """
    schedule.check(steps)
    original = min(ORIGINAL_STEPS, schedule.length)
    if steps > original:
        raise RequestError(f"The sampler lcm takes at most {original} steps, not {steps}; 4 to 8 are usual.")
    apart = schedule.length // original
    known = np.arange(original, 0, -1, dtype=np.float64) * apart - 1
    chosen = known[np.floor(np.linspace(0, original, steps, endpoint=False)).astype(np.int64)]
    levels = schedule.levels(chosen)
    return Plan(tuple(_step(at, to) for at, to in pairwise((*levels, CLEAN))))


def _step(at: Level, to: Level) -> Step:
    """The consistency function c_skip x + c_out D, brought to the next level by noise alone."""
    scaled = at.timestep * TIMESTEP_SCALING
    spread = scaled**2 + DATA_SIGMA**2
    skip, out = DATA_SIGMA**2 / spread, scaled / spread**0.5
    return Step(at.timestep, at.alpha, at.sigma, a=to.alpha * skip, b=to.alpha * out, d=to.sigma)
