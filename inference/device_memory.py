"""How much memory the graphics card has left that CUDA uses: asked of the driver's own libraries, without a context.

https://docs.nvidia.com/deploy/nvml-api and https://docs.nvidia.com/cuda/cuda-driver-api
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Load = Callable[[str], Any]

_NAMES = (
    {"nvml": "nvml.dll", "cuda": "nvcuda.dll"}
    if sys.platform == "win32"
    else {"nvml": "libnvidia-ml.so.1", "cuda": "libcuda.so.1"}
)
_BUS_ID_BYTES = 32


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes. free: not taken by this program or another."""

    free: int
    total: int


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def cuda_memory(load: Load = ctypes.CDLL) -> DeviceMemory | None:
    """Of the first card that CUDA would use; None where there is none, or where its libraries do not tell.

    load: gives a shared library by name. Takes milliseconds once the driver runs.
    """
    try:
        nvml, cuda = load(_NAMES["nvml"]), load(_NAMES["cuda"])
        if nvml.nvmlInit_v2() != 0:
            return None
        try:
            return _memory(nvml, _first_bus(cuda))
        finally:
            nvml.nvmlShutdown()
    except (OSError, AttributeError):
        return None


def _first_bus(cuda: Any) -> bytes | None:
    """Where CUDA's first card sits: NVML counts cards in another order, and knows no CUDA_VISIBLE_DEVICES."""
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_BUS_ID_BYTES)
    good = (
        cuda.cuInit(0) == 0
        and cuda.cuDeviceGet(ctypes.byref(device), 0) == 0
        and cuda.cuDeviceGetPCIBusId(name, _BUS_ID_BYTES, device) == 0
    )
    return name.value if good else None


def _memory(nvml: Any, bus: bytes | None) -> DeviceMemory | None:
    card, memory = ctypes.c_void_p(), _Memory()
    if bus is None or nvml.nvmlDeviceGetHandleByPciBusId_v2(bus, ctypes.byref(card)) != 0:
        return None
    if nvml.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory)) != 0:
        return None
    return DeviceMemory(int(memory.free), int(memory.total))
