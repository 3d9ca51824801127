"""Where the variants of an edit go; flat files here, layers in `edit_layers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from editor.cli.outputs import Outputs
from editor.cli.photo import Photo
from editor.edits.settings import EditSettings, ModelFacts
from inference.types import CancelToken, EditRequest, Variant


class Target(Protocol):
    """A place for variants: nothing is in it before `commit`."""

    @property
    def notes(self) -> Sequence[str]:
        """What reading the source changed."""
        ...

    def request(self, settings: EditSettings, seeds: tuple[int, ...]) -> EditRequest: ...

    def add(self, variant: Variant, settings: EditSettings, facts: ModelFacts, provider: str) -> list[str]:
        """Keeps the pixels; returns what the format cannot hold of them."""
        ...

    def path(self, index: int) -> Path: ...

    def layer(self, index: int) -> str | None:
        """The name of the variant's layer after `commit`; None in flat files."""
        ...

    def commit(self, cancel: CancelToken) -> list[str]:
        """Puts all files in place, or none; returns what a format cannot hold of the whole. Raises Cancelled."""
        ...


class FlatTarget:
    """A picture per variant, written while the engine works on the next."""

    def __init__(self, photo: Photo, out: Outputs) -> None:
        self._photo, self._out = photo, out
        self.notes = photo.notes

    def request(self, settings: EditSettings, seeds: tuple[int, ...]) -> EditRequest:
        return EditRequest(image=self._photo.srgb, mask=self._photo.mask, seeds=seeds, **asdict(settings))

    def add(self, variant: Variant, settings: EditSettings, facts: ModelFacts, provider: str) -> list[str]:
        return self._out.write(variant.index, self._photo.with_edit(variant.image))

    def path(self, index: int) -> Path:
        return self._out.targets[index]

    def layer(self, index: int) -> str | None:
        return None

    def commit(self, cancel: CancelToken) -> list[str]:
        self._out.commit()
        return []
