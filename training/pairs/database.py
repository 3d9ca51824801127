"""The table of pairs: an SQLite file that several processes may use at once. Without PyTorch."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

from training.pairs.pair import Pair, PairError

SCHEMA = 1
"""The version of the table; a file of a higher one is left alone."""
PATIENCE = 10.0
"""Seconds to wait for another process that changes the store."""

_TABLE = """
CREATE TABLE IF NOT EXISTS pairs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    instruction TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    mask TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    source_group TEXT NOT NULL,
    origin TEXT NOT NULL,
    added TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    earlier INTEGER NOT NULL,
    changed_fraction REAL NOT NULL,
    source_print INTEGER NOT NULL,
    target_print INTEGER NOT NULL
)
"""
_PICTURES = ("source", "target", "mask")
_INDICES = tuple(f"CREATE INDEX IF NOT EXISTS pairs_{name} ON pairs ({name})" for name in _PICTURES)
_COLUMNS = (
    "id, instruction, source, target, mask, width, height, source_group, origin, added, enabled, earlier, "
    "changed_fraction, source_print, target_print, number"
)
_FULL, _NO_DATABASE, _CORRUPT = sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM)


class StoreNotWritable(PairError):
    """The store cannot be changed: in use by another program, write-protected, or the disk is full."""


@dataclass(frozen=True)
class Row:
    """A pair with what the store knows of it besides.

    changed_fraction: see `pairs.checks`. source_print, target_print: see `pairs.similar`, 64 bits, signed.
    number: counts up in the order of adding; 0 before that.
    """

    pair: Pair
    changed_fraction: float
    source_print: int
    target_print: int
    number: int = 0


class Database:
    """The file `path`, which is made by the first `writing`. Every method opens and closes it: none holds a lock long.

    A rollback journal and no write-ahead log: that would need shared memory, which network disks lack, and a writable
    folder even for reading. All methods raise `PairError`, `StoreNotWritable` where that is the reason.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._path, self._patience = Path(path), patience

    @contextmanager
    def reading(self) -> Generator[Rows]:
        """A consistent view; of nothing where there is no file."""
        if not self._path.exists():
            yield Rows(None)
            return
        with self._sentences(), contextlib.closing(self._connect("rw")) as connection:
            connection.execute("BEGIN")
            yield Rows(connection if self._version(connection) else None)

    @contextmanager
    def writing(self) -> Generator[Rows]:
        """A transaction: on the disk when the block ends, undone where it ends with an error or is killed."""
        with self._sentences(), contextlib.closing(self._connect("rwc")) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                if not self._version(connection):
                    _make(connection)
                yield Rows(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def check(self) -> None:
        """Read all of it. Raises `PairError` where it is damaged."""
        if not self._path.exists():
            return
        with self._sentences(), contextlib.closing(self._connect("rw")) as connection:
            self._version(connection)
            found = connection.execute("PRAGMA integrity_check").fetchone()
        if found != ("ok",):
            raise self._damaged()

    def _connect(self, mode: str) -> sqlite3.Connection:
        path = self._path.absolute().as_posix()
        # Slashes in front: for a path that begins with a drive's letter, or a server's name behind two of its own.
        address = f"file://{'' if path.startswith('/') else '/'}{quote(path)}?mode={mode}"
        return sqlite3.connect(address, timeout=self._patience, isolation_level=None, uri=True)

    def _version(self, connection: sqlite3.Connection) -> int:
        """0 for a file with nothing in it yet. Raises `PairError` for one of a newer program."""
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA:
            raise PairError(
                f"The pairs in {self._path} were kept by a newer version of this program: update it, or choose another "
                "folder."
            )
        if not version and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise self._damaged()
        return version

    def _damaged(self) -> PairError:
        return PairError(
            f"The list of pairs {self._path} is damaged: bring back a copy of it, or move it away to begin a new one."
        )

    @contextmanager
    def _sentences(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = cast("int", getattr(error, "sqlite_errorcode", 0)) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise busy(self._path.parent) from error
            if code == _FULL:
                raise StoreNotWritable(f"{self._path} was not written: the disk is full; free some space.") from error
            if code in _REFUSED:
                raise StoreNotWritable(f"{self._path} cannot be opened ({error}): check the disk.") from error
            if code in (_NO_DATABASE, _CORRUPT) or isinstance(error, sqlite3.DatabaseError):
                raise self._damaged() from error
            raise


class Rows:
    """The rows within a transaction of `Database`; None stands for a table without rows."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def all(self) -> tuple[Row, ...]:
        """Oldest first."""
        return tuple(self._select("ORDER BY number"))

    def after(self, number: int) -> tuple[tuple[int, int, int], ...]:
        """(number, source_print, target_print) of the rows with a higher number."""
        query = "SELECT number, source_print, target_print FROM pairs WHERE number > ? ORDER BY number"
        found = self._run(query, number)
        return tuple((int(str(row[0])), int(str(row[1])), int(str(row[2]))) for row in found)

    def find(self, identity: str) -> Row | None:
        return next(iter(self._select("WHERE id = ?", identity)), None)

    def beginning(self, text: str) -> tuple[Row, ...]:
        """Those whose id begins so, oldest first."""
        return tuple(self._select("WHERE id >= ? AND id < ? ORDER BY number", text, f"{text}g"))  # ids go up to f

    def numbered(self, number: int) -> Row | None:
        return next(iter(self._select("WHERE number = ?", number)), None)

    def showing(self, sha: str) -> Row | None:
        """The oldest row with that picture as source or target."""
        return next(iter(self._select("WHERE source = ? OR target = ? ORDER BY number LIMIT 1", sha, sha)), None)

    def add(self, row: Row) -> None:
        """Raises `sqlite3.IntegrityError` where the id is there."""
        marks = ", ".join("?" * 15)
        columns = _COLUMNS.removesuffix(", number")
        self._run(f"INSERT INTO pairs ({columns}) VALUES ({marks})", *_values(row))

    def change(self, identity: str, pair: Pair) -> None:
        """Put `pair`'s id, instruction, enabled and earlier in place of what the row `identity` says."""
        self._run(
            "UPDATE pairs SET id = ?, instruction = ?, enabled = ?, earlier = ? WHERE id = ?",
            pair.id, pair.instruction, pair.enabled, pair.earlier, identity,
        )  # fmt: skip

    def remove(self, identities: Iterable[str]) -> None:
        for identity in identities:
            self._run("DELETE FROM pairs WHERE id = ?", identity)

    def unused(self, hashes: Iterable[str]) -> set[str]:
        """Those of the pictures that no row names."""
        query = "SELECT 1 FROM pairs WHERE source = ? OR target = ? OR mask = ? LIMIT 1"
        return {sha for sha in hashes if not self._run(query, sha, sha, sha)}

    def _select(self, tail: str, *values: object) -> Iterable[Row]:
        return map(_row, self._run(f"SELECT {_COLUMNS} FROM pairs {tail}", *values))

    def _run(self, query: str, *values: object) -> Sequence[tuple[object, ...]]:
        if self._connection is None:
            return []
        return self._connection.execute(query, values).fetchall()


def busy(folder: Path) -> StoreNotWritable:
    return StoreNotWritable(f"Another program is changing the pairs in {folder}: try again when it is done.")


def _make(connection: sqlite3.Connection) -> None:
    # The version is part of the transaction: a kill leaves an empty file or the whole table.
    for statement in (_TABLE, *_INDICES, f"PRAGMA user_version = {SCHEMA}"):
        connection.execute(statement)


def _values(row: Row) -> tuple[object, ...]:
    pair = row.pair
    return (
        pair.id, pair.instruction, pair.source, pair.target, pair.mask, pair.width, pair.height, pair.group,
        json.dumps(dict(pair.origin), sort_keys=True), pair.added, pair.enabled, pair.earlier,
        row.changed_fraction, row.source_print, row.target_print,
    )  # fmt: skip


def _row(values: tuple[object, ...]) -> Row:
    texts = [str(value) for value in values]
    try:
        return Row(_pair(texts), float(texts[12]), int(texts[13]), int(texts[14]), int(texts[15]))
    except ValueError as error:  # a file that something else has written to
        raise sqlite3.DatabaseError(f"row {texts[15]}: {error}") from error


def _pair(texts: Sequence[str]) -> Pair:
    identity, instruction, source, target, mask, width, height, group, origin, added, enabled, earlier = texts[:12]
    return Pair(
        id=identity,
        instruction=instruction,
        source=source,
        target=target,
        mask=mask,
        width=int(width),
        height=int(height),
        group=group,
        origin=_origin(origin),
        added=added,
        enabled=bool(int(enabled)),
        earlier=bool(int(earlier)),
    )


def _origin(text: str) -> Mapping[str, str]:
    try:
        value: object = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    return {str(key): str(entry) for key, entry in cast("dict[object, object]", value).items()}
