"""Which edit layers lie over something else than they were made from, found out aside and not while one paints."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from editor.core.document import Document, find, walk
from editor.core.layer import GroupLayer, Layer
from editor.core.observe import Observed
from editor.edits.background import Background, Job, Progress
from editor.edits.recipe import recipe_of, stale

# How long the document has to rest before it is looked at.
REST_SECONDS = 0.8

Key = tuple[Hashable, ...]


@dataclass(frozen=True, eq=False)
class _Known:
    key: Key
    stale: bool


class StaleWatch(Observed):
    """stale: the ids of such layers, as far as it is known; a document that was just changed is looked at later.

    Give it every document with `look`, such as from `OpenDocument.on("document", ...)`.
    """

    def __init__(self, background: Background, rest: float = REST_SECONDS) -> None:
        super().__init__()
        self.stale: frozenset[str] = frozenset()
        self._background, self._rest = background, rest
        self._known: dict[str, _Known] = {}
        self._waiting: Job | None = None
        self._job: Job | None = None

    def look(self, document: Document) -> None:
        """Cheap: compares what lies below each edit layer by identity, and looks at the pixels after a rest."""
        self._stop()
        keys = {layer.id: key_of(document, layer.id) for layer in walk(document) if recipe_of(layer) is not None}
        self._known = {id: known for id, known in self._known.items() if id in keys}
        changed = {id: key for id, key in keys.items() if id not in self._known or self._known[id].key != key}
        self._show()
        if changed:
            self._waiting = self._background.later(self._rest, lambda: self._start(document, changed))

    def close(self) -> None:
        self._stop()
        self._known = {}

    def _start(self, document: Document, changed: dict[str, Key]) -> None:
        self._waiting = None
        self._job = self._background.run(_looking(document, tuple(changed)), self._learn(changed), _bug)

    def _learn(self, keys: dict[str, Key]) -> Callable[[dict[str, bool]], None]:
        def learn(found: dict[str, bool]) -> None:
            self._known.update({id: _Known(keys[id], stale) for id, stale in found.items()})
            self._show()

        return learn

    def _show(self) -> None:
        self.stale = frozenset(id for id, known in self._known.items() if known.stale)

    def _stop(self) -> None:
        for job in (self._waiting, self._job):
            if job is not None:
                job.cancel()
        self._waiting = self._job = None


def key_of(document: Document, layer_id: str) -> Key:
    """Equal for two documents only where the same objects lie below the layer, in the same place."""
    return (document.icc, document.rect, *_parts(document.layers, layer_id))


def _parts(layers: tuple[Layer, ...], layer_id: str) -> Iterator[Any]:
    for layer in layers:
        if layer.id == layer_id:
            yield layer.x, layer.y, recipe_of(layer)
            return
        if isinstance(layer, GroupLayer) and _holds(layer, layer_id):
            yield layer.visible, layer.opacity, layer.blend, layer.mask, layer.x, layer.y, layer.pass_through
            yield from _parts(layer.children, layer_id)
            return
        yield layer


def _holds(group: GroupLayer, layer_id: str) -> bool:
    return any(
        child.id == layer_id or (isinstance(child, GroupLayer) and _holds(child, layer_id)) for child in group.children
    )


def _looking(document: Document, ids: tuple[str, ...]) -> Callable[[Progress], dict[str, bool]]:
    def work(progress: Progress) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for id in ids:
            if not progress.cancelled and find(document, id) is not None:
                found[id] = stale(document, id)
        return found

    return work


def _bug(error: Exception) -> None:
    """A picture that cannot be drawn is a fault of the program: it goes where such faults are shown."""
    raise error
