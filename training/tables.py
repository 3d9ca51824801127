"""Reports as Markdown. Without PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from training.evaluate import COLUMNS
from training.metrics import METRICS

Values = Mapping[str, Any]

_TITLES = {"l1": "L1", "l2": "L2", **COLUMNS}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column is text, the others numbers."""
    lines = [list(head), ["---", *["--:"] * (len(head) - 1)], *map(list, rows)]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def comparison(scores: Values, names: Sequence[tuple[str, str]], change: tuple[str, str]) -> str:
    """A row a metric. names: (key, heading) of the columns; change: the same of the one that says what is better."""
    head = ["", *(heading for _, heading in names), change[1], "pairs"]
    rows: list[list[str]] = []
    for metric in METRICS:
        row = cast("Values | None", scores.get(metric.name))
        if row is not None:
            way = "more is better" if metric.better == "higher" else "less is better"
            unit = f", {metric.unit}" if metric.unit else ""
            numbers = [number(row.get(key), metric.digits) for key, _ in names]
            signed = number(row.get(change[0]), metric.digits, sign=True)
            rows.append([f"{metric.title}{unit} ({way})", *numbers, signed, str(row["count"])])
    return table(head, rows)


def number(value: object, digits: int, sign: bool = False) -> str:
    """An empty cell for None."""
    if not isinstance(value, int | float):
        return ""
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def _dials(values: Values) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def evaluation(report: Values) -> str:
    """Of evaluation.json's contents."""
    parts = [f"# {report['model']['name']}", report["verdict"]]
    parts.append(comparison(report["scores"], (("untouched", "untouched"), ("result", "edit")), ("gain", "gain")))
    if report["magicbrush"]:
        columns = cast("Values", report["magicbrush"])
        head = ["MagicBrush's columns", *(_TITLES[name] for name in columns)]
        rows = [[who, *(number(values[key], 3) for values in columns.values())]
                for who, key in (("untouched", "untouched"), ("edit", "result"))]  # fmt: skip
        parts.append(table(head, rows))
    if report["curve"]:
        head = ["image scale", "image similarity", "direction similarity", "pairs"]
        points = cast("list[Values]", report["curve"])
        digits = {"image_scale": 1, "image_similarity": 4, "direction": 4, "count": 0}
        parts.append(table(head, ([number(point[key], places) for key, places in digits.items()] for point in points)))
    parts += report["notes"]
    return "\n\n".join(part.rstrip() for part in [*parts, protocol(report["protocol"], [report["model"]])]) + "\n"


def protocol(values: Values, models: Sequence[Values]) -> str:
    """How the numbers were made, as a list."""
    lines = [f"model {one['name']}: {one['sha256']}; dials: {_dials(one['dials'])}" for one in models]
    lines += [f"edits {values['edits']}", f"seeds: {', '.join(map(str, values['seeds']))}"]
    lines += [f"provider: {values['provider']}; PSNR counts up to {values['psnr_ceiling']:.0f} dB"]
    lines += [f"{part['count']} of {part['name']}: {part['sha256']}" for part in values["items"]]
    for name, one in cast("Values", values.get("encoders", {})).items():
        lines += [f"{name}: {one['name']} ({one['kind']}), {one['sha256']}; {one['pictures']}, on {one['device']}"]
    if "clip_t" in values:
        lines += [f"CLIP-T: {values['clip_t']}", f"curve: {values['curve']}"]
    lines += ["versions: " + ", ".join(f"{name} {version}" for name, version in values["versions"].items())]
    return "Protocol\n\n" + "\n".join(f"* {line}" for line in lines)
