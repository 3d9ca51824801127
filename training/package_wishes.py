"""What the packaging of a training is asked for, as it is handed to the process that does the work. Without PyTorch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NOTES = "training.json"
"""The file of a package that tells how its model was trained."""


@dataclass(frozen=True)
class PackageWishes:
    """run: the training's folder; checkpoint: one of its checkpoints' folders. events: print JSON."""

    run: Path
    checkpoint: Path
    target: Path
    name: str
    licence: str
    events: bool = False

    def as_json(self) -> dict[str, object]:
        """Values that `package_wishes_of` reads."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}


def package_wishes_of(text: str) -> PackageWishes:
    """From the JSON of `PackageWishes.as_json`."""
    values: dict[str, Any] = json.loads(text)
    for key in ("run", "checkpoint", "target"):
        values[key] = Path(values[key])
    return PackageWishes(**values)
