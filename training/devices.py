"""Where a training computes and how finely: one Accelerator for processor, graphics card, several, and machines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from inference.memory import used_memory
from training.libraries import torch
from training.recipe import Precision
from training.train_errors import TrainError


def accelerator_for(device: str, precision: Precision, note: Callable[[str], object]) -> Any:
    """device: "auto", "cpu" or "cuda". note: told where another precision than the recipe's has to do.

    Raises `TrainError` where there is no such device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainError("There is no graphics card that CUDA can use: choose another device with --device cpu.")
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    if on_cpu:
        torch.set_flush_denormal(True)  # numbers next to nothing take a hundred times as long
    possible = _possible(precision, on_cpu)
    if possible != precision:
        note(f"This {'processor' if on_cpu else 'graphics card'} computes in {possible} in place of {precision}.")
    mixed = "no" if possible == "fp32" else possible
    library = cast("Any", import_module("accelerate"))
    library.state.AcceleratorState._reset_state(reset_partial_state=True)  # of a training that this process had before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return library.Accelerator(cpu=on_cpu, mixed_precision=mixed)


def precision_of(accelerator: Any) -> Precision:
    """What it computes in, which may not be what the recipe asks for."""
    mixed = str(accelerator.mixed_precision)
    return "bf16" if mixed == "bf16" else "fp16" if mixed == "fp16" else "fp32"


def _possible(precision: Precision, on_cpu: bool) -> Precision:
    if on_cpu:
        # Where a processor has no instructions for it, bf16 is many times slower than fp32.
        quick = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        return "fp32" if precision == "fp32" or not quick else "bf16"
    return "fp16" if precision == "bf16" and not torch.cuda.is_bf16_supported() else precision


def is_out_of_memory(error: BaseException) -> bool:
    """True where a device, or the system, had no memory left to give."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def memory_held(device: Any) -> int:
    """Bytes that this process holds on the device, at most so far."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    return used_memory()
