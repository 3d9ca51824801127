"""The dials of an edit, and what the window knows of a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

MODEL_DIALS = ("steps", "text_scale", "image_scale", "sampler", "size")
"""Dials that every model likes in its own way."""


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


def for_model(settings: EditSettings, own: ModelFacts | None, other: ModelFacts) -> EditSettings:
    """The same edit with another model.

    A dial that stands where its own model likes it says nothing, so it goes to where the other model likes it; one that
    was turned says what the user wants, and stays. own: None for a model that is gone, whose dials then all stay.
    """
    if own is None:
        return replace(settings, model=other.name)

    def dial(name: str) -> Any:
        now = getattr(settings, name)
        return getattr(other, name) if now == getattr(own, name) else now

    return replace(settings, model=other.name, **{name: dial(name) for name in MODEL_DIALS})
