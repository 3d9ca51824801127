"""What was found when a model was imported: kept beside its manifest, as `.import.json`, for whoever asks later."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from inference.errors import PackageError
from inference.json_values import read_json

REPORT = ".import.json"


@dataclass(frozen=True)
class Agreement:
    """How far a component of the package is from the original: relative to the range of its output, and absolute."""

    component: str
    relative: float
    max_abs: float


@dataclass(frozen=True)
class ImportReport:
    """seconds: how long the import took. notes: sentences for the user."""

    parity: tuple[Agreement, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def worst(self) -> float | None:
        """The greatest relative difference of all components; None where nothing was compared."""
        return max((each.relative for each in self.parity), default=None)


def save_report(folder: Path, report: ImportReport) -> None:
    """Write it into the package, whole or not at all. Raises `OSError`."""
    aside = folder / f"{REPORT}.part"
    with aside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / REPORT)


def read_report(folder: Path) -> ImportReport | None:
    """None where there is none, or none that can be read: an edit does not depend on it."""
    if not (folder / REPORT).is_file():
        return None
    try:
        return report_of(read_json(folder / REPORT).mapping)
    except (PackageError, ValueError, TypeError, KeyError):
        return None


def report_of(values: Mapping[str, object]) -> ImportReport:
    """From JSON's values. Raises `ValueError`, `TypeError` or `KeyError` where they are of another kind."""
    parity = cast("list[Mapping[str, object]]", values.get("parity", []))
    notes = cast("list[object]", values.get("notes", []))
    return ImportReport(
        tuple(
            Agreement(str(each["component"]), _number(each["relative"]), _number(each["max_abs"])) for each in parity
        ),
        tuple(str(note) for note in notes),
        _number(values.get("seconds", 0.0)),
    )


def _number(value: object) -> float:
    return float(cast("float", value))
