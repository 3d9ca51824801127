"""Which instructions speak of sides, so that a mirrored pair would teach something wrong. Without PyTorch."""

from __future__ import annotations

import re

SIDED = (
    "left", "right", "leftmost", "rightmost", "leftwards", "rightwards", "side", "sides", "sideways",
    "mirror", "mirrored", "mirrors", "flip", "flipped", "flips", "reverse", "reversed", "backwards",
    "rotate", "rotated", "rotates", "clockwise", "anticlockwise", "counterclockwise", "east", "west",
    "text", "texts", "write", "writes", "writing", "written", "word", "words", "letter", "letters", "lettering",
    "number", "numbers", "digit", "digits", "read", "reads", "reading", "say", "says", "sign", "signs", "title",
    "caption", "logo", "label", "labels", "poster", "clock", "clocks", "watch", "map", "flag", "licence", "license",
)  # fmt: skip
"""Words after which left and right are not the same: sides and turns, and what can be read."""

_WORD = re.compile(r"[a-z]+")


def speaks_of_sides(instruction: str) -> bool:
    """True where a mirrored picture could ask for something else than the instruction says."""
    return not set(_WORD.findall(instruction.lower())).isdisjoint(SIDED)
