"""Putting what a reader finds into the store, and what there is to say of it. Without PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from training.pairs.checks import moving_words
from training.pairs.database import StoreNotWritable
from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.store import PairStore

_SHOWN = 20


@dataclass
class Adding:
    """An `add` at work.

    instruction: for pairs that have none. origin: goes on every pair's own. new, same: how many pairs were added, and
    how many were there already. own: how many of these kept an instruction of their own. moving: of each new pair that
    speaks of moving, the words.
    """

    store: PairStore
    instruction: str
    origin: Mapping[str, str]
    new: int = 0
    same: int = 0
    own: int = 0
    moving: list[list[str]] = field(default_factory=list[list[str]])
    refused: list[Refusal] = field(default_factory=list[Refusal])

    def take(self, found: RawPair | Refusal, where: str) -> None:
        """Into the store, or among the refused. where: names one that has no name. Raises `StoreNotWritable`."""
        if isinstance(found, Refusal):
            self.refused.append(found)
            return
        raw = replace(found, origin={**found.origin, **self.origin})
        try:
            self._put(raw)
        except StoreNotWritable:
            raise
        except PairError as error:
            self.refused.append(Refusal(_name(raw) or where, str(error)))

    def notes(self) -> Iterator[str]:
        """What the user should know of the pairs that were taken, and why the others were not; a sentence each."""
        given = self.instruction.strip()
        if given and self.own:
            kept = "has and keeps its" if self.own == 1 else "have and keep their"
            yield f"{counted(self.own)} {kept} own instruction: --instruction is for pairs that have none."
        yield from unchecked(self.moving)
        yield from (f"Refused {refusal.where}: {refusal.why}" for refusal in self.refused[:_SHOWN])
        if len(self.refused) > _SHOWN:
            yield f"{len(self.refused) - _SHOWN} more were refused; --json shows all of them."

    def _put(self, raw: RawPair) -> None:
        _, new = self.store.put(raw)
        self.new += new
        self.same += not new
        self.own += raw.instruction.strip() != self.instruction.strip()
        words = moving_words(raw.instruction)
        if new and words:
            self.moving.append(words)


def unchecked(moving: list[list[str]]) -> Iterator[str]:
    """That pairs were not looked at for a shift; moving: of each of them, the words that are the reason."""
    if not moving:
        return
    words = ", ".join(sorted({word for words in moving for word in words}))
    why = "its instruction speaks" if len(moving) == 1 else "their instructions speak"
    were = "was" if len(moving) == 1 else "were"
    yield f"{counted(len(moving))} {were} not checked for pictures that are shifted: {why} of moving ({words})."


def counted(count: int) -> str:
    return f"{count} {'pair' if count == 1 else 'pairs'}"


def _name(raw: RawPair) -> str:
    """What its reader calls a pair: a row, or a file's name."""
    return next((raw.origin[key] for key in ("row", "key", "name", "prompt") if raw.origin.get(key)), "")
