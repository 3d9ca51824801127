"""Values that tell when they change, without Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVarTuple, cast

Arguments = TypeVarTuple("Arguments")


class Signal(Generic[*Arguments]):
    """Calls every connected function, in the order of connecting, on the thread that emits."""

    def __init__(self) -> None:
        self._slots: dict[object, Callable[[*Arguments], object]] = {}

    def connect(self, slot: Callable[[*Arguments], object]) -> Callable[[], None]:
        """Returns the function that disconnects `slot`; calling it twice does no harm."""
        connection = object()
        self._slots[connection] = slot

        def disconnect() -> None:
            self._slots.pop(connection, None)

        return disconnect

    def emit(self, *arguments: *Arguments) -> None:
        """Slots that are connected meanwhile wait for the next time; those that are disconnected are left out."""
        for connection, slot in tuple(self._slots.items()):
            if connection in self._slots:
                slot(*arguments)


class Observed:
    """A model whose public attributes tell of their changes.

    `changed` emits the name of an attribute after it was set to another value. Equal values stay silent; arrays and
    documents, which do not compare, count as other whenever they are another object.
    """

    def __init__(self) -> None:
        self.changed: Signal[str] = Signal()

    def on(self, name: str, slot: Callable[[], object]) -> Callable[[], None]:
        """Call `slot` after each change of attribute `name`; returns the function that ends this."""
        return self.changed.connect(lambda changed: slot() if changed == name else None)

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name, _UNSET)
        object.__setattr__(self, name, value)
        if before is not _UNSET and not name.startswith("_") and not _same(before, value):
            self.changed.emit(name)


_UNSET = object()


def _same(before: object, after: object) -> bool:
    if before is after:
        return True
    if isinstance(before, tuple) and isinstance(after, tuple):
        # One by one, as arrays among them have no truth.
        old, new = cast(tuple[object, ...], before), cast(tuple[object, ...], after)
        return len(old) == len(new) and all(map(_same, old, new))
    return isinstance(before, bool | int | float | str | frozenset) and before == after
