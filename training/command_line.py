"""What commands that judge share: progress, Ctrl-C and the end of their input, and errors as exit codes. No PyTorch."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Generator, Mapping

from inference.errors import Cancelled, EngineError
from inference.types import CancelToken
from training.encoder_files import EncoderError
from training.export.errors import ExportTargetError
from training.pairs.pair import PairError
from training.train_errors import TrainError

Show = Callable[[str, float], object]
"""Takes what is going on, and the share of it that is done, in [0, 1]."""

NEEDS_TRAIN = "CLIP and DINO need the training packages: install them with  pip install 'palimpsest[train]'"
_FEWEST = 0.005  # of the whole, between two events of the same stage


def say(event: Mapping[str, object]) -> None:
    """One JSON object on a line of its own. Whoever reads may have gone: then the end of the input follows."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(dict(event)), flush=True)


def count(text: str) -> int:
    """For argparse: a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("has to be 1 or more")
    return number


@contextlib.contextmanager
def progress(events: bool) -> Generator[Show]:
    """Gives what shows how far the work is: as JSON lines, as a bar on a terminal, or not at all."""
    if events:
        yield _as_lines()
    elif not sys.stderr.isatty():
        yield lambda stage, fraction: None
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TimeRemainingColumn()
        with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda stage, fraction: bar.update(task, completed=fraction, description=stage)


@contextlib.contextmanager
def cancellation(events: bool) -> Generator[CancelToken]:
    """Gives a token that Ctrl-C, SIGTERM and, with events from a pipe, the end of the input set.

    A second Ctrl-C is not waited for: it raises KeyboardInterrupt.
    """
    token = CancelToken()

    def stop(_number: int, _frame: object) -> None:
        # In a thread of its own: this one may hold the token's lock at the moment.
        threading.Thread(target=token.cancel, daemon=True).start()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if events and _is_pipe():
        threading.Thread(target=_wait_for_end, args=(token,), daemon=True).start()
    if threading.current_thread() is not threading.main_thread():
        yield token
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(work: Callable[[], object]) -> int:
    """Does the work; 0, or what its error means, said in one sentence on standard error."""
    try:
        work()
    except (Cancelled, KeyboardInterrupt):
        return _failed("It was cancelled; nothing was written.", 130)
    except PairError as error:
        return _failed(error, 3)
    except TrainError as error:
        return _failed(error, error.code)
    except ExportTargetError as error:
        return _failed(error, 5)
    except (EngineError, EncoderError) as error:
        return _failed(error, 4)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"inference", "training"}:
            raise
        return _failed(NEEDS_TRAIN, 4)
    return 0


def _failed(sentence: object, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _as_lines() -> Show:
    last: list[tuple[str, float]] = []

    def show(stage: str, fraction: float) -> None:
        if not last or last[0][0] != stage or fraction - last[0][1] >= _FEWEST:
            last[:] = [(stage, fraction)]
            say({"event": "progress", "stage": stage, "fraction": round(fraction, 4)})

    return show


def _is_pipe() -> bool:
    """True where somebody holds the other end of the input: a terminal's or an empty one's end says nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # there is no input at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _wait_for_end(token: CancelToken) -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            continue
    token.cancel()
