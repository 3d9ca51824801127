"""Which steps of an edit may cost less, and how much less: guidance in a part of the steps, and deep features reused.

Guidance matters in the middle of the noise levels (arXiv 2404.07724): outside an interval the answer to text + image
alone does. What lies deep in a UNet changes slowly from step to step (arXiv 2312.00858): a step may take it from the
step before and compute only the outermost layers. Both change the result, so both are off unless asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inference.errors import RequestError
from inference.guidance import Branch

ALWAYS = (0.0, 1.0)
ALONE = (Branch(1.0, text=True, image=True),)
"""What is asked outside the interval of guidance."""

SHALLOW_SHARE = 0.28
"""The time of a step that reuses what is deep by that of a whole one, as measured for Stable Diffusion 1 at 512 px."""


@dataclass(frozen=True)
class StepKind:
    """guided: all branches of guidance are asked, else `ALONE`. deep: the whole network is computed, and the features
    at its cut are kept; else those that were kept last are used again."""

    guided: bool = True
    deep: bool = True


def kinds(steps: int, interval: tuple[float, float] = ALWAYS, reuse: int = 1) -> tuple[StepKind, ...]:
    """One kind per step.

    interval: the shares of the steps, 0 <= start < end <= 1, between which guidance is on; a step lies where its middle
    lies, and one step at least is guided. reuse: every how many steps the deep part is computed; also in the first step
    and wherever guidance begins or ends, since what is kept belongs to a batch of branches. Raises `RequestError`.
    """
    start, end = interval
    if steps < 1 or reuse < 1 or not 0 <= start < end <= 1:
        raise RequestError(f"No steps can be saved with {steps} steps, guidance from {start} to {end}, reuse {reuse}.")
    first = min(_nearest(start * steps), steps - 1)
    last = max(_nearest(end * steps), first + 1)
    result: list[StepKind] = []
    age = 0
    for index in range(steps):
        guided = first <= index < last
        deep = not result or guided != result[-1].guided or age + 1 >= reuse
        age = 0 if deep else age + 1
        result.append(StepKind(guided, deep))
    return tuple(result)


def costs(kinds: Sequence[StepKind], branches: int, shallow_share: float = SHALLOW_SHARE) -> tuple[float, ...]:
    """What each step costs, in runs of the whole network for one branch.

    branches: how many the guidance asks. shallow_share: the time of a run without the deep part by that of a whole one.
    """
    return tuple((branches if kind.guided else 1) * (1.0 if kind.deep else shallow_share) for kind in kinds)


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
