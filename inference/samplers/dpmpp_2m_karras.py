"""DPM-Solver++ 2M on the noise levels of Karras et al. (arXiv 2206.00364, equation 5, rho = 7)."""

from __future__ import annotations

import numpy as np

from inference.errors import RequestError
from inference.samplers.dpmpp_2m import second_order
from inference.schedule import CLEAN, Plan, Schedule

RHO = 7.0


def dpmpp_2m_karras(schedule: Schedule, steps: int) -> Plan:
    """Levels between the first and the last of training, then clean. Raises `RequestError`."""
    ratios = schedule.ratios
    if np.isinf(ratios[-1]):
        raise RequestError(
            "Karras spacing needs a highest noise level, and this model starts from pure noise (zero terminal SNR); "
            "choose dpmpp_2m or another sampler."
        )
    schedule.check(steps)
    low, high = float(ratios[0]) ** (1 / RHO), float(ratios[-1]) ** (1 / RHO)
    chosen = (high + np.linspace(0, 1, steps, dtype=np.float64) * (low - high)) ** RHO
    timesteps = schedule.timesteps_at(chosen)
    # diffusers tells the network whole timesteps, except for the cosine schedule
    told = timesteps if schedule.beta_schedule == "squaredcos_cap_v2" else timesteps.round()
    return Plan(second_order((*schedule.levels_of(told, chosen), CLEAN)))
