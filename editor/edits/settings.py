"""The dials of an edit, and what the window knows of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EditSettings:
    """The dials of one edit as they stood when it began: what `EditRequest` holds beside pixels and seeds."""

    instruction: str
    steps: int
    text_scale: float
    image_scale: float
    sampler: str
    size: int
    model: str = ""
    full_res: bool = True
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    reuse: int = 1


@dataclass(frozen=True)
class ModelFacts:
    """A model: its hash, how it likes to be used, and instructions that it was taught.

    size: the long side in pixels that it sees. library: version of the library that runs it.
    """

    name: str
    sha256: str
    precision: str
    steps: int
    text_scale: float
    image_scale: float
    sampler: str
    size: int
    instructions: tuple[str, ...] = ()
    library: str = ""
