"""The zip archive of an OpenRaster file, read without trust: sizes first, nothing ever unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from editor.core.errors import InputUnreadable
from editor.core.formats.flat import MOST_PIXELS

MOST_ENTRIES = 20_000
MOST_FOREIGN = 1 << 29
MOST_TOTAL_PIXELS = 4 * MOST_PIXELS
LOCAL_HEADER = 30
LONGEST = 300  # letters of a reason


class Archive:
    """Reads entries of bounded size. Every trouble is InputUnreadable, naming the entry."""

    def __init__(self, path: Path, zip: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = zip
        self._entries = {info.filename: info for info in zip.infolist()}
        if len(zip.infolist()) > MOST_ENTRIES:
            raise refused(path, f"it has more than {MOST_ENTRIES} entries")

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def names(self) -> Iterator[str]:
        """All entries, in the order of the archive."""
        return iter(self._entries)

    def size(self, name: str) -> int:
        """Bytes of an entry, as the archive states them."""
        return self._entries[name].file_size

    def read(self, name: str, most: int) -> bytes:
        """All bytes of an entry of at most `most`, checked against its checksum."""
        if name not in self._entries:
            raise refused(self.path, f"its entry {name} is missing")
        if self._entries[name].file_size > most:
            raise refused(self.path, f"its entry {name} is larger than it can be")
        return self._read(name, most)

    def start(self, name: str, count: int) -> bytes:
        """The first bytes of an entry."""
        if name not in self._entries:
            raise refused(self.path, f"its entry {name} is missing")
        with self._unpacking(name), self._zip.open(self._entries[name]) as file:
            return file.read(count)

    def place(self, name: str) -> tuple[int, int] | None:
        """(offset, size) of the bytes of an entry in the file, where they lie there as they are."""
        info = self._entries[name]
        if info.compress_type != zipfile.ZIP_STORED:
            return None
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(LOCAL_HEADER)
        return info.header_offset + LOCAL_HEADER + header[26] + header[27] * 256 + header[28] + header[29] * 256, (
            info.file_size
        )

    def _read(self, name: str, most: int) -> bytes:
        with self._unpacking(name), self._zip.open(self._entries[name]) as file:
            data = file.read(most + 1)  # what the archive states may be a lie
        if len(data) > most:
            raise refused(self.path, f"its entry {name} is larger than it can be")
        return data

    @contextmanager
    def _unpacking(self, name: str) -> Generator[None]:
        try:
            yield
        except MemoryError:
            raise
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise refused(self.path, f"its entry {name} is damaged") from error
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in a way that zipfile cannot read
            raise refused(self.path, f"its entry {name} is encrypted or packed in an unknown way") from error


@contextmanager
def opened(path: Path) -> Generator[Archive]:
    """Raises InputUnreadable for what is no zip archive."""
    try:
        zip = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise InputUnreadable(f"{path} does not exist; check the name.") from error
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise refused(path, "its list of entries is damaged or cut off") from error
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be opened: {error.strerror or error}; check its permissions.") from error
    with zip:
        yield Archive(path, zip)


def refused(path: Path, reason: str) -> InputUnreadable:
    """The sentence for a file that is not opened; what it says of itself may be anything, and is made to fit in one."""
    reason = "".join(letter if letter.isprintable() else "\ufffd" for letter in reason)
    reason = reason if len(reason) <= LONGEST else f"{reason[: LONGEST // 2]} ... {reason[-LONGEST // 2 :]}"
    return InputUnreadable(f"{path} cannot be opened as OpenRaster: {reason}; try another copy of it.")


def is_safe(name: str) -> bool:
    """True for an entry that stays inside a folder it would be unpacked into, on every system."""
    parts = name.split("/")
    return bool(name) and "\\" not in name and ":" not in name and "\0" not in name and not {"", ".", ".."} & set(parts)
