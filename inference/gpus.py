"""Graphics cards, as drivers, the system's lists and NVIDIA's own library tell of them."""

from __future__ import annotations

import contextlib
import csv
import ctypes
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NVIDIA, AMD, INTEL, APPLE = "NVIDIA", "AMD", "Intel", "Apple"

Adapter = Mapping[str, object]
Run = Callable[[Sequence[str]], str]

# https://pci-ids.ucw.cz; other vendors' adapters show a screen and calculate nothing.
_VENDORS = {"0x10de": NVIDIA, "0x1002": AMD, "0x8086": INTEL}
_PCI_NAMES = ("usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids")
_DISPLAY = "0x03"
_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
# The class of display adapters.
_ADAPTERS_KEY = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_VALUES = ("DriverDesc", "ProviderName", "DriverVersion", "HardwareInformation.qwMemorySize")


@dataclass(frozen=True)
class Gpu:
    """memory_bytes: of its own, 0 where unknown or shared with the processor. driver: its version, or the name of its
    module in the kernel; "" where there is none, or none is known."""

    vendor: str
    name: str
    memory_bytes: int = 0
    driver: str = ""

    @property
    def driver_number(self) -> int:
        """The main number of the driver's version; 0 where it has none."""
        number = re.match(r"\d+", self.driver)
        return int(number.group()) if number else 0


def by_library() -> tuple[Gpu, ...]:
    """NVIDIA's cards by NVML, which comes with the driver; none where it is not there.

    https://docs.nvidia.com/deploy/nvml-api
    """
    name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
    try:
        library = ctypes.CDLL(name)
        if library.nvmlInit_v2() != 0:
            return ()
        try:
            return tuple(_each_card(library))
        finally:
            library.nvmlShutdown()
    except (OSError, AttributeError):
        return ()


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def _each_card(library: Any) -> Iterator[Gpu]:
    count, driver = ctypes.c_uint(), ctypes.create_string_buffer(96)
    library.nvmlSystemGetDriverVersion(driver, len(driver))
    library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for index in range(count.value):
        card, name, memory = ctypes.c_void_p(), ctypes.create_string_buffer(96), _Memory()
        if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(card)) == 0:
            library.nvmlDeviceGetName(card, name, len(name))
            library.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory))
            yield Gpu(NVIDIA, _text(name), int(memory.total), _text(driver))


def _text(buffer: ctypes.Array[ctypes.c_char]) -> str:
    return buffer.value.decode("utf-8", "replace")


def by_program(run: Run) -> tuple[Gpu, ...]:
    """NVIDIA's cards by nvidia-smi."""
    rows = [row for row in csv.reader(run(_QUERY).splitlines(), skipinitialspace=True) if len(row) == 3]
    return tuple(Gpu(NVIDIA, name, _mebibytes(memory), driver) for name, memory, driver in rows)


def _mebibytes(text: str) -> int:
    return int(text) << 20 if text.isdigit() else 0


def by_module(root: Path) -> tuple[Gpu, ...]:
    """NVIDIA's cards by the kernel module of its driver."""
    driver = re.search(r"\b\d+\.\d+(\.\d+)?\b", "\n".join(lines_of(root / "proc/driver/nvidia/version")[:1]))
    cards: list[Gpu] = []
    for path in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
        named = [line.partition(":")[2].strip() for line in lines_of(path) if line.startswith("Model:")]
        cards += [Gpu(NVIDIA, name, 0, driver.group() if driver else "") for name in named]
    return tuple(cards)


def on_the_bus(root: Path) -> tuple[Gpu, ...]:
    """Linux: every display adapter of a known vendor, with or without a driver."""
    devices = [*root.glob("sys/class/drm/card*/device"), *root.glob("sys/bus/pci/devices/*")]
    different = {path.resolve(): path for path in sorted(devices, reverse=True)}
    cards = (_card(root, path) for path in sorted(different))
    return tuple(card for card in cards if card is not None)


def _card(root: Path, device: Path) -> Gpu | None:
    vendor, number = _line(device / "vendor"), _line(device / "device")
    if vendor not in _VENDORS or not _line(device / "class").startswith(_DISPLAY):
        return None
    memory = _line(device / "mem_info_vram_total")
    driver = device / "driver"
    name = _line(device / "product_name") or _listed_name(root, vendor[2:], number[2:])
    return Gpu(
        _VENDORS[vendor],
        name or f"{_VENDORS[vendor]} graphics {vendor[2:]}:{number[2:]}",
        int(memory) if memory.isdigit() else 0,
        driver.resolve().name if driver.exists() else "",
    )


def _listed_name(root: Path, vendor: str, device: str) -> str:
    """ "NVIDIA GA106 [GeForce RTX 3060]" from the system's list of PCI ids; "" where that has no such device."""
    for path in _PCI_NAMES:
        inside = False
        for line in lines_of(root / path):
            if not line.startswith("\t"):
                inside = line.startswith(vendor)
            elif inside and line.startswith(f"\t{device}"):
                return f"{_VENDORS[f'0x{vendor}']} {line.split(None, 1)[1]}"
    return ""


def in_registry(adapters: Sequence[Adapter]) -> tuple[Gpu, ...]:
    """Windows: the adapters whose driver is of a known vendor."""
    return tuple(card for card in map(_adapter, adapters) if card is not None)


def _adapter(values: Adapter) -> Gpu | None:
    name, maker = str(values.get("DriverDesc", "")), str(values.get("ProviderName", ""))
    said = f"{maker} {name}".lower()
    marks = {"nvidia": NVIDIA, "advanced micro devices": AMD, "radeon": AMD, "intel": INTEL, "adreno": "Qualcomm"}
    vendor = next((marks[mark] for mark in marks if mark in said), "")
    memory = values.get("HardwareInformation.qwMemorySize", 0)
    driver = str(values.get("DriverVersion", ""))
    if vendor == NVIDIA:  # the last five digits are the version that its users know: 32.0.15.6636 is 566.36
        digits = driver.replace(".", "")[-5:]
        driver = f"{digits[:3]}.{digits[3:]}"
    return Gpu(vendor, name, memory if isinstance(memory, int) else 0, driver) if vendor else None


def registry_adapters() -> tuple[Adapter, ...]:
    """Windows: the values of every display adapter in the registry; none elsewhere."""
    found: list[Adapter] = []
    if sys.platform == "win32":
        import winreg

        for index in range(16):
            with (
                contextlib.suppress(OSError),
                winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{_ADAPTERS_KEY}\{index:04}") as key,
            ):
                values: dict[str, object] = {}
                for name in _VALUES:
                    with contextlib.suppress(OSError):
                        values[name] = winreg.QueryValueEx(key, name)[0]
                found.append(values)
    return tuple(found)


def of_apple(run: Run) -> tuple[Gpu, ...]:
    """macOS: the GPU of Apple's own chips, which has its memory in common with the processor."""
    name = run(("sysctl", "-n", "machdep.cpu.brand_string")).strip()
    return (Gpu(APPLE, f"{name} GPU", 0, "Metal"),) if name.startswith("Apple") else ()


def lines_of(path: Path) -> list[str]:
    """The lines of a file; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _line(path: Path) -> str:
    return next((line.strip() for line in lines_of(path)), "")
