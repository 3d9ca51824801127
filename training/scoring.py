"""From edits to numbers: one item's scores, and the means of many. Without PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from training.items import Item, Pictures
from training.metrics import METRICS, Judged, measure
from training.pairs.pair import Rgb

Scores = Mapping[str, float | None]
"""By the metric's name; None where it cannot be told."""


@dataclass(frozen=True)
class Scored:
    """One item judged. scores: means over the seeds. untouched: of the source itself, the floor to beat."""

    id: str
    instruction: str
    width: int
    height: int
    scores: Scores
    untouched: Scores


def score(item: Item, pictures: Pictures, results: Sequence[Rgb]) -> Scored:
    """results: one edit a seed, of the size of the pictures."""
    height, width = pictures.source.shape[:2]
    each = [measure(_judged(result, pictures)) for result in results]
    untouched = measure(_judged(pictures.source, pictures))
    return Scored(item.id, item.instruction, width, height, means(each), untouched)


def means(all_scores: Sequence[Scores]) -> dict[str, float | None]:
    """Of every number, over those that have it; None where none has."""
    names = dict.fromkeys(name for scores in all_scores for name in scores)
    return {name: mean(scores.get(name) for scores in all_scores) for name in names}


def mean(values: Iterable[float | None]) -> float | None:
    """Over the values that there are; None where there is none."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def compared(
    before: Sequence[Scores], after: Sequence[Scores], names: tuple[str, str], change: str
) -> dict[str, dict[str, float | int]]:
    """Means of two series of scores of the same items, by metric: {metric: {names[0], names[1], change, "count"}}.

    change: "gain", by how much the second is better, or "loss", by how much it is worse. Metrics that nothing has are
    left out.
    """
    first, second = means(before), means(after)
    table: dict[str, dict[str, float | int]] = {}
    for metric in METRICS:
        one, other = first.get(metric.name), second.get(metric.name)
        if one is not None and other is not None:
            gain = metric.gain(one, other)
            count = sum(scores.get(metric.name) is not None for scores in after)
            table[metric.name] = {
                names[0]: one, names[1]: other, change: gain if change == "gain" else -gain, "count": count,
            }  # fmt: skip
    return table


def rounded(value: object, digits: int = 6) -> Any:
    """The same JSON value with its numbers shortened, for files that people read."""
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {key: rounded(entry, digits) for key, entry in entries.items()}
    if isinstance(value, list):
        return [rounded(entry, digits) for entry in cast("list[object]", value)]
    return value


def _judged(result: Rgb, pictures: Pictures) -> Judged:
    return Judged(result, pictures.target, pictures.source, pictures.mask)
