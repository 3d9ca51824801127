"""What is in the machine, with file systems, commands and registries that tests made."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from inference import devices, gpus
from inference.devices import Devices, Places, Processor, look, run_quietly
from inference.gpus import Gpu

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
flags\t\t: fpu sse2 avx2 avx512f avx512_bf16 amx_tile amx_bf16

processor\t: 1
model name\t: another
flags\t\t: fpu
"""


def silent(command: Sequence[str]) -> str:
    return ""


def places(root: Path, **changes: object) -> Places:
    values: dict[str, object] = {
        "platform": "linux",
        "root": root,
        "run": silent,
        "nvml": lambda: (),
        "adapters": lambda: (),
        "cores": lambda: 2,
    }
    return Places(**{**values, **changes})


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def card(root: Path, address: str, vendor: str, device: str, driver: str = "", **values: str) -> None:
    folder = root / "sys/bus/pci/devices" / address
    values = {"vendor": vendor, "device": device, "class": "0x030000", **values}
    for name, value in values.items():
        write(root, f"sys/bus/pci/devices/{address}/{name}", f"{value}\n")
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (folder / "driver").symlink_to(root / "sys/bus/pci/drivers" / driver)


def test_an_empty_machine_is_no_error(tmp_path: Path) -> None:
    found = look(places(tmp_path))
    assert found.gpus == () and found.processor.cores == 2
    assert found.processor.name and not found.processor.bf16


def test_the_processor_of_linux(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", CPUINFO)
    chip = look(places(tmp_path)).processor
    assert chip == Processor(
        "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", 2, ("avx2", "avx512", "avx512_bf16", "amx")
    )
    assert chip.bf16 and chip.amx and chip.intel
    assert not Processor("AMD Ryzen 5", 6, ("avx2", "avx512")).bf16


def test_the_processor_of_an_arm_board(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd asimddp bf16\n")
    assert look(places(tmp_path)).processor.instructions == ("neon", "dotprod", "arm_bf16")


def test_a_mac(tmp_path: Path) -> None:
    said = {
        "machdep.cpu.brand_string": "Apple M2 Pro\n",
        "hw.optional.avx2_0": "hw.optional.neon: 1\nhw.optional.arm.FEAT_BF16: 1\nhw.optional.avx512f: 0\n",
    }

    def sysctl(command: Sequence[str]) -> str:
        return said.get(command[2], "") if command[0] == "sysctl" else ""

    found = look(places(tmp_path, platform="darwin", run=sysctl))
    assert found.processor == Processor("Apple M2 Pro", 2, ("neon", "arm_bf16"))
    assert found.gpus == (Gpu("Apple", "Apple M2 Pro GPU", 0, "Metal"),)


def test_cards_on_the_bus(tmp_path: Path) -> None:
    card(tmp_path, "0000:00:02.0", "0x8086", "0xa780", "i915")
    card(tmp_path, "0000:03:00.0", "0x1002", "0x744c", "amdgpu", mem_info_vram_total="21458059264")
    card(tmp_path, "0000:09:00.0", "0x1a03", "0x2000", "ast")  # a server's screen adapter
    card(tmp_path, "0000:0a:00.0", "0x10de", "0x2504", **{"class": "0x040300"})  # a card's sound
    write(tmp_path, "usr/share/misc/pci.ids", "# list\n1002  AMD\n\t744c  Navi 31 [Radeon RX 7900 XTX]\n8086  Intel\n")
    drm = tmp_path / "sys/class/drm/card0"
    drm.mkdir(parents=True)
    (drm / "device").symlink_to(tmp_path / "sys/bus/pci/devices/0000:03:00.0")
    assert look(places(tmp_path)).gpus == (
        Gpu("Intel", "Intel graphics 8086:a780", 0, "i915"),
        Gpu("AMD", "AMD Navi 31 [Radeon RX 7900 XTX]", 21458059264, "amdgpu"),
    )


def test_nvidia_without_a_driver_is_found_on_the_bus(tmp_path: Path) -> None:
    card(tmp_path, "0000:01:00.0", "0x10de", "0x2504")
    assert look(places(tmp_path)).gpus == (Gpu("NVIDIA", "NVIDIA graphics 10de:2504", 0, ""),)


def test_nvidia_by_library_then_program_then_module(tmp_path: Path) -> None:
    card(tmp_path, "0000:01:00.0", "0x10de", "0x2504", "nvidia")
    write(
        tmp_path,
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\nGCC version:  gcc 12.2.0\n",
    )
    write(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA GeForce RTX 3060\nIRQ: 5\n")
    by_module = Gpu("NVIDIA", "NVIDIA GeForce RTX 3060", 0, "535.104.05")
    assert look(places(tmp_path)).gpus == (by_module,)
    assert by_module.driver_number == 535

    def smi(command: Sequence[str]) -> str:
        return "NVIDIA GeForce RTX 3060, 12288, 580.65.06\nbroken line\n" if command[0] == "nvidia-smi" else ""

    by_program = Gpu("NVIDIA", "NVIDIA GeForce RTX 3060", 12288 << 20, "580.65.06")
    assert look(places(tmp_path, run=smi)).gpus == (by_program,)
    by_library = Gpu("NVIDIA", "NVIDIA H200", 141 << 30, "590.1")
    assert look(places(tmp_path, run=smi, nvml=lambda: (by_library,))).gpus == (by_library,)


def test_the_registry_of_windows(tmp_path: Path) -> None:
    adapters = (
        {
            "DriverDesc": "NVIDIA GeForce RTX 4090",
            "ProviderName": "NVIDIA",
            "DriverVersion": "32.0.15.8142",
            "HardwareInformation.qwMemorySize": 24 << 30,
        },
        {"DriverDesc": "Intel(R) UHD Graphics 770", "ProviderName": "Intel Corporation", "DriverVersion": "31.0.101"},
        {"DriverDesc": "Microsoft Basic Display Adapter", "ProviderName": "Microsoft"},
        {},
    )
    found = look(places(tmp_path, platform="win32", adapters=lambda: adapters)).gpus
    assert found == (
        Gpu("NVIDIA", "NVIDIA GeForce RTX 4090", 24 << 30, "581.42"),
        Gpu("Intel", "Intel(R) UHD Graphics 770", 0, "31.0.101"),
    )


def test_a_library_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "SECONDS", 0.05)
    awake = threading.Event()

    def hang() -> tuple[Gpu, ...]:
        awake.wait(10)
        return ()

    start = time.monotonic()
    found = look(places(tmp_path, nvml=hang))
    assert time.monotonic() - start < 2
    assert found.gpus == ()
    awake.set()


def test_a_look_that_fails_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def broken() -> tuple[Gpu, ...]:
        raise ValueError("no number")

    write(tmp_path, "proc/cpuinfo", CPUINFO)
    found = look(places(tmp_path, nvml=broken))
    assert found.gpus == () and found.processor.amx
    assert capfd.readouterr() == ("", "")


def test_a_command_that_is_missing_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_quietly(["palimpsest-no-such-program"]) == ""
    assert run_quietly(["false"]) == ""
    assert run_quietly(["echo", "hello"]) == "hello\n"
    monkeypatch.setattr(devices, "SECONDS", 0.05)
    assert run_quietly(["sleep", "5"]) == ""


def test_this_machine_is_looked_at_quickly_and_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    found = look()
    assert time.monotonic() - start < 3
    assert isinstance(found, Devices) and found.processor.cores >= 1
    assert capfd.readouterr() == ("", "")


def test_nvml_without_a_driver_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr(gpus.ctypes, "CDLL", missing)
    assert gpus.by_library() == ()
    assert gpus.registry_adapters() == ()


class Nvml:
    """What NVIDIA's library does, for one card."""

    def __init__(self, start: int = 0) -> None:
        self.start, self.ended = start, False

    def nvmlInit_v2(self) -> int:
        return self.start

    def nvmlShutdown(self) -> int:
        self.ended = True
        return 0

    def nvmlSystemGetDriverVersion(self, text: object, length: int) -> int:
        text.value = b"580.65.06"
        return 0

    def nvmlDeviceGetCount_v2(self, count: object) -> int:
        count._obj.value = 1
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, card: object) -> int:
        return 0

    def nvmlDeviceGetName(self, card: object, text: object, length: int) -> int:
        text.value = b"NVIDIA H200"
        return 0

    def nvmlDeviceGetMemoryInfo(self, card: object, memory: object) -> int:
        memory._obj.total = 7 << 30
        return 0


def test_nvml_is_asked_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Nvml()
    monkeypatch.setattr(gpus.ctypes, "CDLL", lambda name: library)
    assert gpus.by_library() == (Gpu("NVIDIA", "NVIDIA H200", 7 << 30, "580.65.06"),)
    assert library.ended
    monkeypatch.setattr(gpus.ctypes, "CDLL", lambda name: Nvml(start=9))
    assert gpus.by_library() == ()
