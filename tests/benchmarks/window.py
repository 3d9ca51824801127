"""Times the window's start as a whole process: until it can be seen, and the memory that takes.

    python -m tests.benchmarks.window [--runs N]

On Linux run it under an X server (`xvfb-run -a python -m tests.benchmarks.window`). Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from editor.app import Program
app = QApplication(["palimpsest"])
program = Program(app)
program.start([Path(name) for name in sys.argv[2:]])
def seen():
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([time.time() - float(sys.argv[1]), memory, "torch" in sys.modules]), flush=True)
    program.window.close_now()
QTimer.singleShot(0, seen)
app.exec()
"""


def start(home: str) -> tuple[float, float, bool]:
    """Seconds from the start of the process until the window was painted, peak MB, and whether torch was imported."""
    command = [sys.executable, "-c", PROGRAM, str(time.time())]
    environment = {**os.environ, "PALIMPSEST_HOME": home}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    seconds, memory, torch = json.loads(done.stdout)
    return seconds, memory, torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        start(home)  # the first one writes the byte code
        figures = [start(home) for _ in range(runs)]
    seconds, memory = statistics.median(f[0] for f in figures), statistics.median(f[1] for f in figures)
    print(f"{platform.node()}, {os.cpu_count()} cores, Python {platform.python_version()}, medians of {runs}.\n")
    print("| what | figure | asked |\n|---|---|---|")
    print(f"| window visible | {seconds:.2f} s | < 1.0 s |")
    print(f"| peak memory then | {memory:.0f} MB | < 250 MB |")
    print(f"| torch imported | {'yes' if any(f[2] for f in figures) else 'no'} | no |")


if __name__ == "__main__":
    main()
