"""What the processes share that `training.supervision` starts: how they hear of the end, tell of progress and fail."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from inference.errors import Cancelled, EngineError
from inference.types import CancelToken
from training.export.errors import ExportCancelled, ExportError, ExportTargetError
from training.train_errors import TrainError

Show = Callable[[str, float], None]

_GRACE = 1.0
_FEWEST = 0.005  # of the whole, between two events of the same stage


def carry_out(work: Callable[[CancelToken], None], *, cancelled: str, needs_train: str, no_memory: str) -> int:
    """Runs `work` and turns what it raises into a sentence on stderr and an exit code.

    0 done, 4 the model or what it needs, 5 not writable, 130 cancelled, else what a `TrainError` says. The end of the
    input cancels.
    """
    # Control-C in a terminal comes to both processes, and the other one ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cancel = CancelToken()
    threading.Thread(target=_end_with_input, args=(cancel,), daemon=True).start()
    try:
        work(cancel)
    except (ExportCancelled, Cancelled):
        print(cancelled, file=sys.stderr)
        return 130
    except (ExportError, EngineError, TrainError) as error:
        print(error, file=sys.stderr)
        return _code(error)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"inference", "training"}:
            raise
        print(f"{needs_train}  ({error.name} is missing).", file=sys.stderr)
        return 4
    except MemoryError:
        print(no_memory, file=sys.stderr)
        return 4
    return 0


def progress(events: bool) -> Show:
    """Prints a stage when it begins and every half per cent; on a terminal, one line that changes."""
    last: list[tuple[str, float]] = []

    def show(stage: str, fraction: float) -> None:
        if last and last[0][0] == stage and fraction - last[0][1] < _FEWEST:
            return
        last[:] = [(stage, fraction)]
        if events:
            print(json.dumps({"event": "progress", "stage": stage, "fraction": round(fraction, 4)}), flush=True)
        elif sys.stderr.isatty():
            print(f"\r{fraction:4.0%} {stage:<24}", end="\n" if fraction == 1 else "", file=sys.stderr, flush=True)

    return show


def _code(error: Exception) -> int:
    if isinstance(error, TrainError):
        return error.code
    return 5 if isinstance(error, ExportTargetError) else 4


def _end_with_input(cancel: CancelToken) -> None:
    """The process that started this one holds the other end; when it is gone nobody waits for what is made."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    cancel.cancel()
    time.sleep(_GRACE)  # time to take away what was made; what is left the next attempt takes away
    os._exit(130)
