"""What an import is asked for, as it is handed to the process that does the work."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.manifest import Dials
from training.export.lora_keys import Lora


@dataclass(frozen=True)
class Wishes:
    """kind: of the source, as `training.looking` names it. events: print JSON. check: compare with the original."""

    source: Path
    kind: str
    target: Path
    name: str
    licence: str
    dials: Dials
    config: Path | None = None
    loras: tuple[Lora, ...] = ()
    precision: str = "fp16"
    replace: bool = False
    check: bool = True
    events: bool = False

    def as_json(self) -> dict[str, object]:
        """Values that `wishes_of` reads."""
        values: dict[str, object] = json.loads(json.dumps(asdict(self), default=str))
        return values


def wishes_of(text: str) -> Wishes:
    """From the JSON of `Wishes.as_json`."""
    values: dict[str, Any] = json.loads(text)
    values["source"], values["target"] = Path(values["source"]), Path(values["target"])
    values["config"] = Path(values["config"]) if values["config"] else None
    values["dials"] = Dials(**values["dials"])
    values["loras"] = tuple(Lora(Path(entry["file"]), entry["weight"]) for entry in values["loras"])
    return Wishes(**values)
