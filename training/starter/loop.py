"""The loop that trains every part of the bundled model: AdamW, a moving average, exact resuming.

What happens at a step depends on (seed, step) alone, so a run that was stopped and resumed sees the same batches.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.checkpoints import load_tensors, optimizer_tensors, restore_optimizer, save_tensors
from training.libraries import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LoopSettings:
    """lr warms up over `warmup` steps, stays, and falls to zero in a line over the last `cooldown` share of `steps`."""

    steps: int
    lr: float
    warmup: int = 200
    cooldown: float = 0.25
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    clip: float = 1.0
    save_every: int = 250
    log_every: int = 50

    def rate(self, step: int) -> float:
        """Learning rate at `step` (0-based)."""
        left = (self.steps - step) / max(1.0, self.cooldown * self.steps)
        return self.lr * min(1.0, (step + 1) / self.warmup, max(left, 0.0))


class Loop:
    """Trains `modules` until `settings.steps`, keeping `state.safetensors` and `log.jsonl` in `folder`."""

    def __init__(self, modules: Mapping[str, Any], folder: Path, settings: LoopSettings) -> None:
        self.modules = dict(modules)
        self.folder = folder
        self.settings = settings
        self.step = 0
        self._named = {f"{m}.{n}": p for m, module in modules.items() for n, p in module.named_parameters()}
        self._ema = [p.detach().clone() for p in self._named.values()]
        fused = all(p.device.type in ("cpu", "cuda") for p in self._named.values())
        self._optimizer = torch.optim.AdamW(
            self._named.values(), lr=settings.lr, betas=(0.9, 0.98), weight_decay=settings.weight_decay, fused=fused
        )
        if self._state_file.exists():
            self._restore()

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.safetensors"

    def run(self, loss: Callable[[int], Tensor], on_save: Callable[[], None] = lambda: None) -> None:
        """Calls `loss(step)` and learns from it; Ctrl+C saves and returns. A finished run is left as it is."""
        if self.step >= self.settings.steps:
            return
        with contextlib.suppress(KeyboardInterrupt):
            started, first, total = time.monotonic(), self.step, 0.0
            while self.step < self.settings.steps:
                total += self._update(loss)
                if self.step % self.settings.log_every == 0:
                    self._log(total / self.settings.log_every, (self.step - first) / (time.monotonic() - started))
                    total = 0.0
                if self.step % self.settings.save_every == 0:
                    self.save()
                    on_save()
        self.save()
        on_save()

    def _update(self, loss: Callable[[int], Tensor]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate(self.step)
        value: Any = loss(self.step)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self._named.values(), self.settings.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._average()
        return float(value.detach())

    @torch.no_grad()
    def _average(self) -> None:
        # A young average follows closely, or it would remember the random start for thousands of steps.
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self._ema, list(self._named.values()), 1 - decay)

    @contextlib.contextmanager
    def averaged(self) -> Generator[None]:
        """The modules hold the moving average inside this block, and the trained weights again after it."""
        kept = [p.detach().clone() for p in self._named.values()]
        self._assign(self._ema)
        try:
            yield
        finally:
            self._assign(kept)

    @torch.no_grad()
    def _assign(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self._named.values(), values, strict=True):
            parameter.copy_(value)

    def save(self) -> None:
        """Writes weights, average and optimizer so that a later `Loop` goes on from here."""
        tensors: dict[str, Tensor] = {f"model.{n}": p for n, p in self._named.items()}
        tensors |= {f"ema.{n}": e for n, e in zip(self._named, self._ema, strict=True)}
        save_tensors(self._state_file, tensors | optimizer_tensors(self._optimizer), {"step": self.step})

    def _restore(self) -> None:
        tensors, meta = load_tensors(self._state_file)
        self._assign([tensors[f"model.{n}"] for n in self._named])
        self._ema = [tensors[f"ema.{n}"].to(p.device) for n, p in self._named.items()]
        if any(key.startswith("optimizer.") for key in tensors):
            restore_optimizer(self._optimizer, tensors)
        self.step = int(str(meta["step"]))

    def _log(self, loss: float, rate: float) -> None:
        line = {"step": self.step, "loss": round(loss, 6), "steps_per_second": round(rate, 3)}
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(*(f"{k} {v}" for k, v in line.items()), file=sys.stderr, flush=True)
