"""The real program killed at random moments, on an X server of its own; skipped where there is none to be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENES = ("killed_at_work", "killed_at_recovery", "killed_at_saving", "two_programs")


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run (Debian's package xvfb)")
@pytest.mark.parametrize("scene", SCENES)
def test_a_crash_loses_nothing(scene: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    server = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"]
    command = [*server, sys.executable, "-W", "error", "-m", "tests.e2e.crash", scene, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr[-4000:]
    assert done.stderr == ""
