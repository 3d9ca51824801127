"""Crash recovery: a record of every open document with its undo tree, kept current while one works.

A record is a folder of its own: the lock of its owner, a file of tiles that only grows, and an index that is renamed
into place. A crash at any moment leaves the index before, and all tiles that it names.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from editor.core.atomic import not_written
from editor.core.errors import InputUnreadable
from editor.core.formats.layered_format import StoredVariant
from editor.core.history import History
from editor.core.journal_claim import Claim
from editor.core.journal_read import read_history, read_index
from editor.core.journal_variants import Makers, read_variants, write_variants
from editor.core.journal_write import INDEX, Generation, Stopped
from editor.core.paths import user_folder

_LOG = logging.getLogger(__name__)
_LOCK = "lock"
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, AssertionError)
"""What reading a damaged record can raise."""
_YOUNG = 3600  # seconds


def recovery_folder() -> Path:
    """Where the program keeps its records."""
    return user_folder() / "recovery"


class Journal:
    """The record of one open document."""

    def __init__(self, folder: Path) -> None:
        """folder: of all records; made, with a folder for this one in it, at the first `record`."""
        self._parent = folder
        self._folder: Path | None = None
        self._claim: Claim | None = None
        self._generation: Generation | None = None
        self._count = 0
        self._ended = False
        self._lock = threading.Lock()

    def record(self, history: History, path: Path | None, title: str, variants: Makers | None = None) -> None:
        """Writes what is new since the last time; call it on a worker thread, the window may go on changing `history`.

        path: the document's file, None for one never saved. variants: those neither kept nor thrown away. After
        `discard` it does nothing. Raises OutputNotWritable; the record before stays, and the next one starts anew.
        """
        snapshot = history.snapshot()
        with self._lock:
            if self._ended:
                return
            try:
                generation = self._ready()
                generation.write(snapshot, {"title": title, "path": None if path is None else str(path)})
                if self._folder is not None:
                    write_variants(self._folder, variants or {})
                self._remove_others(generation)
            except Stopped:
                return
            except BaseException as error:
                self._give_up()
                if isinstance(error, OSError):
                    raise not_written(self._folder or self._parent, error) from error
                raise

    def discard(self) -> None:
        """A clean close: takes the record away. A `record` in progress is given up."""
        self._ended = True
        with self._lock:
            self._give_up()
            if self._folder is not None and self._claim is not None:
                _remove(self._folder, self._claim)

    def close(self) -> None:
        """Lets the record be, as a crash does."""
        self._ended = True
        with self._lock:
            self._give_up()
            if self._claim is not None:
                self._claim.release()

    def _ready(self) -> Generation:
        if self._folder is None or self._claim is None:
            folder = self._parent / secrets.token_hex(8)
            folder.mkdir(parents=True)
            self._claim = Claim.take(folder / _LOCK)
            if self._claim is None:
                raise OSError(f"{folder} cannot be locked")
            self._folder = folder
        if self._generation is not None and self._generation.stale:
            self._give_up()
        if self._generation is None:
            self._count += 1
            self._generation = Generation(self._folder, self._count, lambda: self._ended)
        return self._generation

    def _give_up(self) -> None:
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.close()

    def _remove_others(self, generation: Generation) -> None:
        """The index names this generation's file only."""
        for file in self._folder.glob("tiles-*.bin") if self._folder else ():
            if file.name != generation.name:
                file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Found:
    """A record whose owner is gone. path: the document's file, None for one never saved. time: of its last state, in
    seconds since 1970. steps: how many the history has."""

    folder: Path
    title: str
    path: Path | None
    time: float
    steps: int


@dataclass(frozen=True, eq=False)
class Recovered:
    """What came back. The record stays, and no other program takes it, until `discard`: call that once the document is
    saved or recorded again."""

    history: History
    title: str
    path: Path | None
    folder: Path
    claim: Claim
    variants: tuple[StoredVariant, ...] = ()

    def discard(self) -> None:
        """Takes the record away."""
        _remove(self.folder, self.claim)


def recoverable(folder: Path) -> list[Found]:
    """The records that a crash left, the newest first. Never raises."""
    try:
        records = list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        _LOG.warning("%s cannot be looked through: %s", folder, error)
        return []
    _sweep(records)
    found = [_look(one) for one in records if _has_index(one)]
    return sorted((one for one in found if one is not None), key=lambda one: -one.time)


def recover(found: Found, budget: int | None = None) -> Recovered:
    """The history as it was last recorded, every step and branch of it. Raises InputUnreadable where the record is
    damaged or another program has it; it stays on disk then."""
    claim = Claim.take(found.folder / _LOCK)
    if claim is None:
        raise InputUnreadable(f"“{found.title}” is being recovered by another window already.")
    try:
        history = read_history(found.folder, budget)
    except DAMAGE as error:
        claim.release()
        raise InputUnreadable(f"“{found.title}” cannot be recovered: its record is damaged ({error}).") from error
    return Recovered(history, found.title, found.path, found.folder, claim, read_variants(found.folder))


def discard(found: Found) -> None:
    """Takes a record away that the user does not want; one that another program has stays."""
    claim = Claim.take(found.folder / _LOCK)
    if claim is not None:
        _remove(found.folder, claim)


def _has_index(folder: Path) -> bool:
    try:
        return (folder / INDEX).is_file()
    except OSError:  # a folder that may not be entered
        return False


def _look(folder: Path) -> Found | None:
    claim = Claim.take(folder / _LOCK)
    if claim is None:
        return None
    try:
        index = read_index(folder)
        path, time = index["path"], float(index["time"])
        return Found(folder, str(index["title"]), None if path is None else Path(path), time, len(index["steps"]))
    except DAMAGE as error:
        _LOG.warning("%s holds no record that can be read: %s", folder, error)
        return None
    finally:
        claim.release()


def _sweep(folders: list[Path]) -> None:
    """Takes away what was killed before its first record was whole; a young one may be just beginning."""
    for one in folders:
        with contextlib.suppress(OSError):
            if (one / _LOCK).is_file() and not (one / INDEX).exists() and time.time() - one.stat().st_mtime > _YOUNG:
                claim = Claim.take(one / _LOCK)
                if claim is not None:
                    _remove(one, claim)


def _remove(folder: Path, claim: Claim) -> None:
    """The index first: without it the folder is no record, whatever happens on the way."""
    with contextlib.suppress(OSError):
        (folder / INDEX).unlink(missing_ok=True)
    claim.release()  # Windows deletes no open file
    shutil.rmtree(folder, ignore_errors=True)
