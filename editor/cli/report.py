"""What a command says and how it ends: results on stdout, one line on stderr for an error, an exit code."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Mapping

from editor.core import paths
from editor.core.errors import OutputNotWritable, PalimpsestError
from inference.errors import Cancelled, EngineError, RequestError

USAGE, ENGINE, OUTPUT, CANCELLED, UNEXPECTED = 2, 4, OutputNotWritable.exit_code, 130, 1


def say(line: str) -> None:
    """One line of result on stdout."""
    print(line)


def say_json(value: Mapping[str, object]) -> None:
    """The one object on stdout that `--json` promises."""
    print(json.dumps(value, indent=2))


def fail(error: BaseException) -> int:
    """Say in one line what went wrong; returns the exit code."""
    code = exit_code(error)
    complain(_unexpected(error) if code == UNEXPECTED and not isinstance(error, PalimpsestError) else str(error))
    return code


def complain(sentence: str) -> None:
    """One line on stderr, whatever line breaks a file name or a library's message brought along."""
    print("palimpsest:", " ".join(sentence.split()), file=sys.stderr)


def exit_code(error: BaseException) -> int:
    """2 usage, 3 input unreadable, 4 model or provider trouble, 5 output not writable, 130 cancelled; 1 is a defect."""
    if isinstance(error, PalimpsestError):
        return error.exit_code
    if isinstance(error, Cancelled | KeyboardInterrupt):
        return CANCELLED
    if isinstance(error, RequestError):
        return USAGE
    return ENGINE if isinstance(error, EngineError | MemoryError) else UNEXPECTED


def _unexpected(error: BaseException) -> str:
    kept = _write_log(error)
    where = f"the details are in {paths.log_file()}" if kept else "no log could be written"
    return f"Something unexpected happened ({type(error).__name__}: {error}); {where}."


def _write_log(error: BaseException) -> bool:
    with contextlib.suppress(OSError):
        log = paths.log_file()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{''.join(traceback.format_exception(error))}\n")
        return True
    return False
