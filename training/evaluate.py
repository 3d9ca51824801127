"""Judges a model package on pairs whose answer is known: seven numbers without weights, more with CLIP and DINO.

Without PyTorch; the encoders that need it come from the caller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.command_line import Show
from training.curve import IMAGE_SCALES, TEXT_SCALE, CurvePoint, Seen, curve, seen
from training.editing import Maker
from training.items import Item
from training.pairs.pair import Rgb
from training.protocol import listed, model, protocol
from training.scoring import Scored, compared, mean, means, rounded, score
from training.similarity import cosine
from training.verdict import evaluation_verdict

FORMAT = 1
COLUMNS = {"clip_i": "CLIP-I", "dino": "DINO", "clip_t": "CLIP-T"}
"""What MagicBrush tells beside L1 and L2 (Zhang et al., arXiv 2306.10012)."""
STAGE = "judging"


class PictureEncoder(Protocol):
    """Pictures to float64 (N, D), of length 1 each. described: for the protocol, as JSON values."""

    def pictures(self, pictures: Sequence[Rgb]) -> NDArray[np.float64]: ...
    def described(self) -> dict[str, object]: ...


class WordEncoder(PictureEncoder, Protocol):
    """Words too, in the same space."""

    def words(self, texts: Sequence[str]) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Example:
    """captions: what the picture shows before and after, where that is known."""

    item: Item
    captions: tuple[str, str] | None = None


@dataclass(frozen=True)
class Encoders:
    """Those that there are."""

    clip: WordEncoder | None = None
    dino: PictureEncoder | None = None

    def __bool__(self) -> bool:
        return self.clip is not None or self.dino is not None


@dataclass(frozen=True)
class Judgement:
    """One example. columns, untouched: of `COLUMNS`, those that the encoders give. described: its caption was known."""

    scored: Scored
    columns: Mapping[str, float | None]
    untouched: Mapping[str, float | None]
    seen: tuple[Seen, ...]
    described: bool


def evaluate(
    maker: Maker, examples: Iterable[Example], seeds: tuple[int, ...], encoders: Encoders, show: Show, total: int
) -> tuple[Judgement, ...]:
    """Every example, edited once a seed, and with CLIP once more for each image scale of the curve.

    total: how many there are. Raises `EngineError` (`Cancelled` among others) and what reading an item raises.
    """
    done: list[Judgement] = []
    show(STAGE, 0.0)
    for example in examples:
        maker.cancel.raise_if_cancelled()
        done.append(_judged(maker, example, seeds, encoders))
        show(f"{STAGE}: {len(done)} of {total}", min(1.0, len(done) / max(1, total)))
    return tuple(done)


def report(
    maker: Maker, judged: Sequence[Judgement], seeds: tuple[int, ...], encoders: Encoders, source: str
) -> dict[str, Any]:
    """What evaluation.json holds: `format`, `verdict`, `model`, `protocol`, `scores`, `magicbrush`, `curve`, `notes`
    and `items`. source: where the examples come from, in words."""
    scores = compared([one.scored.untouched for one in judged], [one.scored.scores for one in judged],
                      ("untouched", "result"), "gain")  # fmt: skip
    points = curve([value for one in judged for value in one.seen]) if encoders.clip is not None else ()
    return {
        "format": FORMAT,
        "verdict": _verdict(judged),
        "model": model(maker.package),
        "protocol": {
            **protocol(maker, seeds, bool(encoders)),
            "items": [listed(source, [one.scored.id for one in judged])],
            "encoders": _described(encoders),
            **_extra(judged, encoders, seeds),
        },
        "scores": rounded(scores),
        "magicbrush": rounded(_magicbrush(judged)) if encoders else None,
        "curve": [rounded(dataclasses.asdict(point)) for point in points] if points else None,
        "notes": _notes(points),
        "items": [_item(one) for one in judged],
    }


def _judged(maker: Maker, example: Example, seeds: tuple[int, ...], encoders: Encoders) -> Judgement:
    item = example.item
    pictures = item.read()
    edits = maker.edits(pictures.source, item.instruction, seeds)
    scored = score(item, pictures, edits)
    subjects = [*edits, pictures.source]
    each: list[dict[str, float | None]] = [{} for _ in subjects]
    values: tuple[Seen, ...] = ()
    if encoders.clip is not None:
        vectors = encoders.clip.pictures([*subjects, pictures.target])
        wanted = encoders.clip.words([example.captions[1] if example.captions else item.instruction])[0]
        for column, vector in zip(each, vectors[:-1], strict=True):
            column |= {"clip_i": cosine(vector, vectors[-1]), "clip_t": cosine(vector, wanted)}
        values = _curve(maker, example, pictures.source, seeds[0], encoders.clip)
    if encoders.dino is not None:
        vectors = encoders.dino.pictures([*subjects, pictures.target])
        for column, vector in zip(each, vectors[:-1], strict=True):
            column["dino"] = cosine(vector, vectors[-1])
    return Judgement(scored, means(each[:-1]), each[-1], values, example.captions is not None)


def _curve(maker: Maker, example: Example, source: Rgb, seed: int, clip: WordEncoder) -> tuple[Seen, ...]:
    makers = [maker.at(text_scale=TEXT_SCALE, image_scale=scale) for scale in IMAGE_SCALES]
    edits = [other.edits(source, example.item.instruction, (seed,))[0] for other in makers]
    before, *after = clip.pictures([source, *edits])
    captions = None
    if example.captions:
        first, second = clip.words(example.captions)
        captions = first, second
    return tuple(seen(scale, before, edit, captions) for scale, edit in zip(IMAGE_SCALES, after, strict=True))


def _verdict(judged: Sequence[Judgement]) -> str:
    untouched, result = (mean(scores["psnr"] for scores in series) for series in (
        [one.scored.untouched for one in judged], [one.scored.scores for one in judged]))  # fmt: skip
    return evaluation_verdict(len(judged), untouched or 0.0, result or 0.0)


def _described(encoders: Encoders) -> dict[str, object]:
    there = {"clip": encoders.clip, "dino": encoders.dino}
    return {name: encoder.described() for name, encoder in there.items() if encoder is not None}


def _extra(judged: Sequence[Judgement], encoders: Encoders, seeds: tuple[int, ...]) -> dict[str, object]:
    if encoders.clip is None:
        return {}
    captioned = sum(one.described for one in judged)
    return {
        "clip_t": f"edit against the caption of what is wanted for {captioned} pairs, against the instruction for "
        f"{len(judged) - captioned}",
        "curve": {"text_scale": TEXT_SCALE, "image_scales": list(IMAGE_SCALES), "seed": seeds[0]},
    }


def _magicbrush(judged: Sequence[Judgement]) -> dict[str, object]:
    """Each of the five columns that there are, for the edits and for the untouched sources."""
    result = means([{**one.scored.scores, **one.columns} for one in judged])
    untouched = means([{**one.scored.untouched, **one.untouched} for one in judged])
    names = [name for name in ("l1", "l2", *COLUMNS) if result.get(name) is not None]
    return {name: {"untouched": untouched[name], "result": result[name]} for name in names}


def _notes(points: Sequence[CurvePoint]) -> list[str]:
    if not points or points[0].captioned == points[0].count:
        return []
    if not points[0].captioned:
        return ["No pair has captions of before and after, so there is no direction similarity."]
    return [f"{points[0].captioned} of {points[0].count} pairs have captions: direction similarity is over those."]


def _item(one: Judgement) -> dict[str, object]:
    scored = one.scored
    return {
        "id": scored.id,
        "instruction": scored.instruction,
        "width": scored.width,
        "height": scored.height,
        "result": rounded({**scored.scores, **one.columns}),
        "untouched": rounded({**scored.untouched, **one.untouched}),
    }
