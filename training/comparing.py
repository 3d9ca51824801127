"""Base against new: the same items edited by one model after the other. Without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from inference.package import ModelPackage
from training import strips
from training.closed_form import LONG_SIDE
from training.command_line import Show
from training.drawing import fitted
from training.editing import Maker
from training.general import GENERAL, general_items
from training.items import Item, Pictures
from training.pairs.pair import Rgb
from training.protocol import hash_of, listed, protocol
from training.scoring import Scored, score

GENERAL_COUNT, GENERAL_SEED = 24, 0

Opens = Callable[[ModelPackage], AbstractContextManager[Maker]]
"""Opens a package for edits: `training.editing.maker`, with all but the package given."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One item edited by one model. source, result, target: small; the result is that of the first seed."""

    scored: Scored
    source: Rgb
    result: Rgb
    target: Rgb

    @property
    def psnr(self) -> float:
        """In dB, to what is wanted."""
        return self.scored.scores["psnr"] or 0.0


@dataclass(frozen=True, eq=False)
class Compared:
    """One item before and after the training. base: None where the base's own edit is what is wanted."""

    base: Seen | None
    new: Seen

    @property
    def gain(self) -> float:
        """In dB; without a base to compare with, how near it came."""
        return self.new.psnr - (self.base.psnr if self.base else 0.0)


@dataclass(frozen=True)
class Comparison:
    """exact: whether the general edits' right answers are known; else what the base makes stands for them."""

    held_out: tuple[Compared, ...]
    general: tuple[Compared, ...]
    exact: bool
    protocol: Mapping[str, object]


def compare(
    base: ModelPackage,
    new: ModelPackage,
    held_out: Sequence[Item],
    learnt: Sequence[str],
    opens: Opens,
    seeds: tuple[int, ...],
    show: Show,
) -> Comparison:
    """Every held-out item and the general set, by one model after the other.

    learnt: the instructions of the training, which are no general ones. Raises `EngineError` (`Cancelled` among
    others) and what reading an item raises.
    """
    known = [text for text in base.instructions if text not in set(learnt)]
    general = tuple(map(_remembered, general_items(held_out, known, GENERAL_SEED, GENERAL_COUNT)))
    exact = bool(general)
    general = general or _open_ended(held_out, learnt)
    advance = _advance(show, 2 * (len(held_out) + len(general)))
    with opens(base) as maker:
        before: list[Seen | None] = [_seen(maker, item, seeds, advance) for item in held_out]
        if exact:
            before += [_seen(maker, item, seeds, advance) for item in general]
        else:
            general = tuple(_wanting(maker, item, seeds[0], advance) for item in general)
            before += [None] * len(general)
    with opens(new) as maker:
        after = [_seen(maker, item, seeds, advance) for item in (*held_out, *general)]
        facts = protocol(maker, seeds)
    facts["items"] = [listed("the held-out pairs", [item.id for item in held_out]),
                      listed("the general edits", [item.id for item in general])]  # fmt: skip
    facts["general_seed"] = GENERAL_SEED
    done = tuple(Compared(*pair) for pair in zip(before, after, strict=True))
    return Comparison(done[: len(held_out)], done[len(held_out) :], exact, facts)


def _seen(maker: Maker, item: Item, seeds: tuple[int, ...], advance: Callable[[], object]) -> Seen:
    maker.cancel.raise_if_cancelled()
    pictures = item.read()
    edits = maker.edits(pictures.source, item.instruction, seeds)
    scored = score(item, pictures, edits)
    advance()
    shown = (pictures.source, edits[0], pictures.target)
    return Seen(scored, *(fitted(one, strips.TILE, strips.TILE) for one in shown))


def _wanting(maker: Maker, item: Item, seed: int, advance: Callable[[], object]) -> Item:
    """The same item, and what this model makes of it as what is wanted."""
    maker.cancel.raise_if_cancelled()
    source = item.read().source
    wanted = Pictures(source, maker.edits(source, item.instruction, (seed,))[0])
    advance()
    return Item(item.id, item.instruction, item.group, lambda: wanted)


def _open_ended(held_out: Sequence[Item], learnt: Sequence[str]) -> tuple[Item, ...]:
    """General instructions that nobody can compute the answer of, each on one of the held-out photos."""
    photos = list({item.group: item for item in held_out}.values())
    phrases = [phrase for phrase in GENERAL if phrase not in set(learnt)] if photos else []
    return tuple(_small(photos[at % len(photos)], phrase) for at, phrase in enumerate(phrases))


def _small(item: Item, phrase: str) -> Item:
    source = fitted(item.read().source, LONG_SIDE, LONG_SIDE)
    return Item(hash_of([item.id, phrase])[:16], phrase, item.group, lambda: Pictures(source, source))


def _remembered(item: Item) -> Item:
    """Some answers take seconds to compute, and two models are asked."""
    kept: list[Pictures] = []

    def read() -> Pictures:
        if not kept:
            kept.append(item.read())
        return kept[0]

    return Item(item.id, item.instruction, item.group, read)


def _advance(show: Show, total: int) -> Callable[[], object]:
    done = 0
    show("judging", 0.0)

    def advance() -> None:
        nonlocal done
        done += 1
        show(f"judging: edit {done} of {total}", done / total)

    return advance
