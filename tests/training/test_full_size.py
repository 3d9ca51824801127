"""The import of a full-size model: how long it takes and how much memory. By hand, with a folder in the environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from inference.package import open_package, verify_package

SOURCE = os.environ.get("PALIMPSEST_FULL_SIZE_SOURCE", "")
ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE, reason="PALIMPSEST_FULL_SIZE_SOURCE names no diffusers folder of a full-size model"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]


def start(target: Path, output: IO[str] | int = subprocess.PIPE) -> subprocess.Popen[str]:
    words = [sys.executable, "-P", "-m", "training", "import", SOURCE, "-o", str(target), "--events"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, text=True, env=environment)


def family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from family(int(child))


def resident(pid: int) -> int:
    """Bytes of a process and all below it, shared pages counted in each."""
    total = 0
    for each in family(pid):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    return total


def test_an_import_takes_under_four_minutes_and_six_gigabytes(tmp_path: Path) -> None:
    begin, peak = time.monotonic(), 0
    events = tmp_path / "events"
    with events.open("w") as output, start(tmp_path / "model", output) as process:
        while process.poll() is None:
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                peak = max(peak, resident(process.pid))
            time.sleep(0.05)
        assert process.returncode == 0
    seconds = time.monotonic() - begin
    done = json.loads(events.read_text().splitlines()[-1])
    print(f"\n{seconds:.0f} s, {peak / 1e9:.2f} GB, {done['bytes'] / 1e9:.3f} GB written", done["parity"])
    assert seconds < 240 and peak < 6e9
    assert all(entry["relative"] < 5e-3 for entry in done["parity"])
    package = open_package(tmp_path / "model")
    verify_package(package)
    stems = [package.graph(part, ("fp16", "model")).stem for part in ("unet", "vae_encoder", "vae_decoder")]
    assert stems == ["fp16"] * 3 and package.graph("unet", ("attention",)).stem == "attention"
    shutil.rmtree(tmp_path / "model")


@pytest.mark.parametrize("stage", ["load", "unet", "unet weights", "unet parity"])
def test_cancelling_takes_under_two_seconds_and_leaves_nothing(tmp_path: Path, stage: str) -> None:
    with start(tmp_path / "model") as process:
        assert process.stdout is not None and process.stdin is not None
        for line in process.stdout:
            if json.loads(line)["stage"] == stage:
                break
        time.sleep(1)  # into a long call
        begin = time.monotonic()
        process.stdin.close()
        assert process.wait(20) == 130
        assert time.monotonic() - begin < 2
    assert list(tmp_path.iterdir()) == []
