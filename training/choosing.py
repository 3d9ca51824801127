"""Which pairs a training takes: those to learn, those to judge by, those to show again. Without PyTorch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.items import Item
from training.pairs.pair import Pair, PairError
from training.pairs.split import split
from training.pairs.store import PairStore
from training.runs import RunSheet
from training.train_errors import TrainInputError


@dataclass(frozen=True)
class Choice:
    """train: what is learnt; held_out: other source pictures, kept for judging; earlier: learnt before, replayed."""

    train: tuple[Item, ...]
    held_out: tuple[Item, ...]
    earlier: tuple[Item, ...]

    @property
    def instructions(self) -> tuple[str, ...]:
        """The different ones that are learnt, in the order in which they came."""
        return tuple(dict.fromkeys(item.instruction for item in self.train))

    @property
    def sha256(self) -> str:
        """Of everything by which pairs could have changed: ids are of content, and instructions are named beside."""
        parts = [[(item.id, item.instruction) for item in items] for items in (self.train, self.held_out, self.earlier)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def choose(store: PairStore, held_out: float) -> Choice:
    """The enabled pairs of a store, split by source picture. Pairs that an installed model has learnt are replayed,
    unless there are no others. Raises `TrainInputError`.
    """
    pairs = enabled_pairs(store)
    new = [pair for pair in pairs if not pair.earlier] or pairs
    earlier = [pair for pair in pairs if pair.earlier and pair not in new]
    if not new:
        raise TrainInputError(
            f"There are no pairs to learn from in {store.folder}: add some with `palimpsest pairs add`, or with "
            "Use for Training in the editor."
        )
    train, kept = split(new, held_out, lambda pair: pair.group)
    # What is replayed may not show a picture that is kept for judging.
    judged = {pair.group for pair in kept}
    earlier = [pair for pair in earlier if pair.group not in judged]
    return Choice(*(store.items(part) for part in (train, kept, earlier)))


def chosen_before(store: PairStore, sheet: RunSheet) -> Choice:
    """The pairs with which a run began; pairs that came later have no part in it. Raises `TrainInputError`."""
    known: Mapping[str, Pair] = {pair.id: pair for pair in enabled_pairs(store)}
    wanted = (sheet.train, sheet.held_out, sheet.earlier)
    missing = [id for ids in wanted for id in ids if id not in known]
    if missing:
        raise _changed(f"{len(missing)} of its pairs are gone or switched off")
    choice = Choice(*(store.items([known[id] for id in ids]) for ids in wanted))
    if choice.sha256 != sheet.pairs_sha256:
        raise _changed("pairs were changed")
    return choice


def problems(choice: Choice) -> tuple[str, ...]:
    """Sentences about what will make a training worse, though it can be done."""
    found: list[str] = []
    groups = {item.group for item in choice.train}
    if not choice.held_out:
        found.append("All pairs are of one photo, so none can be kept for judging: add pairs of other photos.")
    pairs = len(choice.train)
    if pairs < FEW:
        few = "There is only 1 pair" if pairs == 1 else f"There are only {pairs} pairs"
        found.append(f"{few} to learn from: {FEW} or more teach much better.")
    elif len(groups) < FEW_PHOTOS:
        found.append(f"The pairs are of only {len(groups)} photos: more photos teach what the edit does to any photo.")
    return tuple(found)


FEW, FEW_PHOTOS = 10, 5


def store_at(folder: Path) -> PairStore:
    """Raises `TrainInputError` where there is no store."""
    if not (folder / "pairs.db").is_file():
        raise TrainInputError(
            f"There are no pairs in {folder}: add some with `palimpsest pairs add`, or with Use for Training in "
            "the editor."
        )
    return PairStore(folder)


def enabled_pairs(store: PairStore) -> Sequence[Pair]:
    try:
        return [pair for pair in store.pairs() if pair.enabled]
    except PairError as error:
        raise TrainInputError(str(error)) from error


def _changed(what: str) -> TrainInputError:
    return TrainInputError(f"This training cannot go on, because {what} since it began: start a new one.")
