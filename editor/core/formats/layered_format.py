"""What a layered file gives when it is opened, and what its format has to say about itself to be listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from editor.core.document import Document

if TYPE_CHECKING:
    from editor.core.formats.ora_cache import OraCache

SNIFFED = 512
"""How many bytes of a file `LayeredFormat.sniff` gets."""

Progress = Callable[[float], object]
"""Called with 0 to 1, rising."""
Cancelled = Callable[[], bool]
"""True once the caller no longer wants the result."""


@dataclass(frozen=True, eq=False)
class StoredVariant:
    """A result that was neither kept nor thrown away, as it lies in a file.

    id: letters, digits, "-" and "_". meta: JSON values. pixels: uint8 (h, w, 4) straight RGBA in the document's
    colours, its first pixel at (x, y). mask: uint8 (h, w) or None.
    """

    id: str
    meta: Mapping[str, Any]
    pixels: NDArray[np.uint8]
    x: int = 0
    y: int = 0
    mask: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Opened:
    """notes: one sentence for everything that was converted or left out. format: its name ("OpenRaster", "JPEG").

    cache: what saving to the same file again needs not encode anew; None for formats without.
    """

    document: Document
    notes: tuple[str, ...] = ()
    format: str = ""
    variants: tuple[StoredVariant, ...] = ()
    cache: OraCache | None = None


class Read(Protocol):
    """Raises InputUnreadable, and Cancelled soon after `cancelled()` is true."""

    def __call__(self, path: Path, progress: Progress, cancelled: Cancelled, /) -> Opened: ...


class Write(Protocol):
    """Writes the file whole or not at all and returns what it cannot hold, a sentence each.

    Raises OutputNotWritable, and Cancelled soon after `cancelled()` is true.
    """

    def __call__(
        self,
        path: Path,
        document: Document,
        variants: Sequence[StoredVariant],
        progress: Progress,
        cancelled: Cancelled,
        /,
    ) -> list[str]: ...


@dataclass(frozen=True)
class LayeredFormat:
    """One layered file format. suffixes: the preferred one first. sniff: tells from the first SNIFFED bytes.

    read, write: None where the format is only written or only read.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    read: Read | None
    write: Write | None


def ignore(_done: float) -> None:
    """A progress that nobody watches."""


def never() -> bool:
    """Work that nobody cancels."""
    return False
