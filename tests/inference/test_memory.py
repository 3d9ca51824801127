"""How much memory there is, read from a file system made for the test, and what an edit takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference import memory
from inference.errors import EngineMemoryError

GIB = 1 << 30


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable:   {8 * GIB // 1024} kB\n"}


def test_without_control_groups_the_system_counts(tmp_path: Path) -> None:
    assert memory.available_memory(write(tmp_path, MEMINFO)) == 8 * GIB


def test_the_tightest_group_of_version_2_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/work/job\n",
        "sys/fs/cgroup/work/memory.max": f"{3 * GIB}\n",
        "sys/fs/cgroup/work/memory.current": f"{2 * GIB}\n",
        "sys/fs/cgroup/work/memory.stat": f"anon 5\ninactive_file {GIB // 2}\n",
        "sys/fs/cgroup/work/job/memory.max": "max\n",
        "sys/fs/cgroup/work/job/memory.current": f"{GIB}\n",
    }
    assert memory.available_memory(write(tmp_path, MEMINFO | files)) == GIB + GIB // 2


def test_version_1_counts_too(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "9:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
    }
    assert memory.available_memory(write(tmp_path, MEMINFO | files)) == GIB


def test_an_overdrawn_group_leaves_nothing(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "100\n",
        "sys/fs/cgroup/memory.current": "200\n",
    }
    assert memory.available_memory(write(tmp_path, MEMINFO | files)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits are read from Linux's proc")
def test_an_address_space_limit_counts() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "from inference.memory import available_memory; print(available_memory())"
    )
    root = Path(memory.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert 0 < int(run.stdout) < GIB


def test_this_machine_has_memory() -> None:
    assert memory.available_memory() > 100 * memory.MEBIBYTE


def test_the_largest_photo_fits_and_a_larger_one_does_not() -> None:
    budget, weights = 2 * GIB, 20_000_000
    pixels = memory.max_pixels(budget, weights)
    needed = memory.model_bytes(weights)
    memory.check(needed + memory.photo_bytes(pixels), budget)
    with pytest.raises(EngineMemoryError, match=r"2\.1 GB are free"):
        memory.check(needed + memory.photo_bytes(pixels + 1000), budget)


def test_a_photo_may_always_have_one_pixel() -> None:
    assert memory.max_pixels(0) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("6GB", 6_000_000_000),
        ("6", 6_000_000_000),
        ("1.5 gib", 3 << 29),
        ("800M", 800_000_000),
        ("4096 kB", 4_096_000),
        ("2T", 2_000_000_000_000),
    ],
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert memory.size_of(text) == count


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "6 apples", "1e9", "6GBs", "nan"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert memory.size_of(text) is None


def test_the_budget_counts_what_the_process_has_and_what_is_free(tmp_path: Path) -> None:
    root = write(tmp_path, MEMINFO | {"proc/self/statm": "1000 500 100 0 0 0 0\n"})
    page = os.sysconf("SC_PAGE_SIZE")
    assert memory.used_memory(root) == 400 * page
    assert memory.budget(None, root) == 8 * GIB + 400 * page
    assert memory.budget(GIB, root) == GIB
    assert memory.budget(99 * GIB, root) == 8 * GIB + 400 * page


def test_this_process_has_memory() -> None:
    before = memory.used_memory()
    block = bytearray(64 * memory.MEBIBYTE)
    block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
    assert memory.used_memory() - before > 48 * memory.MEBIBYTE
