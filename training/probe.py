"""Whether a batch fits into memory: tried before the start, and a smaller one where it does not."""

from __future__ import annotations

from collections.abc import Callable

from training.train_errors import TrainError


def halved(micro: int, batch: int) -> int:
    """The largest divisor of `batch` that is at most half of `micro`; 0 where there is none."""
    return next((part for part in range(micro // 2, 0, -1) if batch % part == 0), 0)


def smaller(micro: int, batch: int, note: Callable[[str], object]) -> int:
    """The next micro-batch to try once `micro` did not fit. Raises `TrainError` where it cannot be any smaller."""
    less = halved(micro, batch)
    if not less:
        raise TrainError(
            "There is not enough memory for one picture at a time: choose a smaller size with --set size=..., or a "
            "recipe for less memory."
        )
    note(
        f"There is not enough memory for {micro} pictures at a time, so {less} are taken, {batch // less} times: "
        "the result is the same, it takes longer."
    )
    return less


def fitting(micro: int, batch: int, fits: Callable[[int], bool], note: Callable[[str], object]) -> int:
    """The largest micro-batch that fits, from `micro` down, all of them divisors of `batch`.

    fits: tries one. Raises `TrainError` where not even one picture fits.
    """
    while not fits(micro):
        micro = smaller(micro, batch, note)
    return micro
