"""One file over the network: resumed where it stopped, hashed, and under its name only when it is whole and right."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from inference.types import CancelToken
from training.fetching.errors import FetchError, FetchTargetError
from training.fetching.plan import Remote
from training.fetching.web import TROUBLE, Web, host_of, unreachable

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Patience:
    """tries: connections in a row that may bring nothing. seconds: before the second one, doubled for each more."""

    tries: int = 5
    seconds: float = 1.0


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def download(
    file: Remote, target: Path, web: Web, advance: Advance, cancel: CancelToken, patience: Patience | None = None
) -> None:
    """Fetch `file` as `target`; what a former run has left of it in `target`.part is not fetched again.

    advance: told the bytes of the file that are here by now. What arrives stays on the disk when this is cancelled.
    Raises `FetchError` (the network, or another content than was promised), `FetchTargetError` and `Cancelled`.
    """
    patience = patience or Patience()
    if _is_whole(file, target, cancel):
        advance(file.size)
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(file, target)
        for again in (True, False):
            _fill(part, web, advance, cancel, patience)
            if part.take(cancel):
                return
            if not again:
                break
    except FetchError:
        raise
    except OSError as error:
        raise _unwritable(target, error) from error
    raise FetchError(
        f"{file.path} from {host_of(file.url)} is not the file that was promised: its hash differs, so it was deleted."
    )


class _Part:
    """What is here of a file, beside a note of which version of it that is."""

    def __init__(self, file: Remote, target: Path) -> None:
        self.file, self.target = file, target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes here that may belong to the file; what is too long does not."""
        if not self.path.is_file():
            return 0
        size = self.path.stat().st_size
        return size if size <= self.file.size else 0

    @property
    def etag(self) -> str:
        """Which version this is the beginning of; "" where that is not known."""
        with contextlib.suppress(OSError, ValueError):
            value: object = json.loads(self._note.read_text(encoding="utf-8"))
            if isinstance(value, dict):
                return str(cast("dict[str, object]", value).get("etag", ""))
        return ""

    def note(self, etag: str) -> None:
        self._note.write_text(json.dumps({"etag": etag}), encoding="utf-8")

    def take(self, cancel: CancelToken) -> bool:
        """Give the whole file its name; False, and a fresh start, where it is not what was promised."""
        if self.file.hash and _hashed(self.path, self.file, cancel) != self.file.hash:
            self.path.unlink()
            return False
        with self.path.open("rb") as stream:
            os.fsync(stream.fileno())
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
        return True


def _fill(part: _Part, web: Web, advance: Advance, cancel: CancelToken, patience: Patience) -> None:
    """Connect as often as it takes; every byte that arrives gives new patience."""
    failures = 0
    if part.file.size == 0:
        part.path.write_bytes(b"")
    while (before := part.size) < part.file.size:
        cancel.raise_if_cancelled()
        advance(before)
        problem = _connect(part, web, advance, cancel)
        failures = failures + 1 if part.size <= before else 0
        if failures >= patience.tries:
            raise FetchError(problem)
        if problem:
            _wait(patience.seconds * 2 ** max(0, failures - 1), cancel)


def _connect(part: _Part, web: Web, advance: Advance, cancel: CancelToken) -> str:
    """One connection; returns what went wrong with the network, "" where nothing did."""
    file = part.file
    here = part.size if part.etag or file.hash else 0  # else nothing would tell two versions apart
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
        if part.etag:
            headers["If-Range"] = part.etag
    try:
        with web.open(file.url, headers) as answer:
            start = _start(answer, file, here)
            part.note(_strong(answer.headers.get("ETag", "")))
            with part.path.open("r+b" if start else "wb") as stream:
                stream.seek(start)
                stream.truncate()
                for data in _chunks(answer, file.size - start, cancel):
                    _write(stream.write, data, part.target)
                    advance(stream.tell())
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.path.unlink(missing_ok=True)
        return unreachable(file.url, error)
    except TROUBLE as error:
        return unreachable(file.url, error)
    return (
        "" if part.size == file.size else f"{host_of(file.url)} cuts the connection again and again: try again later."
    )


def _start(answer: http.client.HTTPResponse, file: Remote, here: int) -> int:
    """Where the bytes of this answer belong. Raises `FetchError` where the file has another size than was promised."""
    total, start = answer.headers.get("Content-Length", str(file.size)), 0
    if answer.status == http.client.PARTIAL_CONTENT:
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != here:
            raise FetchError(f"{host_of(file.url)} answers with another part of {file.path} than was asked for.")
        start, total = here, match[2]
    if total != str(file.size):
        raise FetchError(
            f"{file.path} has {total} bytes at {host_of(file.url)} instead of {file.size}: it changed, so try again."
        )
    return start


def _chunks(answer: http.client.HTTPResponse, left: int, cancel: CancelToken) -> Iterator[bytes]:
    while left > 0:
        cancel.raise_if_cancelled()
        data = answer.read1(min(_CHUNK, left))
        if not data:
            return
        left -= len(data)
        yield data


def _write(write: Callable[[bytes], int], data: bytes, target: Path) -> None:
    """The disk's troubles are not the network's."""
    try:
        write(data)
    except OSError as error:
        raise _unwritable(target, error) from error


def _is_whole(file: Remote, target: Path, cancel: CancelToken) -> bool:
    if not target.is_file() or target.stat().st_size != file.size or not file.hash:
        return False
    return _hashed(target, file, cancel) == file.hash


def _hashed(path: Path, file: Remote, cancel: CancelToken) -> str:
    """As in `file.hash`: "sha256:HEX", or "git:HEX" as git names a blob of this content."""
    kind = file.hash.partition(":")[0]
    state = cast("_Hash", hashlib.sha256() if kind == "sha256" else hashlib.sha1(usedforsecurity=False))
    if kind == "git":
        state.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as stream:
        while data := stream.read(1 << 20):
            cancel.raise_if_cancelled()
            state.update(data)
    return f"{kind}:{state.hexdigest()}"


def _strong(etag: str) -> str:
    """Weak ones say nothing about bytes."""
    return "" if etag.startswith("W/") else etag


def _wait(seconds: float, cancel: CancelToken) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        cancel.raise_if_cancelled()
        time.sleep(min(0.1, seconds))


def _unwritable(target: Path, error: OSError) -> FetchTargetError:
    return FetchTargetError(f"{target} cannot be written ({error.strerror or error}): check the disk.")
