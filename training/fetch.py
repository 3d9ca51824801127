"""`python -m training fetch SOURCE -o DIR`: a model's files from the hub or an address, once the user has said yes.

Only the standard library. Events with --events, one JSON object a line: {"event": "plan", "host", "name", "licence",
"bytes", "files": [{"path", "size"}]}, {"event": "progress", "stage", "fraction"}, and at the end {"event": "done",
"path", "name", "licence", "bytes"}, where path is the folder, or the file where the source is a single one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.errors import Cancelled
from inference.file_lock import FileLock
from inference.types import CancelToken
from training.fetching import sources
from training.fetching.download import Patience, download
from training.fetching.errors import FetchError, FetchTargetError, FetchUsageError
from training.fetching.plan import Plan, Remote, place
from training.fetching.web import Web

CANCELLED = 130
INTERVAL = 0.2
"""Seconds between two events of progress."""
SPARE = 64 << 20
"""Left free on the disk."""
_GRACE = 3.0

Tell = Callable[[dict[str, object]], None]


@dataclass(frozen=True)
class Options:
    """plan_only: show what would be fetched and stop. yes: the user has agreed to connect and to fetch."""

    source: str
    folder: Path
    events: bool
    yes: bool
    plan_only: bool


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 done, 2 usage (also: nobody said yes), 4 the host or the network, 5 the disk, 130 cancelled."""
    options, cancel = parsed(arguments), CancelToken()
    if options.events:
        threading.Thread(target=_end_with_input, args=(cancel,), daemon=True).start()
    return run(options, cancel)


def run(options: Options, cancel: CancelToken, patience: Patience | None = None) -> int:
    """`main` for options that are read already."""
    try:
        return _run(options, Web(), cancel, patience)
    except (Cancelled, KeyboardInterrupt):
        print(f"The download was cancelled; what came so far is kept in {options.folder}.", file=sys.stderr)
        return CANCELLED
    except FetchError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def fetch(plan: Plan, folder: Path, web: Web, tell: Tell, cancel: CancelToken, patience: Patience | None) -> Path:
    """Fetch all files of the plan into `folder`; returns it, or the one file. Raises `FetchError` and `Cancelled`."""
    targets = [(file, place(folder, file.path)) for file in plan.files]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_space(plan, folder, targets)
        with FileLock(folder / ".lock"):
            report = _Report(plan, tell)
            for file, target in targets:
                download(file, target, web, report.of(file), cancel, patience)
                report.finished(file)
    except TimeoutError as error:
        raise FetchTargetError(f"Another program is fetching into {folder}: wait until it is done.") from error
    except OSError as error:
        raise FetchTargetError(f"{folder} cannot be written ({error.strerror or error}): check the disk.") from error
    return targets[0][1] if plan.single else folder


class _Report:
    """Progress of all files together, told a few times a second."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._total, self._tell = max(1, plan.bytes), tell
        self._done, self._told = 0, 0.0

    def of(self, file: Remote) -> Callable[[int], None]:
        return lambda count: self._show(file, count, time.monotonic() - self._told >= INTERVAL)

    def finished(self, file: Remote) -> None:
        self._show(file, file.size, True)
        self._done += file.size

    def _show(self, file: Remote, count: int, now: bool) -> None:
        if now:
            self._told = time.monotonic()
            fraction = round(min(1.0, (self._done + count) / self._total), 4)
            self._tell({"event": "progress", "stage": f"fetch {file.path}", "fraction": fraction})


def _run(options: Options, web: Web, cancel: CancelToken, patience: Patience | None) -> int:
    tell = _teller(options.events)
    host = sources.host(options.source)
    if not options.yes and not _agreed(f"Ask {host} what {options.source} is? This goes over the network."):
        return _nothing(options)
    plan = sources.plan(options.source, web)
    tell({"event": "plan", "host": plan.host, "name": plan.name, "licence": plan.licence, "bytes": plan.bytes,
          "files": [{"path": file.path, "size": file.size} for file in plan.files]})  # fmt: skip
    if options.plan_only:
        return 0
    if not options.yes and not _agreed(f"Fetch {len(plan.files)} files, {plan.bytes / 1e6:.1f} MB, from {plan.host}?"):
        return _nothing(options)
    path = fetch(plan, options.folder, web, tell, cancel, patience)
    tell({"event": "done", "path": str(path), "name": plan.name, "licence": plan.licence, "bytes": plan.bytes})
    return 0


def _agreed(question: str) -> bool:
    """Only a person at a terminal can say yes here."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise FetchUsageError("Nothing is fetched unless you say yes: add --yes, or run this in a terminal.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _nothing(options: Options) -> int:
    print(f"Nothing was fetched of {options.source}.", file=sys.stderr)
    return CANCELLED


def _check_space(plan: Plan, folder: Path, targets: Sequence[tuple[Remote, Path]]) -> None:
    here = sum(path.stat().st_size for _, target in targets for path in (target, _part(target)) if path.is_file())
    needed, free = plan.bytes - here + SPARE, shutil.disk_usage(folder).free
    if free < needed:
        raise FetchTargetError(
            f"{folder} has {free / 1e6:.0f} MB free and the download needs {needed / 1e6:.0f} MB: make room, then try "
            "again."
        )


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _teller(events: bool) -> Tell:
    def as_json(event: dict[str, object]) -> None:
        print(json.dumps(event), flush=True)

    return as_json if events else _say


def _say(event: dict[str, object]) -> None:
    match event:
        case {"event": "plan", "host": host, "bytes": int(size), "licence": licence}:
            print(f"{size / 1e6:.1f} MB from {host}; licence: {licence or 'not stated'}")
        case {"event": "progress", "stage": stage, "fraction": float(fraction)} if sys.stderr.isatty():
            print(f"\r\x1b[K{fraction:4.0%} {stage}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)
        case {"event": "done", "path": path}:
            print(path)
        case _:
            pass


def _end_with_input(cancel: CancelToken) -> None:
    """Whoever started this closes our input to stop it, also by dying."""
    try:
        while os.read(sys.stdin.fileno(), 1024):
            pass
    except (OSError, ValueError):
        return
    cancel.cancel()
    # A connection that hangs would keep us until its timeout; every byte that came is on the disk already.
    time.sleep(_GRACE)
    os._exit(CANCELLED)


def parsed(arguments: Sequence[str]) -> Options:
    """Ends the program where the words are not understood, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m training fetch", description="Fetch a model from the network.")
    parser.add_argument("source", help="hub:OWNER/NAME[@REVISION][/FILE], or the https address of a .safetensors file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument("--yes", action="store_true", help="connect and fetch without asking")
    parser.add_argument("--plan", action="store_true", help="tell what would be fetched, and stop")
    parser.add_argument("--events", action="store_true", help="print progress as JSON, one object a line")
    words = parser.parse_args(arguments)
    return Options(words.source, words.output, words.events, words.yes, words.plan)
