"""What a request refuses, in words."""

from __future__ import annotations

import numpy as np
import pytest

from inference.errors import RequestError
from inference.types import EditRequest

IMAGE = np.zeros((4, 4, 3), np.uint8)


def request(**savings: object) -> EditRequest:
    return EditRequest(IMAGE, "make it red", 4, 7.5, 1.5, "euler", 64, **savings)


def test_nothing_is_saved_unless_asked_for() -> None:
    assert (request().guidance_interval, request().reuse) == ((0.0, 1.0), 1)


@pytest.mark.parametrize("interval", [(0.8, 0.1), (0.5, 0.5), (-0.1, 1.0), (0.0, 1.5), (0.0, float("nan"))])
def test_an_interval_has_to_lie_within_the_steps(interval: tuple[float, float]) -> None:
    with pytest.raises(RequestError, match=r"guidance interval .* cannot be used"):
        request(guidance_interval=interval)


def test_reuse_counts_from_one() -> None:
    assert request(reuse=50).reuse == 50
    with pytest.raises(RequestError, match="Reuse has to be 1"):
        request(reuse=0)
