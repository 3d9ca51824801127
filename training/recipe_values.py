"""Recipes from words: a name, a file, single settings; everything checked before anything is begun. Without PyTorch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from training.recipe import TrainingRecipe
from training.train_errors import TrainUsageError

_FIELDS = {field.name: field for field in dataclasses.fields(TrainingRecipe)}
_CHOICES = {"method": ("lora", "full"), "precision": ("fp32", "bf16", "fp16")}
_RANGES: Mapping[str, tuple[float, float]] = {
    "rank": (1, 1024),
    "lr": (1e-9, 1),
    "warmup": (0, 1),
    "batch": (1, 4096),
    "accumulation": (1, 4096),
    "steps": (0, 10_000_000),
    "size": (0, 4096),
    "weight_decay": (0, 10),
    "clip": (0, 1e6),
    "ema_decay": (0, 0.999999),
    "min_snr": (0, 1e6),
    "dropout": (0, 0.33),
    "replay": (0, 0.9),
    "flip": (0, 1),
    "first_step_share": (0, 1),
    "outside_weight": (0, 1),
    "held_out": (0, 0.9),
    "seed": (0, 2**32 - 1),
    "save_every": (0, 10_000_000),
    "sample_every": (0, 10_000_000),
}


def recipe_of(values: Mapping[str, object]) -> TrainingRecipe:
    """A recipe from JSON's values; what is left out has its default. Raises `TrainUsageError`."""
    unknown = sorted(set(values) - set(_FIELDS))
    if unknown:
        raise _unknown(unknown[0])
    missing = [key for key in ("name", "about") if key not in values]
    if missing:
        raise TrainUsageError(f"A recipe needs a {missing[0]}: add it to the file.")
    return TrainingRecipe(**cast("dict[str, Any]", {key: _checked(key, value) for key, value in values.items()}))


def recipe_file(path: Path) -> TrainingRecipe:
    """The recipe in a JSON file. Raises `TrainUsageError`."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainUsageError(f"The recipe {path} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise TrainUsageError(f"The recipe {path} is not valid JSON ({error}): correct it.") from error
    if not isinstance(value, dict):
        raise TrainUsageError(f"The recipe {path} should hold a JSON object of settings: correct it.")
    return recipe_of({"name": path.stem, "about": "", **cast("dict[str, object]", value)})


def with_settings(recipe: TrainingRecipe, settings: Sequence[str]) -> TrainingRecipe:
    """The recipe with "key=value" settings in place of its own. Raises `TrainUsageError`."""
    changes: dict[str, object] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals:
            raise TrainUsageError(f"{setting!r} is no setting: write it as key=value, as in lr=1e-4.")
        if key not in _FIELDS:
            raise _unknown(key)
        changes[key] = _checked(key, _parsed(key, text.strip()))
    return dataclasses.replace(recipe, **cast("dict[str, Any]", changes))


def recipe_hash(recipe: TrainingRecipe) -> str:
    """SHA-256 of all that decides a result; what a recipe is called does not."""
    values = dataclasses.asdict(recipe)
    del values["name"], values["about"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _parsed(key: str, text: str) -> object:
    match _kind(key)():
        case bool():
            known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False}
            return {**known, "0": False}.get(text.lower(), text)
        case int() | float():
            try:
                number = float(text)
            except ValueError:
                return text
            return int(number) if number.is_integer() and _kind(key) is int else number
        case _:
            return text


def _kind(key: str) -> type[bool | int | float | str]:
    default = _FIELDS[key].default
    return str if default is dataclasses.MISSING else type(cast("bool | int | float | str", default))


def _checked(key: str, value: object) -> object:
    """The value as its field has it. Raises `TrainUsageError`."""
    kind = _kind(key)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise _wrong(key, value, f"one of {', '.join(_CHOICES[key])}")
    elif kind is bool or kind is str:
        if not isinstance(value, kind):
            raise _wrong(key, value, "true or false" if kind is bool else "a text")
    else:
        least, most = _RANGES[key]
        if not number or not math.isfinite(cast("float", value)) or not least <= cast("float", value) <= most:
            raise _wrong(key, value, f"a number from {least:g} to {most:g}")
        if kind is int and not float(cast("float", value)).is_integer():
            raise _wrong(key, value, "a whole number")
        return kind(cast("float", value))
    return value


def _unknown(key: str) -> TrainUsageError:
    return TrainUsageError(f"A recipe has no setting {key!r}: it has {', '.join(_FIELDS)}.")


def _wrong(key: str, value: object, wanted: str) -> TrainUsageError:
    return TrainUsageError(f"{key} cannot be {value!r}: it has to be {wanted}.")
