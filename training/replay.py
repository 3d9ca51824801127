"""What is shown again during a training, so that the model does not forget what it could do before. No PyTorch.

Three kinds: the picture as it is, under an instruction that asks for nothing; pairs that an installed model has learnt
earlier; and, for a model that knows edits with a computable answer, those edits on the photos of this training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from training.closed_form import answered, known_answers
from training.items import Item, Pictures
from training.starter.grammar import sample_phrase, train_phrasings
from training.starter.instruction import Instruction

IDENTITY = train_phrasings(Instruction("identity"))
"""Ways to ask for nothing."""
MOST = 240
"""Computed examples of a training: their latents are made before it starts."""
EACH = 4
"""Computed examples for each new pair, up to `MOST`."""


def replay_items(train: Sequence[Item], earlier: Sequence[Item], known: Sequence[str], seed: int) -> tuple[Item, ...]:
    """train: what is learnt now; earlier: what was learnt before; known: the instructions of the base's manifest.

    The same arguments give the same items, whose ids name their content. Held-out photos never take part.
    """
    taught = {item.id for item in train}
    before = tuple(item for item in earlier if item.id not in taught)
    return (*_unchanged(train, seed), *before, *_computed(train, known, seed))


def _unchanged(train: Iterable[Item], seed: int) -> tuple[Item, ...]:
    """One for each photo."""
    rng = np.random.default_rng((seed, 1))
    photos = {item.group: item for item in train}.values()
    return tuple(_identity(item, IDENTITY[int(rng.integers(len(IDENTITY)))]) for item in photos)


def _identity(item: Item, phrase: str) -> Item:
    def read() -> Pictures:
        source = item.read().source
        return Pictures(source, source.copy())

    return Item(_id("unchanged", item.id, phrase), phrase, item.group, read)


def _computed(train: Sequence[Item], known: Sequence[str], seed: int) -> tuple[Item, ...]:
    kinds = tuple(one for one in known_answers(known).values() if one.kind != "identity")
    if not kinds or not train:
        return ()
    rng = np.random.default_rng((seed, 2))
    order = [kinds[int(i)] for _ in range(1 + MOST // len(kinds)) for i in rng.permutation(len(kinds))]
    count = min(MOST, max(len(kinds), EACH * len(train)))
    pairs = ((train[i % len(train)], order[i]) for i in range(count))
    return tuple(_edited(item, one, sample_phrase(rng, one)) for item, one in pairs)


def _edited(item: Item, instruction: Instruction, phrase: str) -> Item:
    return Item(_id("computed", item.id, phrase), phrase, item.group, lambda: answered(item.read().source, instruction))


def _id(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
