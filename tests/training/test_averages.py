"""The moving average moves, warms up, and can stand in for the weights. (A released script gives back the initial
weights.)"""

from __future__ import annotations

import pytest
import torch

from training.averages import Average, decay_at


def _layer() -> dict[str, torch.nn.Parameter]:
    return {"a": torch.nn.Parameter(torch.zeros(3)), "b": torch.nn.Parameter(torch.ones(2, 2))}


@pytest.mark.parametrize("on_cpu", [False, True])
def test_it_follows_the_weights_by_the_formula(on_cpu: bool) -> None:
    layer = _layer()
    average = Average(layer, 0.9, on_cpu=on_cpu)
    expected = 0.0
    for step in range(1, 30):
        with torch.no_grad():
            layer["a"] += 1
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.values["a"].tolist() == pytest.approx([expected] * 3, rel=1e-5)
    assert 0 < expected < 29


def test_a_young_average_follows_closely() -> None:
    assert decay_at(1, 0.999) == pytest.approx(2 / 11) and decay_at(10**6, 0.999) == 0.999


def test_it_stands_in_for_the_weights_and_gives_them_back() -> None:
    layer = _layer()
    average = Average(layer, 0.5)
    with torch.no_grad():
        layer["a"] += 4
    average.update(1)
    with average.in_use():
        assert torch.equal(layer["a"], average.values["a"]) and layer["a"].tolist() != [4, 4, 4]
    assert layer["a"].tolist() == [4, 4, 4]


def test_it_is_taken_from_a_checkpoint() -> None:
    average = Average(_layer(), 0.5)
    average.load({"a": torch.full((3,), 7.0), "b": torch.zeros(2, 2)})
    assert average.values["a"].tolist() == [7, 7, 7] and not average.values["b"].any()
