"""Watches a child process from outside: its memory by stage, the device's memory, and what else the machine did."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

NVML = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"


@dataclass
class Memory:
    """Peaks in bytes. anonymous: the process's own pages; file: mapped files (which the system may drop); total: both
    at once. device: what a GPU holds more than before the child started.
    """

    total: int = 0
    anonymous: int = 0
    file: int = 0
    device: int = 0

    def add(self, total: int, anonymous: int, file: int, device: int) -> None:
        self.total, self.anonymous = max(self.total, total), max(self.anonymous, anonymous)
        self.file, self.device = max(self.file, file), max(self.device, device)


@dataclass
class Watch:
    """Sampled by `look`. stages: peaks by the stage that the child was in."""

    pid: int
    peak: Memory = field(default_factory=Memory)
    stages: dict[str, Memory] = field(default_factory=dict[str, Memory])
    stage: str = "start"

    def __post_init__(self) -> None:
        self._device = device_memory()
        self._began = time.time()
        self._busy = _busy_seconds()
        self._own = 0.0

    def look(self) -> None:
        anonymous, file = _resident(self.pid)
        device = max(0, device_memory() - self._device)
        for memory in (self.peak, self.stages.setdefault(self.stage, Memory())):
            memory.add(anonymous + file, anonymous, file, device)
        self.peak.total = max(self.peak.total, _high_water(self.pid))
        self._own = max(self._own, _cpu_seconds(self.pid))

    def others(self) -> float | None:
        """How many cores other processes kept busy meanwhile, on average; None where the system does not tell."""
        busy = _busy_seconds()
        if self._busy is None or busy is None:
            return None
        return max(0.0, (busy - self._busy - self._own) / max(time.time() - self._began, 1e-3))


def own_peak() -> int:
    """Bytes that this process has had resident at most; 0 on Windows. For systems where `Watch` sees nothing."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_memory() -> int:
    """Bytes in use on the first NVIDIA device, by all processes; 0 without one."""

    class Info(ctypes.Structure):
        _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))

    try:
        nvml = ctypes.CDLL(NVML)
    except OSError:
        return 0
    handle, info = ctypes.c_void_p(), Info()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)):
        return 0
    return 0 if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(info)) else int(info.used)


def load() -> float:
    """Processes that want a core now, on average over the last minute; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _resident(pid: int) -> tuple[int, int]:
    """Anonymous bytes and bytes of files (shared memory among them) of a process; Linux only, else zeros."""
    values = _status(pid)
    return values.get("RssAnon", 0), values.get("RssFile", 0) + values.get("RssShmem", 0)


def _high_water(pid: int) -> int:
    return _status(pid).get("VmHWM", 0)


def _status(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.startswith(("Rss", "VmHWM")))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


def _cpu_seconds(pid: int) -> float:
    """Of a process and its ended children; 0 where the system does not tell."""
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(number) for number in numbers[11:15]) / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float | None:
    """Seconds that all cores together were busy since the machine started."""
    try:
        line = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _, _, irq, soft, *_ = (int(number) for number in line.split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
