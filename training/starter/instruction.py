"""The meaning of an instruction, apart from its wording."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """What to do to a picture: a kind of edit and the words it needs; empty where the kind needs none.

    `kind` is a name in `training.starter.kinds.KINDS`. `amount` is "slightly", "" or "strongly". `colour` and
    `to_colour` are names of the eight colours, `shape` and `place` those of `training.starter.kinds.shapes`.
    """

    kind: str
    amount: str = ""
    colour: str = ""
    to_colour: str = ""
    shape: str = ""
    place: str = ""
