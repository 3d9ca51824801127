"""What a child process does with its standard input and output: see `inference.child` for the parent's side."""

from __future__ import annotations

import os
import sys
import threading
from typing import BinaryIO, cast


def private_output() -> BinaryIO:
    """Standard output for messages alone: what a library prints goes to standard error instead."""
    private = cast(BinaryIO, os.fdopen(os.dup(sys.stdout.fileno()), "wb"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return private


def end_with_parent() -> None:
    """From now on this process ends when its input does: the parent holds that open as long as it lives."""
    threading.Thread(target=_wait_and_leave, daemon=True).start()


def _wait_and_leave() -> None:
    # Not by sys.stdin, whose lock a thread at the end of the process would still hold.
    while os.read(0, 1 << 16):
        pass  # nothing is asked
    os._exit(0)
