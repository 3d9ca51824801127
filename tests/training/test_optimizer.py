"""The optimizer, its rate as a function of the step, and what memory allows."""

from __future__ import annotations

import pytest
import torch

from training.optimizer import make_optimizer, optimizer_state, rate_at, restore_optimizer
from training.probe import fitting, halved, smaller
from training.recipe import TrainingRecipe
from training.train_errors import TrainError

RECIPE = TrainingRecipe("", "", lr=1.0, warmup=0.1)


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    rates = [rate_at(step, 100, RECIPE) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)]) and rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5) and rates[9:] == sorted(rates[9:], reverse=True) and 0 < rates[-1] < 0.001
    assert rate_at(0, 1, RECIPE) == 1.0


def _stepped(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, times: int) -> None:
    for number in range(times):
        parameter.grad = torch.full_like(parameter, number + 0.5)
        optimizer.step()


def test_its_state_comes_back() -> None:
    one, other = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    first, _ = make_optimizer([one], RECIPE, "cpu")
    _stepped(first, one, 3)
    tensors, numbers = optimizer_state(first)
    assert set(tensors) == {"0.step", "0.exp_avg", "0.exp_avg_sq"} and numbers == {}
    second, _ = make_optimizer([other], RECIPE, "cpu")
    with torch.no_grad():
        other.copy_(one)
    restore_optimizer(second, {key: tensor.clone() for key, tensor in tensors.items()}, numbers)
    _stepped(first, one, 2)
    _stepped(second, other, 2)
    assert torch.equal(one, other)


class _Counting(torch.optim.SGD):
    """Keeps a plain number beside a tensor, as 8-bit optimizers do."""


def test_plain_numbers_of_its_state_come_back_as_such() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = _Counting([parameter], lr=0.1)
    optimizer.state[parameter] = {"step": 7, "state1": torch.zeros(2, dtype=torch.uint8)}
    tensors, numbers = optimizer_state(optimizer)
    assert numbers == {"0.step": 7} and set(tensors) == {"0.state1"}
    again = _Counting([parameter], lr=0.1)
    restore_optimizer(again, tensors, numbers)
    assert again.state[parameter]["step"] == 7


def test_without_bitsandbytes_it_says_what_it_does_instead() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    recipe = TrainingRecipe("", "", eight_bit_adam=True)
    optimizer, note = make_optimizer([parameter], recipe, "cpu")
    assert isinstance(optimizer, torch.optim.AdamW) and "32 bits in place of 8" in note
    assert make_optimizer([parameter], RECIPE, "cpu")[1] == ""


@pytest.mark.parametrize(("micro", "batch", "less"), [(8, 8, 4), (4, 8, 2), (6, 6, 3), (3, 6, 1), (5, 5, 1), (1, 8, 0)])
def test_a_smaller_batch_divides_the_recipes(micro: int, batch: int, less: int) -> None:
    assert halved(micro, batch) == less


def test_the_largest_batch_that_fits_is_taken_and_told() -> None:
    notes: list[str] = []
    assert fitting(8, 8, lambda micro: micro <= 2, notes.append) == 2
    assert len(notes) == 2 and "8 pictures at a time, so 4 are taken, 2 times" in notes[0]
    assert fitting(8, 8, lambda micro: True, notes.append) == 8 and len(notes) == 2
    with pytest.raises(TrainError, match="one picture at a time"):
        smaller(1, 8, notes.append)
