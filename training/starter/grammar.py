"""The wording of instructions: every phrasing that the bundled model is trained and tested on.

A fifth of each instruction's patterns is held out of training by a stable hash, such that each held-out word still
occurs in a training phrasing of the same instruction: what is tested is a new wording, not an unknown word.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds import AMOUNTS, COLOUR_NAMES, KINDS, SLOT_VALUES, Kind, kind_named
from training.starter.phrasebook import AMOUNT_WORDS, PATTERNS, PLACE_WORDS, WHOLES

HELD_OUT_SHARE = 0.2
IDENTITY_SHARE = 0.1

_GROUP = re.compile(r"\{([^{}\[\]]*)\}|\[([^{}\[\]]*)\]")
_AMOUNT = re.compile(r"<(\w+)>")
_WHOLE = re.compile(r"\b(IT|PHOTO)\b")
_SLOT = re.compile(r"\b(TO_COLOUR|COLOUR|SHAPE|PLACE)\b")
_KIND_WEIGHTS = {"recolour": 8.0, "keep_only": 5.0, "tint": 3.0, "add_shape": 2.0, "mirror": 1.5, "flip": 1.5}
_EXAMPLES = {
    "tint": Instruction("tint", colour="green"),
    "recolour": Instruction("recolour", colour="red", to_colour="blue"),
    "keep_only": Instruction("keep_only", colour="red"),
    "add_shape": Instruction("add_shape", colour="yellow", shape="star", place="top right"),
}


@functools.cache
def phrasings(instruction: Instruction) -> tuple[str, ...]:
    """Every phrasing of an instruction, in a fixed order, in lower case. Raises ValueError for an unknown kind."""
    return _filled(instruction, _patterns(instruction.kind, instruction.amount))


@functools.cache
def train_phrasings(instruction: Instruction) -> tuple[str, ...]:
    """The phrasings to train on: about four fifths of all."""
    held_out = _held_out(instruction.kind, instruction.amount)
    patterns = _patterns(instruction.kind, instruction.amount)
    return _filled(instruction, tuple(pattern for pattern in patterns if pattern not in held_out))


@functools.cache
def held_out_phrasings(instruction: Instruction) -> tuple[str, ...]:
    """The phrasings never trained on, whose words are all among the trained ones."""
    held_out = _held_out(instruction.kind, instruction.amount)
    patterns = _patterns(instruction.kind, instruction.amount)
    return _filled(instruction, tuple(pattern for pattern in patterns if pattern in held_out))


def all_instructions() -> Iterator[Instruction]:
    """Every instruction there is: each kind with each amount and each filling of its slots."""
    for kind in KINDS:
        amounts = AMOUNTS if kind.takes_amount else ("",)
        for amount, *values in itertools.product(amounts, *(SLOT_VALUES[slot] for slot in kind.slots)):
            slots = dict(zip(kind.slots, values, strict=True))
            if slots.get("colour") != slots.get("to_colour", ""):
                yield Instruction(kind.name, amount, **slots)


def all_phrases() -> Iterator[str]:
    """The training phrasings of every instruction: the corpus for a tokenizer."""
    for instruction in all_instructions():
        yield from train_phrasings(instruction)


def suggestions() -> tuple[str, ...]:
    """One short instruction of each kind, for a model's manifest."""
    return tuple(phrasings(_EXAMPLES.get(kind.name, Instruction(kind.name)))[0] for kind in KINDS)


def sample_instruction(rng: np.random.Generator, present: Sequence[str] = COLOUR_NAMES) -> Instruction:
    """A random instruction: a tenth identity, and more of the kinds that name colours.

    `present` are the colours in the picture, of which nine tenths of the recolourings start, so that most of them
    change something.
    """
    kind = KINDS[int(rng.choice(len(KINDS), p=_kind_shares()))]
    amount = str(rng.choice(AMOUNTS, p=(0.25, 0.5, 0.25))) if kind.takes_amount else ""
    return Instruction(kind.name, amount, **_sample_slots(rng, kind, present))


def sample_phrase(rng: np.random.Generator, instruction: Instruction, held_out: bool = False) -> str:
    """One of the instruction's phrasings; for training a tenth each gets a capital, a full stop, a "please"."""
    pool = held_out_phrasings(instruction) if held_out else train_phrasings(instruction)
    phrase = pool[int(rng.integers(len(pool)))]
    return phrase if held_out else _varied(phrase, rng.random(3) < 0.1)


def _varied(phrase: str, draws: Sequence[bool] | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    polite, capital, stop = (bool(draw) for draw in draws)
    phrase = f"{phrase} please" if polite else phrase
    phrase = phrase[0].upper() + phrase[1:] if capital else phrase
    return f"{phrase}." if stop else phrase


@functools.cache
def _kind_shares() -> tuple[float, ...]:
    weights = [_KIND_WEIGHTS.get(kind.name, 1.0) if kind.name != "identity" else 0.0 for kind in KINDS]
    scale = (1.0 - IDENTITY_SHARE) / sum(weights)
    return tuple(weight * scale if weight else IDENTITY_SHARE for weight in weights)


def _sample_slots(rng: np.random.Generator, kind: Kind, present: Sequence[str]) -> dict[str, str]:
    slots = {slot: _one_of(rng, SLOT_VALUES[slot]) for slot in kind.slots}
    if kind.name in ("recolour", "keep_only") and present and rng.random() < 0.9:
        slots["colour"] = _one_of(rng, present)
    if "to_colour" in slots:
        slots["to_colour"] = _one_of(rng, [name for name in COLOUR_NAMES if name != slots["colour"]])
    return slots


def _one_of(rng: np.random.Generator, values: Sequence[str]) -> str:
    return values[int(rng.integers(len(values)))]


@functools.cache
def _patterns(kind: str, amount: str) -> tuple[str, ...]:
    """Expanded patterns with the slots still in capitals. One without an amount word serves the plain amount only."""
    takes_amount = kind_named(kind).takes_amount
    texts = (text for text in PATTERNS[kind] if not amount or "<" in text)
    amounted = (filled for text in texts for filled in (_with_amount(text, amount) if takes_amount else (text,)))
    return tuple(dict.fromkeys(" ".join(done.split()) for text in amounted for done in _expanded(text)))


def _with_amount(text: str, amount: str) -> tuple[str, ...]:
    found = _AMOUNT.search(text)
    if found is None:
        return (text,)
    return tuple(text[: found.start()] + word + text[found.end() :] for word in AMOUNT_WORDS[found[1]][amount])


def _expanded(text: str) -> Iterator[str]:
    """Every choice of a pattern, innermost groups first."""
    found = _GROUP.search(text)
    if found is None:
        whole = _WHOLE.search(text)
        yield from (text,) if whole is None else _expanded(_WHOLE.sub(WHOLES[whole[1]], text, count=1))
        return
    choices = found[1].split("|") if found[1] is not None else ["", *found[2].split("|")]
    for choice in choices:
        yield from _expanded(text[: found.start()] + choice + text[found.end() :])


@functools.cache
def _held_out(kind: str, amount: str) -> frozenset[str]:
    """A fifth of the patterns by order of their hashes, passing over those with a word that no other pattern has."""
    patterns = _patterns(kind, amount)
    left = Counter(word for pattern in patterns for word in set(pattern.split()))
    chosen: list[str] = []
    for pattern in sorted(patterns, key=_digest):
        words = set(pattern.split())
        if len(chosen) < round(HELD_OUT_SHARE * len(patterns)) and all(left[word] > 1 for word in words):
            chosen.append(pattern)
            left.subtract(words)
    return frozenset(chosen)


def _digest(pattern: str) -> bytes:
    return hashlib.blake2b(pattern.encode(), digest_size=8).digest()


def _filled(instruction: Instruction, patterns: Sequence[str]) -> tuple[str, ...]:
    places = PLACE_WORDS.get(instruction.place, ("",))
    filled = (_fill(pattern, instruction, place) for pattern in patterns for place in places)
    return tuple(dict.fromkeys(filled))


def _fill(pattern: str, instruction: Instruction, place: str) -> str:
    words = {
        "TO_COLOUR": instruction.to_colour,
        "COLOUR": instruction.colour,
        "SHAPE": instruction.shape,
        "PLACE": place,
    }
    text = _SLOT.sub(lambda found: words[found[1]], pattern)
    return re.sub(r"\ba (?=[aeiou])", "an ", text)
