"""The moving average of the weights, which is what is judged, saved for use and exported."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from training.libraries import torch

if TYPE_CHECKING:
    from torch import Tensor


def decay_at(step: int, most: float) -> float:
    """A young average follows closely, or it would remember its start for thousands of steps."""
    return min(most, (1 + step) / (10 + step))


class Average:
    """An exponential moving average of `parameters`, in float32, beside them or in main memory."""

    def __init__(self, parameters: Mapping[str, Any], decay: float, *, on_cpu: bool = False) -> None:
        self._parameters, self._decay, self._on_cpu = dict(parameters), decay, on_cpu
        self.values: dict[str, Tensor] = {name: self._copied(p) for name, p in self._parameters.items()}

    def _copied(self, parameter: Any) -> Tensor:
        kept: Tensor = parameter.detach().float()
        return kept.to("cpu", copy=True) if self._on_cpu else kept.clone()

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follows the weights as they are after `step` steps."""
        now = [p.detach().to(v.device, v.dtype) for p, v in zip(self._parameters.values(), self._own(), strict=True)]
        torch._foreach_lerp_(self._own(), now, 1 - decay_at(step, self._decay))

    @contextlib.contextmanager
    def in_use(self) -> Generator[None]:
        """The model has the average for its weights inside this block, and its own again after it."""
        kept = [p.detach().to("cpu" if self._on_cpu else p.device, copy=True) for p in self._parameters.values()]
        self._assign(self._own())
        try:
            yield
        finally:
            self._assign(kept)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes the average from a checkpoint's `tensors`, by the names of the parameters."""
        for name, value in self.values.items():
            value.copy_(tensors[name])

    def _own(self) -> list[Tensor]:
        return list(self.values.values())

    @torch.no_grad()
    def _assign(self, values: list[Any]) -> None:
        for parameter, value in zip(self._parameters.values(), values, strict=True):
            parameter.copy_(value)
