"""The main job in a real window, on an X server of its own; skipped where there is none to be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run (Debian's package xvfb)")
@pytest.mark.parametrize("scene", ["main", "kill"])
def test_a_user_does_the_main_job(scene: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    server = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"]
    command = [*server, sys.executable, "-W", "error", "-m", "tests.e2e.flow", scene, str(tmp_path / "shots")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr[-4000:]
    assert done.stderr == ""  # no warning of Qt's, no error swallowed on the way
    assert len(list((tmp_path / "shots").glob("*.jpg"))) >= 2
