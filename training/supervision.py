"""Long work in a process of its own, which is ended at once when it is to end. Without PyTorch.

Two processes: this one watches for the end of its input, SIGTERM and Ctrl-C, and the one that does the work would not
hear of them inside of a long call. Nothing is left of what it was making.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from inference import child
from training.export.files import clean

CANCELLED = 130

_POLL = 0.1
_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def supervise(worker: str, wishes: Mapping[str, object], target: Path, *, events: bool, cancelled: str) -> int:
    """Runs the module `worker` until it ends or is to end; returns its exit code, 130 where it was ended.

    wishes: handed over as JSON, its one argument. target: the folder that it makes. events: the end of the input ends
    the work, where that is a pipe. cancelled: the sentence for that.
    """
    stop = threading.Event()
    with contextlib.suppress(ValueError):  # not in the main thread: whoever called this handles signals
        signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    if events and _is_pipe():
        threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    process = subprocess.Popen(
        [*child.command(worker), json.dumps(wishes)],
        stdin=subprocess.PIPE,
        env=_environment(),
        creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
    )
    try:
        while not stop.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL)
    except KeyboardInterrupt:
        pass
    process.kill()
    process.wait()
    with contextlib.suppress(OSError):
        clean(target)
    print(cancelled, file=sys.stderr)
    return CANCELLED


def _environment() -> dict[str, str]:
    # glibc would hand every large block back to the system and get it again, page by page, some thousand times.
    return {**child.environment(), **dict.fromkeys(_VARIABLES, str(1 << 30)), "PYTHONWARNINGS": "ignore"}


def _is_pipe() -> bool:
    """True where somebody holds the other end of the input: a terminal's or an empty one's end says nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # there is no input at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _wait_for_end(stop: threading.Event) -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            continue
    stop.set()
