"""The store of the user's pairs: a table and a folder of pictures. Nothing in it is ever half there. No PyTorch.

A pair's pictures are on the disk for good before its row is, and go after it; a lock between processes covers both, so
a picture without a row is either being added by whoever holds the lock, or left by one who was killed. A list of the
pictures at stake, there meanwhile, tells the next one what to sweep. No other picture is ever taken away.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.file_lock import FileLock
from training.items import Item, Pictures
from training.pairs import checks
from training.pairs.database import PATIENCE, Database, Row, Rows, StoreNotWritable, busy
from training.pairs.pair import Pair, PairError, RawPair, Rgb, UnclearError
from training.pairs.pictures import Picture, PictureFolder, content_hash, encoded
from training.pairs.similar import ALIKE_BITS, print_of, same_photo, unlikeness

_LOCK, _AT_STAKE = ".lock", ".changing"
_HASH = re.compile(r"[0-9a-f]{64}")
_CANDIDATES = 8
_ID_DIGITS = 20
SHORTEST = 4
"""Characters of the beginning of an id that stands for the whole."""


@dataclass(frozen=True)
class Entry:
    """A pair as a list shows it. changed_fraction: see `checks`. problem: a sentence where a picture is missing."""

    pair: Pair
    changed_fraction: float
    problem: str = ""


class PairStore:
    """The store in `folder`, which is made by the first `add`.

    Several processes, and threads, may use one folder at once. Every method raises `PairError` with a sentence:
    `StoreNotWritable` where the store is in use for longer than `patience` seconds, write-protected or full; else where
    the table is damaged or of a newer program.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self.folder, self._patience = Path(folder).absolute(), patience
        self._database = Database(self.folder / "pairs.db", patience)
        self._pictures = PictureFolder(self.folder / "pictures")
        self._prints = _Prints()

    def pairs(self) -> tuple[Pair, ...]:
        """All of them, oldest first."""
        with self._database.reading() as rows:
            return tuple(row.pair for row in rows.all())

    def entries(self) -> tuple[Entry, ...]:
        """All pairs with what a list shows of them; fast, for no picture is read."""
        with self._database.reading() as rows:
            return tuple(map(self._entry, rows.all()))

    def entry(self, identity: str) -> Entry:
        """Of the pair with that id, or with the one id that begins so. Raises `PairError`; see `pair`."""
        with self._database.reading() as rows:
            return self._entry(_found(rows, identity))

    def pair(self, identity: str) -> Pair:
        """By its id, or a beginning of it that no other has, of `SHORTEST` characters or more.

        Raises `PairError` for an unknown id, `UnclearError` where several begin so.
        """
        with self._database.reading() as rows:
            return _found(rows, identity).pair

    def add(self, raw: RawPair) -> Pair:
        """Check a pair and keep it; the same content again gives the pair that is there."""
        return self.put(raw)[0]

    def put(self, raw: RawPair) -> tuple[Pair, bool]:
        """As `add`; and whether the pair is new."""
        raw = checks.tidy(raw)
        checks.check_instruction(raw.instruction)
        checks.check_pictures(raw)
        row = _described(raw)
        with self._database.reading() as rows:
            present = rows.find(row.pair.id)
        if present is not None:
            return present.pair, False
        checks.check_registered(raw)
        files = _files(raw, row.pair)
        with self._changing():
            return self._keep(raw, row, files)

    def edit(self, identity: str, *, instruction: str | None = None, enabled: bool | None = None) -> Pair:
        """Change a pair. With another instruction it is another one: a new id in the old one's place, not learnt yet.

        Raises `PairError` for an unknown id (see `pair`), an empty instruction, and where such a pair is there already.
        """
        with self._changing(), self._database.writing() as rows:
            row = _found(rows, identity)
            pair = replace(row.pair, enabled=row.pair.enabled if enabled is None else enabled)
            if instruction is not None and checks.plain(instruction) != pair.instruction:
                pair = _reworded(pair, checks.plain(instruction))
                _check_reworded(rows, pair)
            rows.change(row.pair.id, pair)
            return pair

    def remove(self, identities: Iterable[str]) -> int:
        """Take pairs out, and the pictures that no other pair uses; how many there were. Unknown ids are no fault."""
        with self._changing():
            with self._database.writing() as rows:
                gone = [row.pair for row in map(rows.find, dict.fromkeys(identities)) if row is not None]
                self._put_at_stake({sha for pair in gone for sha in _hashes(pair)})
                rows.remove(pair.id for pair in gone)
            self._sweep()
        return len(gone)

    def mark_earlier(self, identities: Iterable[str], earlier: bool = True) -> int:
        """Say that a model that is installed has learnt these pairs, or has not; how many of them there are."""
        with self._changing(), self._database.writing() as rows:
            known = [row.pair for row in map(rows.find, dict.fromkeys(identities)) if row is not None]
            for pair in known:
                rows.change(pair.id, replace(pair, earlier=earlier))
        return len(known)

    def picture(self, sha: str) -> Picture:
        """uint8 (H, W, 3), or (H, W) for a mask. Raises `PairError` where it is missing or damaged."""
        return self._pictures.read(sha)

    def path(self, sha: str) -> Path:
        """The PNG file of a picture."""
        return self._pictures.path(sha)

    def item(self, pair: Pair) -> Item:
        """What training takes in; the pictures are read when it asks for them."""
        return Item(pair.id, pair.instruction, pair.group, partial(self.pictures, pair))

    def items(self, pairs: Iterable[Pair] | None = None) -> tuple[Item, ...]:
        """Those of `pairs`, in their order; else of all that are enabled, oldest first."""
        chosen = [pair for pair in self.pairs() if pair.enabled] if pairs is None else pairs
        return tuple(map(self.item, chosen))

    def pictures(self, pair: Pair) -> Pictures:
        """A pair's pictures, freshly read."""
        mask = self.picture(pair.mask) if pair.mask else None
        return Pictures(self.picture(pair.source), self.picture(pair.target), mask)

    def verify(self, progress: Callable[[float], object] = lambda share: None) -> tuple[Entry, ...]:
        """Read every row and every picture, and return the pairs with a problem."""
        self._database.check()
        if (self.folder / _AT_STAKE).exists():
            with suppress(StoreNotWritable), self._changing():  # whoever may change it sweeps
                pass
        entries = self.entries()
        checked = list[Entry]()
        for number, entry in enumerate(entries):
            checked.append(replace(entry, problem=entry.problem or self._unreadable(entry.pair)))
            progress((number + 1) / len(entries))
        return tuple(entry for entry in checked if entry.problem)

    def _keep(self, raw: RawPair, row: Row, files: Mapping[str, bytes]) -> tuple[Pair, bool]:
        """Within the lock."""
        with self._database.reading() as rows:
            present = rows.find(row.pair.id)  # another process may have been faster
            if present is not None:
                return present.pair, False
            self._prints.read_on(rows)
            checks.check_new(raw, map(self._known, self._prints.copies(rows, row)))
            group = raw.group or self._group(rows, raw.source, row)
        pair = replace(row.pair, group=_storable(group), added=datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._put_at_stake(files)
        for sha, data in files.items():
            self._pictures.write(sha, data)
        with self._database.writing() as rows:
            rows.add(replace(row, pair=pair))
        self._sweep()
        return pair, True

    def _group(self, rows: Rows, source: Rgb, row: Row) -> str:
        """The group of a pair that shows the same photo, before or after its edit; else the source's hash."""
        exact = rows.showing(row.pair.source)
        if exact is not None:
            return exact.pair.group
        for pair in self._prints.views(rows, row):
            if self._shows(pair.source, source) or self._shows(pair.target, source):
                return pair.group
        return row.pair.source

    def _shows(self, sha: str, picture: Rgb) -> bool:
        seen = self._seen(sha)
        return seen is not None and same_photo(seen, picture)

    def _known(self, pair: Pair) -> checks.Known:
        return checks.Known(pair.instruction, partial(self._seen, pair.source), partial(self._seen, pair.target))

    def _seen(self, sha: str) -> Rgb | None:
        try:
            return self.picture(sha)
        except PairError:  # a picture that is missing looks like no other
            return None

    def _entry(self, row: Row) -> Entry:
        return Entry(row.pair, row.changed_fraction, self._missing(row.pair))

    def _missing(self, pair: Pair) -> str:
        for sha in _hashes(pair):
            if not self.path(sha).exists():
                return f"The picture {self.path(sha)} is missing: remove its pair, or bring the file back."
        return ""

    def _unreadable(self, pair: Pair) -> str:
        try:
            self.pictures(pair)
        except PairError as error:
            return str(error)
        return ""

    @contextmanager
    def _changing(self) -> Generator[None]:
        """One change at a time, by one process; what one that was killed has left is swept first."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / _LOCK, self._patience):
                self._sweep()
                yield
        except TimeoutError as error:
            raise busy(self.folder) from error
        except OSError as error:
            raise StoreNotWritable(
                f"The pairs in {self.folder} cannot be changed ({error.strerror or error}): check the disk, or choose "
                "another folder."
            ) from error

    def _put_at_stake(self, hashes: Iterable[str]) -> None:
        """Within the lock: these may be there without a row from now on."""
        with (self.folder / _AT_STAKE).open("a", encoding="ascii") as file:
            file.writelines(f"{sha}\n" for sha in hashes)

    def _sweep(self) -> None:
        """Within the lock: take away those of the pictures at stake that no pair uses."""
        listed = self.folder / _AT_STAKE
        if not listed.exists():
            return
        self._pictures.remove_parts()
        with self._database.reading() as rows:
            unused = rows.unused(_HASH.findall(listed.read_text(encoding="ascii", errors="replace")))
        if all([self._pictures.remove(sha) for sha in unused]):  # else the list stays for the next one to try again
            listed.unlink()


class _Prints:
    """The prints of all pairs, kept from one add to the next: only rows that came since are read.

    A pair that was removed keeps its line here; its number is never given again.
    """

    def __init__(self) -> None:
        self._table: NDArray[np.int64] = np.empty((0, 3), np.int64)

    def read_on(self, rows: Rows) -> None:
        """Call this before the others."""
        last = int(self._table[-1, 0]) if len(self._table) else 0
        news = rows.after(last)
        if news:
            self._table = np.concatenate((self._table, np.array(news, np.int64)))

    def copies(self, rows: Rows, row: Row) -> Iterator[Pair]:
        """The pairs whose pictures, both of them, may be the same as `row`'s to the eye."""
        _, sources, targets = self._table.T
        return self._pairs(
            rows, np.maximum(unlikeness(sources, row.source_print), unlikeness(targets, row.target_print))
        )

    def views(self, rows: Rows, row: Row) -> Iterator[Pair]:
        """The pairs that may show what `row`'s source shows, before or after their edit; the likeliest few."""
        _, sources, targets = self._table.T
        bits = np.minimum(unlikeness(sources, row.source_print), unlikeness(targets, row.source_print))
        return islice(self._pairs(rows, bits), _CANDIDATES)

    def _pairs(self, rows: Rows, bits: NDArray[np.uint8]) -> Iterator[Pair]:
        near = np.flatnonzero(bits <= ALIKE_BITS)
        for place in near[np.argsort(bits[near], kind="stable")]:
            found = rows.numbered(int(self._table[place, 0]))
            if found is not None:
                yield found.pair


def _files(raw: RawPair, pair: Pair) -> dict[str, bytes]:
    """The PNG file of each picture, by its hash."""
    pictures = {pair.source: raw.source, pair.target: raw.target}
    if raw.mask is not None:
        pictures[pair.mask] = raw.mask
    return {sha: encoded(picture) for sha, picture in pictures.items()}


def _described(raw: RawPair) -> Row:
    """The row of a pair that is not kept yet: its group and the time of adding come with that."""
    height, width = raw.source.shape[:2]
    pair = Pair(
        id="",
        instruction=raw.instruction,
        source=content_hash(raw.source),
        target=content_hash(raw.target),
        mask="" if raw.mask is None else content_hash(raw.mask),
        width=width,
        height=height,
        group="",
        origin={str(key): str(value) for key, value in raw.origin.items()},
        added="",
    )
    return Row(
        replace(pair, id=_identity(pair)),
        checks.changed_fraction(raw.source, raw.target),
        print_of(raw.source),
        print_of(raw.target),
    )


def _identity(pair: Pair) -> str:
    content = json.dumps([pair.instruction, pair.source, pair.target, pair.mask])
    return hashlib.sha256(content.encode()).hexdigest()[:_ID_DIGITS]


def _reworded(pair: Pair, instruction: str) -> Pair:
    pair = replace(pair, instruction=instruction, earlier=False)
    return replace(pair, id=_identity(pair))


def _check_reworded(rows: Rows, pair: Pair) -> None:
    checks.check_instruction(pair.instruction)
    if rows.find(pair.id) is not None:
        raise PairError(f"The pair {pair.id} has this instruction and these pictures already: remove one of the two.")


def _hashes(pair: Pair) -> Collection[str]:
    return [sha for sha in (pair.source, pair.target, pair.mask) if sha]


def _found(rows: Rows, identity: str) -> Row:
    row = rows.find(identity)
    if row is not None:
        return row
    near = rows.beginning(identity) if len(identity) >= SHORTEST else ()
    if len(near) > 1:
        raise UnclearError(f"{len(near)} pairs have ids that begin with {identity!r}: give more of the id.")
    if not near:
        raise PairError(f"There is no pair {identity!r}: `palimpsest pairs list` shows the ids.")
    return near[0]


def _storable(text: str) -> str:
    """A name of bytes that are no text, as a file's may be, in letters that the table can hold."""
    return text.encode("utf-8", "backslashreplace").decode()
