"""Logs for TensorBoard, where that is installed: losses, rates and samples in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Board:
    """Writes into `folder`, which is made only where TensorBoard is there to read it."""

    def __init__(self, folder: Path | None) -> None:
        """folder: None for no logs."""
        self._writer: Any = None
        if folder is not None and util.find_spec("tensorboard"):
            self._writer = import_module("torch.utils.tensorboard").SummaryWriter(str(folder))

    def add(self, event: Mapping[str, Any]) -> None:
        """The numbers of a step."""
        if self._writer is not None:
            for name in ("loss", "lr", "seconds_per_step", "memory_bytes"):
                self._writer.add_scalar(name, event[name], event["step"])

    def show(self, name: str, picture: NDArray[np.uint8], step: int) -> None:
        """uint8 (H, W, 3)."""
        if self._writer is not None:
            self._writer.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
