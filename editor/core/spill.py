"""Where the pixels of packed tiles lie: compressed in memory, later in one temporary file."""

from __future__ import annotations

import tempfile
import threading
import weakref
from contextlib import ExitStack
from pathlib import Path

from editor.core.history_codec import builds_on_base, decode, encode
from editor.core.tiles import Samples, Tile


class SpillFile:
    """An append-only file without a name, gone once nobody reads it any more, even after a crash."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: where it lies; None for the system's temporary folder. Raises OSError where it cannot be made."""
        with ExitStack() as opened:
            # Unbuffered: what a full disk did not take must not stay in a buffer that every later read would flush.
            self._file = opened.enter_context(tempfile.TemporaryFile(dir=folder, buffering=0))
            weakref.finalize(self, opened.pop_all().close)
        self._lock = threading.Lock()
        self.size = 0

    def append(self, data: bytes) -> int:
        """Where it lies from now on. Raises OSError (a full disk)."""
        with self._lock:
            self._file.seek(self.size)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            place, self.size = self.size, self.size + len(data)
            return place

    def read(self, place: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(place)
            data = bytearray()
            while len(data) < length:
                part = self._file.read(length - len(data))
                if not part:
                    raise OSError("the temporary file of the history lost a part")
                data += part
        return bytes(data)


class PackedTile:
    """What a packed tile unpacks from: call it for its pixels, on any thread.

    base: the tile that the bytes build on, None where they stand alone. length: in bytes.
    """

    __slots__ = ("_data", "_file", "_place", "base", "length")

    def __init__(self, data: bytes, base: Tile | None = None) -> None:
        self.base = base if builds_on_base(data) else None
        self.length = len(data)
        self._data: bytes | None = data
        self._file: SpillFile | None = None
        self._place = 0

    @classmethod
    def of(cls, pixels: Samples, base: Tile | None = None) -> PackedTile:
        """Packs pixels against `base`, or alone where that is better."""
        return cls(encode(pixels, base.pixels if base else None), base)

    def __call__(self) -> Samples:
        return decode(self._bytes(), self.base.pixels if self.base else None)

    @property
    def spilled(self) -> bool:
        return self._file is not None

    def spill(self, file: SpillFile) -> None:
        """Moves the bytes to `file`. Raises OSError; they are still in memory then."""
        if self._data is not None:
            self._place = file.append(self._data)
            self._file = file
            self._data = None  # last: a reader on another thread finds them in one place or the other

    def _bytes(self) -> bytes:
        data = self._data
        if data is None:
            assert self._file is not None
            data = self._file.read(self._place, self.length)
        return data
