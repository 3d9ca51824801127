"""The pairs that a model is judged on: of a store, of a run, or of a folder in any form that is known. No PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from training.evaluate import Example
from training.items import Item, Pictures
from training.pairs import checks
from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers import ReadOptions, open_pairs
from training.pairs.store import PairStore
from training.places import runs_folder
from training.runs import Run

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """examples: read one after the other, each time anew. refused: where and why, of those that cannot be judged."""

    name: str
    examples: Iterable[Example]
    count: int
    refused: tuple[Refusal, ...] = ()


def from_store(folder: Path, limit: int) -> Source:
    """The pairs that take part in training; with a limit, evenly from all of them. Raises `PairError`."""
    store = PairStore(folder)
    pairs = [pair for pair in store.pairs() if pair.enabled]
    examples = [Example(store.item(pair), captions(pair.origin)) for pair in spread(pairs, limit)]
    return _whole(f"the pairs in {folder}", examples)


def from_run(run: Run, limit: int) -> Source:
    """The pairs that were kept from a training for judging. Raises `TrainInputError`, `PairError`."""
    known: dict[str, tuple[str, str] | None] = {}
    store = run.sheet().store
    with suppress(PairError):  # the run stands alone: only captions are asked for here
        known = {pair.id: captions(pair.origin) for pair in PairStore(Path(store)).pairs()} if store else {}
    items = spread(list(run.held_out()), limit)
    return _whole(f"the held-out pairs of {run.folder}", [Example(item, known.get(item.id)) for item in items])


def from_path(path: Path, form: str, limit: int, pause: Callable[[], object] = lambda: None) -> Source:
    """The pairs at `path`, the first ones with a limit. They are looked through once to count them.

    pause: called for each, and may raise to end it. Raises `PairError`.
    """
    refused: list[Refusal] = []
    count = 0
    for _ in islice(_read(path, form, refused.append), limit or None):
        pause()
        count += 1
    if not count:
        why = f": {refused[0].where}: {refused[0].why}" if refused else "."
        raise PairError(f"{path} holds no pair that can be judged{why}")
    return Source(f"the pairs in {path}", _Again(path, form, limit), count, tuple(refused))


def run_named(text: str) -> Run:
    """The run in that folder, else the user's run of that name."""
    here, named = Run(Path(text)), Run(runs_folder() / text)
    return named if named.exists and not here.exists else here


def captions(origin: Mapping[str, str]) -> tuple[str, str] | None:
    """What a pair's picture shows before and after, where its source said so."""
    before, after = origin.get("caption", ""), origin.get("edited_caption", "")
    return (before, after) if before and after else None


def spread(all_of_them: list[T], limit: int) -> list[T]:
    """At most `limit` (0 for all), evenly from the whole list."""
    count = len(all_of_them)
    return all_of_them if not 0 < limit < count else [all_of_them[i * count // limit] for i in range(limit)]


@dataclass(frozen=True)
class _Again:
    path: Path
    form: str
    limit: int

    def __iter__(self) -> Iterator[Example]:
        return islice(_read(self.path, self.form, lambda refusal: None), self.limit or None)


def _whole(name: str, examples: list[Example]) -> Source:
    if not examples:
        raise PairError(f"No pair to judge a model by was found among {name}: add pairs first.")
    return Source(name, examples, len(examples))


def _read(path: Path, form: str, refuse: Callable[[Refusal], object]) -> Iterator[Example]:
    for entry in open_pairs(path, form, ReadOptions()):
        if isinstance(entry, Refusal):
            refuse(entry)
            continue
        try:
            raw = checks.tidy(entry)
            checks.check_instruction(raw.instruction)
            checks.check_pictures(raw)
        except PairError as error:
            refuse(Refusal(str(entry.origin.get("row", "")) or entry.instruction, str(error)))
            continue
        yield Example(_item(raw), captions(raw.origin))


def _item(raw: RawPair) -> Item:
    content = hashlib.sha256(raw.instruction.encode())
    for picture in (raw.source, raw.target):
        content.update(picture.tobytes())
    pictures = Pictures(raw.source, raw.target, raw.mask)
    return Item(content.hexdigest()[:20], raw.instruction, raw.group, lambda: pictures)
