"""What the driver's libraries tell of a card's memory, played by objects that answer as they do."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from inference.device_memory import DeviceMemory, cuda_memory


class Nvml:
    """One card at a place of its own, with 8 GB of which 3 are free."""

    def __init__(self, failing: str = "") -> None:
        self.failing, self.open = failing, 0

    def _code(self, name: str) -> int:
        return 999 if name == self.failing else 0

    def nvmlInit_v2(self) -> int:
        self.open += 1
        return self._code("init")

    def nvmlShutdown(self) -> int:
        self.open -= 1
        return 0

    def nvmlDeviceGetHandleByPciBusId_v2(self, bus: bytes, card: Any) -> int:
        return self._code("handle") if bus == b"0000:81:00.0" else 6

    def nvmlDeviceGetMemoryInfo(self, card: ctypes.c_void_p, memory: Any) -> int:
        memory._obj.total, memory._obj.free = 8_000_000_000, 3_000_000_000
        return self._code("info")


class Cuda:
    def __init__(self, devices: int = 1) -> None:
        self.devices = devices

    def cuInit(self, flags: int) -> int:
        return 0 if self.devices else 100

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:
        return 0

    def cuDeviceGetPCIBusId(self, name: Any, length: int, device: Any) -> int:
        name.value = b"0000:81:00.0"
        return 0


def loader(nvml: object, cuda: object) -> Callable[[str], object]:
    return lambda name: nvml if "ml" in name.lower() else cuda


def test_the_card_that_cuda_uses_first_counts() -> None:
    nvml = Nvml()
    assert cuda_memory(loader(nvml, Cuda())) == DeviceMemory(3_000_000_000, 8_000_000_000)
    assert nvml.open == 0


@pytest.mark.parametrize("failing", ["init", "handle", "info"])
def test_a_library_that_fails_tells_nothing(failing: str) -> None:
    assert cuda_memory(loader(Nvml(failing), Cuda())) is None


def test_no_device_no_answer() -> None:
    assert cuda_memory(loader(Nvml(), Cuda(devices=0))) is None


def test_without_the_libraries_nothing_is_told_and_nothing_raised() -> None:
    def load(name: str) -> object:
        raise OSError(f"{name}: cannot open shared object file")

    assert cuda_memory(load) is None
    assert cuda_memory(loader(object(), object())) is None
