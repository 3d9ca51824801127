"""What is in this machine: the processor and its instructions, and the graphics cards with their drivers.

Nothing here needs a runtime, a driver or the network. Every look is optional and silent: what cannot be told is left
out, and what does not answer within `SECONDS` is not waited for.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from inference import gpus
from inference.gpus import Gpu
from inference.runtime import cores

__all__ = ["Devices", "Gpu", "Places", "Processor", "look"]

T = TypeVar("T")

SECONDS = 1.5

# As Linux writes them, and as macOS does; a name of ours for each.
_INSTRUCTIONS = {
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_bf16": "avx512_bf16",
    "amx_bf16": "amx",
    "asimd": "neon",
    "asimddp": "dotprod",
    "bf16": "arm_bf16",
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512",
    "hw.optional.neon": "neon",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_BF16": "arm_bf16",
}
_BF16 = frozenset({"avx512_bf16", "amx", "arm_bf16"})
_PROCESSOR_KEY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
# Of IsProcessorFeaturePresent (winnt.h).
_WINDOWS_FEATURES = {40: "avx2", 41: "avx512f"}


@dataclass(frozen=True)
class Processor:
    """cores: physical ones that this process may use. instructions: those that matter here, such as "avx2", "amx"."""

    name: str
    cores: int
    instructions: tuple[str, ...] = ()

    @property
    def bf16(self) -> bool:
        """True where multiplying in bfloat16 is worth it: twice as fast as float32 by AVX-512, many times by AMX."""
        return not _BF16.isdisjoint(self.instructions)

    @property
    def amx(self) -> bool:
        return "amx" in self.instructions

    @property
    def intel(self) -> bool:
        return "intel" in self.name.lower()


@dataclass(frozen=True)
class Devices:
    """gpus: those of NVIDIA, AMD, Intel and Apple; a server's screen adapter is none."""

    processor: Processor
    gpus: tuple[Gpu, ...] = ()


def run_quietly(command: Sequence[str]) -> str:
    """What a command prints; "" where it is missing, fails or takes longer than `SECONDS`."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            text=True,
            errors="replace",
            creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


@dataclass(frozen=True)
class Places:
    """Where to look. Tests give others.

    root: of the file system. run: what a command prints, "" where it fails. nvml: cards as NVIDIA's library tells
    them. adapters: the display adapters in the registry of Windows, one mapping of values for each.
    """

    platform: str = sys.platform
    root: Path = Path("/")
    run: Callable[[Sequence[str]], str] = run_quietly
    nvml: Callable[[], Sequence[Gpu]] = gpus.by_library
    adapters: Callable[[], Sequence[gpus.Adapter]] = gpus.registry_adapters
    cores: Callable[[], int] = cores


def look(places: Places | None = None) -> Devices:
    """All devices, within about two seconds."""
    places = places or Places()
    nvidia = _Late(lambda: _nvidia(places))
    others = _Late(lambda: _others(places))
    processor = _Late(lambda: _processor(places)).result(Processor(platform.machine(), os.cpu_count() or 1))
    known = tuple(nvidia.result(()))
    listed = [gpu for gpu in others.result(()) if not (known and gpu.vendor == gpus.NVIDIA)]
    return Devices(processor, (*known, *listed))


class _Late(Generic[T]):
    """A look in a thread of its own, which a library that hangs cannot hold up."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._found: list[T] = []
        self._work = work
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def result(self, otherwise: T) -> T:
        """What was found, or `otherwise` where nothing was in time."""
        self._thread.join(SECONDS + 0.2)
        return self._found[0] if self._found else otherwise

    def _look(self) -> None:
        with suppress(OSError, ValueError):  # what a system tells may be cut short or in another form
            self._found.append(self._work())


def _nvidia(places: Places) -> tuple[Gpu, ...]:
    """By NVIDIA's library, else by its program, else by what its kernel module says."""
    return (
        tuple(places.nvml())
        or gpus.by_program(places.run)
        or (gpus.by_module(places.root) if places.platform == "linux" else ())
    )


def _others(places: Places) -> tuple[Gpu, ...]:
    """Every card that the system lists."""
    if places.platform == "win32":
        return gpus.in_registry(places.adapters())
    if places.platform == "darwin":
        return gpus.of_apple(places.run)
    return gpus.on_the_bus(places.root)


def _processor(places: Places) -> Processor:
    name, instructions = _linux_processor(places.root)
    if places.platform == "darwin":
        name, instructions = _apple_processor(places.run)
    elif places.platform == "win32":
        name, instructions = _windows_processor()
    known = tuple(dict.fromkeys(_INSTRUCTIONS[word] for word in instructions if word in _INSTRUCTIONS))
    return Processor(name or platform.machine(), places.cores() or os.cpu_count() or 1, known)


def _linux_processor(root: Path) -> tuple[str, list[str]]:
    """From the first block of /proc/cpuinfo."""
    lines = gpus.lines_of(root / "proc/cpuinfo")
    entries: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            entries.setdefault(key.strip().lower(), value.strip())
    words = entries.get("flags", entries.get("features", "")).split()
    return entries.get("model name", ""), [word for word in _INSTRUCTIONS if word in words]


def _apple_processor(run: Callable[[Sequence[str]], str]) -> tuple[str, list[str]]:
    words = [key for key in _INSTRUCTIONS if key.startswith("hw.")]
    name = run(("sysctl", "-n", "machdep.cpu.brand_string")).strip()
    # It fails as a whole for a name that this Mac does not have, unless told to ignore it.
    said = run(("sysctl", "-i", *words)).splitlines()
    return name, [key for key in words if f"{key}: 1" in said]


def _windows_processor() -> tuple[str, list[str]]:
    """Windows tells of no bfloat16; the name of the processor has to do."""
    if sys.platform != "win32":
        return "", []
    import ctypes
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _PROCESSOR_KEY) as key:
            name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    except OSError:
        name = ""
    present = ctypes.windll.kernel32.IsProcessorFeaturePresent
    return name, [word for number, word in _WINDOWS_FEATURES.items() if present(number)]
