"""Settings files of a model package: JSON objects whose values are asked for with the type that they should have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from inference.errors import PackageError

_LARGEST = 64 << 20
_LARGEST_NUMBER = 1e300


def read_json(path: Path) -> Values:
    """The object in a JSON file. Raises `PackageError` where there is none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise PackageError(f"{path} is far too large for a settings file; get the package again.")
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise missing(path) from error
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise PackageError(f"{path} is not valid JSON; get the package again.") from error
    if not isinstance(value, dict):
        raise PackageError(f"{path} should hold a JSON object; get the package again.")
    return Values(path, cast("dict[str, object]", value))


def missing(path: Path) -> PackageError:
    return PackageError(f"{path} is missing, so this is not a whole model package; get it again or export it again.")


class Values:
    """One JSON object of the file `path`. Every getter raises `PackageError` where the value is not as wanted."""

    def __init__(self, path: Path, values: Mapping[str, object]) -> None:
        self._path, self._values = path, values

    @property
    def mapping(self) -> Mapping[str, object]:
        """The object as it was read."""
        return self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def wrong(self, key: str, wanted: str) -> PackageError:
        return PackageError(f"In {self._path}, {key!r} should be {wanted}; get the package again.")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[object]", value)):
            raise self.wrong(key, "a list of texts")
        return tuple(cast("list[str]", value))

    def whole(self, key: str, *, least: int) -> int:
        value = self.optional_whole(key)
        if value is None or value < least:
            raise self.wrong(key, f"a whole number from {least}")
        return value

    def optional_whole(self, key: str) -> int | None:
        """None where there is no such entry, or null."""
        value = self._values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.wrong(key, "a whole number")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number; `default` stands for a missing entry and for null."""
        value = self._values.get(key)
        value = default if value is None else value
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _LARGEST_NUMBER:
            raise self.wrong(key, "a number")
        return float(value)

    def scale(self, key: str) -> float:
        value = self.number(key)
        if value < 0:
            raise self.wrong(key, "a number from 0")
        return value

    def count(self, key: str) -> int:
        """The length of a list that may not be empty."""
        value = self._values.get(key)
        if not isinstance(value, list) or not value:
            raise self.wrong(key, "a list")
        return len(cast("list[object]", value))

    def object(self, key: str) -> Values:
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return Values(self._path, cast("dict[str, object]", value))
