"""Ways to make an edit faster that change it a little, and what each costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Saving:
    """interval, reuse: as `EditRequest` takes them. cost: what is saved and what is lost, as a sentence."""

    title: str
    interval: tuple[float, float]
    reuse: int
    cost: str


EXACT = Saving("Exact", (0.0, 1.0), 1, "Every step in full.")
# Measured, see "Savings" in tests/benchmarks/results.md: with 6 steps and 2 branches of guidance, and with 20 and 3,
# the second takes 56 and 53 % of the time and is 46 and 55 dB from exact, the third 49 and 29 % and 37 and 39 dB.
SAVINGS = (
    EXACT,
    Saving("Faster", (0.0, 1.0), 3, "About 45 % less time; the difference is hard to see."),
    Saving("Fastest", (0.0, 0.5), 5, "50 to 70 % less time, small differences."),
)
CUSTOM = "Custom"


def saving_of(interval: tuple[float, float], reuse: int) -> Saving | None:
    """The one of `SAVINGS` with these values, if it is one."""
    return next((saving for saving in SAVINGS if (saving.interval, saving.reuse) == (interval, reuse)), None)


def described(interval: tuple[float, float], reuse: int) -> str:
    """The title of a saving, or for others what they do: "guided from 10 to 80 %, 1 step in 2 in full"."""
    known = saving_of(interval, reuse)
    if known is not None:
        return known.title
    start, end = (round(100 * side) for side in interval)
    parts = [] if interval == EXACT.interval else [f"guided from {start} to {end} %"]
    parts += [f"1 step in {reuse} in full"] if reuse > 1 else []
    return ", ".join(parts)
