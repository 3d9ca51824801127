"""How much memory there is and how much an edit will take: too much is refused in words and not by the system."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

from inference.errors import EngineMemoryError

MEBIBYTE = 1 << 20

# The interpreter with its libraries, ONNX Runtime and the strips of every full-size step: 240 MB as measured.
BASE_BYTES = 300 * MEBIBYTE
# Copies of the photo alive at once, each of its own size: 3 as measured; a colour profile adds two.
PHOTO_COPIES = 5
# Loaded weights over weights on disk: on the CPU, ONNX Runtime unfolds fp16 to fp32.
WEIGHTS_FACTOR = 2


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that this process may still take: the least of what the system, its control group and its limits leave."""
    return max(0, min(_system_memory(root), _cgroup_memory(root), _limit_memory(root)))


def used_memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this process holds now, mapped files aside; 0 where that cannot be told."""
    sizes = _lines(root / "proc/self/statm")
    if sizes:
        _, resident, shared, *_ = map(int, sizes[0].split())
        return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    return _windows_used() if sys.platform == "win32" else 0


def budget(limit: int | None = None, root: Path = Path("/")) -> int:
    """Bytes that this process may hold in all: what it has and what is free, and no more than the user's `limit`."""
    most = used_memory(root) + available_memory(root)
    return most if limit is None else min(limit, most)


def photo_bytes(pixels: int, channels: int = 4, itemsize: int = 1) -> int:
    """What an edit of a photo with so many pixels takes, the model aside."""
    return pixels * channels * itemsize * PHOTO_COPIES


def model_bytes(weights: int) -> int:
    """What a model takes whose files have `weights` bytes."""
    return BASE_BYTES + weights * WEIGHTS_FACTOR


def max_pixels(budget: int, weights: int = 0, channels: int = 4, itemsize: int = 1) -> int:
    """The largest photo, in pixels, whose edit fits into `budget` bytes beside the model; at least 1."""
    return max(1, (budget - model_bytes(weights)) // photo_bytes(1, channels, itemsize))


def check(needed: int, budget: int, limit: int | None = None) -> None:
    """Raises `EngineMemoryError` when `needed` bytes are more than `budget`. limit: the user's, as for `budget`."""
    if needed <= budget:
        return
    if limit is not None and limit <= budget:
        raise EngineMemoryError(
            f"This edit needs about {readable(needed)} of memory and its limit is {readable(limit)}: "
            "raise the limit, choose a smaller size, or use a smaller picture."
        )
    raise EngineMemoryError(
        f"This edit needs about {readable(needed)} of memory and {readable(budget)} are free: "
        "close other programs, choose a smaller size, or use a smaller picture."
    )


def size_of(text: str) -> int | None:
    """Bytes in a text like "6GB", "1.5 GiB" or "800M"; a bare number counts gigabytes. None for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if found is None:
        return None
    number, prefix, binary = found.groups()
    return round(float(number) * (1024 if binary else 1000) ** " kmgt".index(prefix or "g"))


def readable(count: int) -> str:
    """ "5.9 GB" or "420 MB", in powers of 1000."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _system_memory(root: Path) -> int:
    if sys.platform == "win32":
        return _windows_memory()
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    # Where the free part is not told (macOS), half of what is built in is a fair guess.
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _cgroup_memory(root: Path) -> int:
    """The least that a control group of this process leaves, versions 1 and 2; file cache counts as free."""
    least = sys.maxsize
    for line in _lines(root / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            least = min(least, _group_memory(root / "sys/fs/cgroup", path, "memory.max", "memory.current"))
        elif "memory" in kinds.split(","):
            top = root / "sys/fs/cgroup/memory"
            least = min(least, _group_memory(top, path, "memory.limit_in_bytes", "memory.usage_in_bytes"))
    return least


def _group_memory(top: Path, path: str, limit_name: str, used_name: str) -> int:
    least = sys.maxsize
    folder = top / path.strip("/")
    for group in (folder, *folder.parents):
        limit, used = _number(group / limit_name), _number(group / used_name)
        if limit is not None and used is not None:
            least = min(least, limit - used + _file_cache(group))
        if group == top:
            break
    return least


def _file_cache(group: Path) -> int:
    for line in _lines(group / "memory.stat"):
        name, _, count = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(count)
    return 0


def _limit_memory(root: Path) -> int:
    """What `ulimit -v` leaves of the address space."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    sizes = _lines(root / "proc/self/statm")
    if limit == resource.RLIM_INFINITY or not sizes:
        return sys.maxsize
    return limit - int(sizes[0].split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


if sys.platform == "win32":

    class _MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total_physical", ctypes.c_ulonglong),
            ("available_physical", ctypes.c_ulonglong),
            ("total_page", ctypes.c_ulonglong),
            ("available_page", ctypes.c_ulonglong),
            ("total_virtual", ctypes.c_ulonglong),
            ("available_virtual", ctypes.c_ulonglong),
            ("available_extended", ctypes.c_ulonglong),
        )

    def _windows_memory() -> int:
        status = _MemoryStatus()
        status.length = ctypes.sizeof(_MemoryStatus)
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.available_physical)

    class _Counters(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_ulong),
            ("faults", ctypes.c_ulong),
            *((name, ctypes.c_size_t) for name in ("peak", "working_set", "a", "b", "c", "d", "pagefile", "e")),
        )

    def _windows_used() -> int:
        counters = _Counters()
        process = ctypes.c_void_p(-1)  # this one
        kernel = ctypes.windll.kernel32
        kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), ctypes.sizeof(_Counters))
        return int(counters.working_set)
