"""Values with a name, a kind and a range, from which a dialog makes its controls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = bool | int | float | str
Kind = Literal["flag", "whole", "number", "choice", "text"]


@dataclass(frozen=True)
class Param:
    """kind: "flag" (a tick), "whole" (an int), "number" (a float), "choice" (one of `choices`) or "text".

    choices: (value, title) pairs. minimum, maximum, step: for whole and number; unit: shown behind the number. help:
    one sentence.
    """

    key: str
    title: str
    kind: Kind
    default: Value
    minimum: float = 0
    maximum: float = 100
    step: float = 1
    choices: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    help: str = ""

    def checked(self, value: object) -> Value:
        """The value as this kind holds it, numbers kept within the range; the default for what is no such value."""
        if self.kind == "flag":
            return value if isinstance(value, bool) else self.default
        if self.kind in ("whole", "number"):
            return self._number(value)
        if self.kind == "choice":
            return value if isinstance(value, str) and value in dict(self.choices) else self.default
        return value if isinstance(value, str) else self.default

    def _number(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return self.default
        kept = min(self.maximum, max(self.minimum, value))
        return round(kept) if self.kind == "whole" else float(kept)


def checked(params: tuple[Param, ...], values: Mapping[str, object]) -> dict[str, Value]:
    """Every parameter's value, its default where `values` has none that fits."""
    return {param.key: param.checked(values.get(param.key, param.default)) for param in params}
