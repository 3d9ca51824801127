"""DDIM with eta 0 (arXiv 2010.02502, equation 12), with the levels that diffusers gives it."""

from __future__ import annotations

import numpy as np

from inference.schedule import CLEAN, Plan, Schedule, euler_step


def ddim(schedule: Schedule, steps: int) -> Plan:
    """Whole timesteps, leading unless the config says otherwise. Raises `RequestError`, `PackageError`.

    Every step goes down by `length // steps` timesteps, as in diffusers. That meets the next timestep exactly for
    leading spacing, and for trailing where the steps divide the length; elsewhere it is near (linspace, 20 steps: 50
    instead of 52.6). Where `set_alpha_to_one` is false the latent ends at the lowest noise level of training.
    """
    timesteps = schedule.timesteps(steps, "leading").round()
    below = timesteps - schedule.length // steps
    end = CLEAN if schedule.set_alpha_to_one else schedule.levels(np.zeros(1))[0]
    targets = (to if to.timestep == t else end for to, t in zip(schedule.levels(below.clip(0)), below, strict=True))
    return Plan(tuple(euler_step(at, to) for at, to in zip(schedule.levels(timesteps), targets, strict=True)))
