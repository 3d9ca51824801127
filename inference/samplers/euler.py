"""Euler's method on the probability flow (algorithm 2 of arXiv 2206.00364 without churn)."""

from __future__ import annotations

from inference.schedule import CLEAN, Level, Plan, Schedule, euler_steps


def euler(schedule: Schedule, steps: int) -> Plan:
    """`steps` levels spaced evenly in (fractional) timesteps, then clean. Raises `RequestError`, `PackageError`."""
    levels = euler_levels(schedule, steps)
    return Plan(euler_steps((*levels, CLEAN)), euler_start(schedule, levels))


def euler_levels(schedule: Schedule, steps: int) -> tuple[Level, ...]:
    return schedule.levels(schedule.timesteps(steps, "linspace"))


def euler_start(schedule: Schedule, levels: tuple[Level, ...]) -> float:
    """k-diffusion starts from the noise alone; diffusers gives it unit variance where the spacing is leading."""
    return 1.0 if schedule.spacing("linspace") == "leading" else levels[0].sigma
