"""The curve of the InstructPix2Pix paper: how much a model changes against how much of that was asked for. No PyTorch.

Brooks, Holynski and Efros (arXiv 2211.09800), figure 8: the image scale runs over `IMAGE_SCALES` at a text scale of
`TEXT_SCALE`; x is direction similarity, y is the similarity of source and edit, both by CLIP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.scoring import mean
from training.similarity import Embedding, cosine, direction

TEXT_SCALE = 7.5
IMAGE_SCALES = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2)


@dataclass(frozen=True)
class CurvePoint:
    """direction: None where no item has captions. captioned: how many have them, of `count`."""

    image_scale: float
    image_similarity: float
    direction: float | None
    count: int
    captioned: int


@dataclass(frozen=True)
class Seen:
    """One item at one image scale."""

    image_scale: float
    image_similarity: float
    direction: float | None


def seen(image_scale: float, source: Embedding, edit: Embedding, captions: tuple[Embedding, Embedding] | None) -> Seen:
    """captions: of the picture before and after, or None."""
    moved = None if captions is None else direction(source, edit, *captions)
    return Seen(image_scale, cosine(source, edit), moved)


def curve(values: Sequence[Seen]) -> tuple[CurvePoint, ...]:
    """The means of each image scale, in their order."""
    return tuple(_point(scale, [value for value in values if value.image_scale == scale]) for scale in IMAGE_SCALES)


def _point(scale: float, values: Sequence[Seen]) -> CurvePoint:
    captioned = [value.direction for value in values if value.direction is not None]
    similarity = mean(value.image_similarity for value in values)
    return CurvePoint(scale, similarity or 0.0, mean(captioned), len(values), len(captioned))
