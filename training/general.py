"""The fixed set of general instructions, by which is told what a training has made a model forget. No PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from training.closed_form import answered, known_answers
from training.items import Item
from training.starter.instruction import Instruction

GENERAL = (
    "make it night", "make it snow", "add fog", "make it black and white", "turn it into a watercolour",
    "make it sunset", "make it brighter", "turn it into a pencil sketch", "make it look like an old photo",
    "make it autumn", "turn it into an oil painting", "make it rain",
)  # fmt: skip
"""For models whose right answers nobody can compute: what the base makes of these is what the new one should make."""


def general_items(sources: Sequence[Item], known: Sequence[str], seed: int, count: int = 24) -> tuple[Item, ...]:
    """`count` instructions of the list `known`, evenly from all of it, each on one of the pictures of `sources`.

    Their targets are exact answers. () where none of `known` has a computable answer: see `GENERAL`.
    """
    answers = list(known_answers(known).items())
    photos = tuple({item.group: item for item in sources}.values())
    if not answers or not photos:
        return ()
    chosen = min(count, len(answers))
    places = [round(i * (len(answers) - 1) / max(1, chosen - 1)) for i in range(chosen)]
    first = int(np.random.default_rng((seed, 3)).integers(len(photos)))
    return tuple(_general(photos[(first + i) % len(photos)], *answers[at]) for i, at in enumerate(places))


def _general(item: Item, phrase: str, instruction: Instruction) -> Item:
    id = hashlib.sha256(f"general\n{item.id}\n{phrase}".encode()).hexdigest()[:16]
    return Item(id, phrase, item.group, lambda: answered(item.read().source, instruction))
