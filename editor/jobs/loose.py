"""Values of JSON objects that other processes and files hold, taken as the type they should have or as a default."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

Object = Mapping[str, object]


def number(values: Object, key: str) -> float | None:
    """A finite number; None where there is none."""
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(values: Object, key: str) -> int:
    """A number without its fraction; 0 where there is none."""
    return int(number(values, key) or 0)


def text(values: Object, key: str) -> str:
    """ "" where there is none."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def flag(values: Object, key: str) -> bool:
    """True only where it says true."""
    return values.get(key) is True


def texts(values: Object, key: str) -> tuple[str, ...]:
    """The texts in a list; those that are none are left out."""
    return tuple(item for item in items(values, key) if isinstance(item, str))


def items(values: Object, key: str) -> tuple[object, ...]:
    """Whatever a list holds; empty where there is none."""
    value = values.get(key)
    return tuple(cast("list[object]", value)) if isinstance(value, list) else ()


def objects(values: Object, key: str) -> tuple[Object, ...]:
    """The objects in a list; what is none is left out."""
    return tuple(cast("Object", item) for item in items(values, key) if isinstance(item, dict))


def object_in(values: Object, key: str) -> Object:
    """The object of that name; an empty one where there is none."""
    value = values.get(key)
    return cast("Object", value) if isinstance(value, dict) else {}


def read_object(path: Path) -> Object | None:
    """The object in a JSON file; None where there is no such file, or something else in it."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return cast("Object", value) if isinstance(value, dict) else None
