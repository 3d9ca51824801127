"""What judging a training came to, as `python -m training report` writes it. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from editor.jobs import loose

METRICS: dict[str, tuple[str, str]] = {
    "psnr": ("Closeness (PSNR)", "dB"),
    "ssim": ("Likeness (SSIM)", ""),
    "ciede2000": ("Colour difference (CIEDE2000)", ""),
    "preserved": ("Kept outside the mask", ""),
    "outside_change": ("Change outside the mask", ""),
    "l1": ("Mean difference (L1)", ""),
    "l2": ("Squared difference (L2)", ""),
}
"""Name in the report: (title, unit), in the order in which they are shown. Others come last, under their own names."""
SAME = 1e-3
"""A change of less than this share is none."""


@dataclass(frozen=True)
class Row:
    """One measure. base: None where there is no exact answer to measure it by. better: True or False where it can be
    said, None where it is the same or cannot."""

    title: str
    unit: str
    base: float | None
    new: float
    better: bool | None


@dataclass(frozen=True)
class Part:
    """What was measured on one set of pairs. picture: strips of before, base, new and wanted; None where none is."""

    title: str
    about: str
    count: int
    rows: tuple[Row, ...]
    picture: Path | None


@dataclass(frozen=True)
class Report:
    """verdict: one sentence. base, new: the names of the models. notes: sentences on how it was judged."""

    verdict: str
    base: str
    new: str
    held_out: Part
    general: Part
    notes: tuple[str, ...] = ()


def read_report(run: Path) -> Report | None:
    """The report in the folder of a training; None where there is none."""
    folder = run / "report"
    values = loose.read_object(folder / "report.json")
    if values is None:
        return None
    base = loose.text(loose.object_in(values, "base"), "name")
    return Report(
        loose.text(values, "verdict"),
        base,
        loose.text(loose.object_in(values, "new"), "name"),
        _part(values, folder, "held_out", "Your edits", "on pictures that the training has not seen"),
        _part(values, folder, "general", "Everything else", f"what {base or 'the model'} could do before"),
        loose.texts(values, "notes"),
    )


def _part(values: loose.Object, folder: Path, name: str, title: str, about: str) -> Part:
    part = loose.object_in(values, name)
    picture = folder / f"{name}.png"
    names = sorted(part, key=lambda key: list(METRICS).index(key) if key in METRICS else len(METRICS))
    rows = [_row(key, loose.object_in(part, key)) for key in names]
    count = len(loose.items(part, "items"))
    return Part(title, about, count, tuple(row for row in rows if row), picture if picture.is_file() else None)


def _row(name: str, values: loose.Object) -> Row | None:
    base, new = loose.number(values, "base"), loose.number(values, "new")
    if new is None:
        return None
    title, unit = METRICS.get(name, (name, ""))
    gain, loss = loose.number(values, "gain"), loose.number(values, "loss")
    gain = -loss if gain is None and loss is not None else gain
    same = gain is None or base is None or abs(new - base) <= SAME * max(abs(new), abs(base))
    return Row(title, unit, base, new, None if same or gain is None else gain > 0)
