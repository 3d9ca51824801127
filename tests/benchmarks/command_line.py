"""Times whole processes of the command line: a 12-megapixel photo edited, a second variant, the help text.

    python -m tests.benchmarks.command_line [--runs N]

Prints a Markdown table of medians with the machine's name. Peak memory is the kernel's, of the process itself.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from training.starter.photos import photo

ROOT = Path(__file__).parents[2]
ASKED = {"edit 12 MP": "< 8 s, < 1.5 GB", "second variant": "< 3 s more", "--help": "< 0.3 s"}


def run(*words: str) -> tuple[float, float]:
    """Seconds and peak MB of one `palimpsest` process; raises ChildProcessError where it fails."""
    start = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, str(ROOT / "main.py"), *words], os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ])  # fmt: skip
    _, status, usage = os.wait4(child, 0)
    if status:
        raise ChildProcessError(f"palimpsest {' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def median(runs: int, *words: str) -> tuple[float, float]:
    """Median seconds and peak MB."""
    done = [run(*words) for _ in range(runs)]
    return statistics.median(s for s, _ in done), statistics.median(m for _, m in done)


def large_photo(path: Path) -> None:
    """A 4000 x 3000 JPEG with grain, so that it compresses as photos do."""

    pixels = photo("astronaut.png", 4000)[:3000].astype(np.int16)
    grain = np.random.default_rng(0).normal(0, 4, pixels.shape).astype(np.int16)
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(path, quality=92)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "photo.jpg"), Path(folder, "out.jpg")
        # In a process of its own: a child's peak counts from its parent's size, so the parent has to stay small.
        drawing = multiprocessing.get_context("spawn").Process(target=large_photo, args=(source,))
        drawing.start()
        drawing.join()
        words = ("edit", str(source), "make it black and white", "-o", str(out), "--seed", "1")
        one = median(runs, *words)
        two = median(runs, *words, "--variants", "2")
    rows = {"edit 12 MP": one, "second variant": (two[0] - one[0], two[1]), "--help": median(runs, "--help")}
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| what | seconds | peak MB | asked |\n|---|---|---|---|")
    for name, (seconds, peak) in rows.items():
        print(f"| {name} | {seconds:.2f} | {peak:.0f} | {ASKED[name]} |")


if __name__ == "__main__":
    main()
