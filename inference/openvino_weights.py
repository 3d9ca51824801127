"""A model's weights as the CPU plugin of OpenVINO wants them, in a file that the system maps and takes back at will.

The plugin widens float16 weights to float32 in memory, keeps those for as long as the model lives, and lays out its own
copy beside them: for a UNet of 860 million weights 5.7 GB. Weights that are float32 already stay where they are; when
they lie in a mapped file their pages can be forgotten once the plugin has read them, and 2.0 GB are left. Matrices are
stored transposed, as the plugin multiplies by them: it would keep the transposed ones besides.

The results are the same to the last bit. The file is made once for a model, at the first load, from its float16 ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import os
import shutil
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inference.cache_folder import cache_folder
from inference.file_lock import FileLock
from inference.openvino_runtime import Core, Node, OpenVino, OvModel

LEAST_BYTES = 32 << 20
"""A model with fewer bytes of float16 weights is left as it is."""
MOST_BYTES = 10 << 30
"""All files together; the ones that were used longest ago go first."""

_FOLDER = "openvino"
_SUFFIX, _PART, _LOCK = ".weights", ".part", ".lock"
_MAGIC = b"palimpsest weights 1\n"
_PAGE = 4096
_SMALLEST = 4096  # values; smaller constants may be something else than weights, and are no burden
_SPARE_BYTES = 2 << 30  # left free on the disk
_WAIT_SECONDS = 120.0  # for another who makes the same file
_FORGET_SECONDS = 0.05


@dataclass(frozen=True)
class Entry:
    """One weight in the file. shape: as stored. offset: in bytes from the file's start."""

    name: str
    shape: tuple[int, ...]
    transposed: bool
    offset: int


class WideWeights:
    """The mapped file of one model. Keep it for as long as the model is in use, which does not keep it itself."""

    def __init__(self, path: Path) -> None:
        """Raises OSError or ValueError where the file is missing, or is none or not a whole one."""
        with path.open("rb") as file:
            self._entries = {entry.name: entry for entry in _read_header(file)}
            # Private, so that nothing can write into the file; read-only arrays are not taken by OpenVINO.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        with contextlib.suppress(OSError):
            os.utime(path)

    def put_into(self, model: OvModel, library: OpenVino) -> None:
        """Let the model use these weights in place of its own, where it has the same."""
        for weight in _weights(model):
            entry = self._entries.get(weight.name)
            if entry is not None and entry.transposed == weight.transposed and entry.shape == weight.shape:
                weight.replace(self._values(entry), library)

    def forget(self) -> None:
        """Let the system have the memory of the pages that were read; they are read again where they are needed."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows, which trims what a process does not use by itself
            self._map.madvise(mmap.MADV_DONTNEED)

    @contextmanager
    def forgetting(self) -> Generator[None, None, None]:
        """Forget all the time while the block reads the weights one after the other."""
        done = threading.Event()

        def repeat() -> None:
            while not done.wait(_FORGET_SECONDS):
                self.forget()

        thread = threading.Thread(target=repeat, name="forget weights", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.forget()

    def _values(self, entry: Entry) -> NDArray[np.float32]:
        values = np.frombuffer(self._map, np.float32, math.prod(entry.shape), entry.offset)
        return values.reshape(entry.shape)


def wide_weights(core: Core, path: Path, external: Sequence[str], folder: Path | None = None) -> WideWeights | None:
    """The weights of the model in the file `path`, made now if need be; None where it is not worth it, or not possible.

    external: the files with weights, as the model names them. folder: for the results, None for the user's cache.
    """
    sources = [path, *(path.parent / name for name in external)]
    if sum(source.stat().st_size for source in sources) < LEAST_BYTES:
        return None
    target = (folder or cache_folder() / _FOLDER) / f"{_identity(sources)}{_SUFFIX}"
    with contextlib.suppress(OSError, ValueError):
        return WideWeights(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return _made_once(core, path, target)
    except OSError:  # a full disk, a folder that cannot be written: the plugin does it its own way
        return None


def _identity(sources: Sequence[Path]) -> str:
    """Files are taken to be the same while their place, size and time are."""
    digest = hashlib.blake2b(digest_size=16)
    for source in sources:
        state = source.stat()
        digest.update(f"{source.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Weight:
    """A float16 constant of a model, and the conversion to float32 that is all it goes into.

    shape: as it is to be stored. users: the inputs that take the converted one.
    """

    name: str
    constant: Node
    users: Sequence[Any]
    shape: tuple[int, ...]
    transposed: bool

    def wide(self) -> NDArray[np.float32]:
        """float32 values of `shape`."""
        values = self.constant.data
        return np.asarray(values.T if self.transposed else values, np.float32, order="C")

    def replace(self, values: NDArray[np.float32], library: OpenVino) -> None:
        tensor = library.Tensor(values, shared_memory=True)
        constant = library.op.Constant(tensor, shared_memory=True)
        constant.set_friendly_name(self.name)
        for user in self.users:
            user.replace_source_output(constant.output(0))
            if self.transposed:
                user.get_node().set_attribute("transpose_b", True)


def _weights(model: OvModel) -> Iterator[_Weight]:
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convert" or node.get_output_element_type(0).get_type_name() != "f32":
            continue
        source = node.input_value(0).get_node()
        if source.get_type_name() == "Constant" and source.get_output_element_type(0).get_type_name() == "f16":
            shape = tuple(int(size) for size in source.get_output_shape(0))
            if math.prod(shape) >= _SMALLEST:
                yield _weight(source, list(node.output(0).get_target_inputs()), shape)


def _weight(constant: Node, users: Sequence[Any], shape: tuple[int, ...]) -> _Weight:
    transposed = len(shape) == 2 and all(_multiplies_by(user) for user in users)
    return _Weight(constant.get_friendly_name(), constant, users, shape[::-1] if transposed else shape, transposed)


def _multiplies_by(user: Any) -> bool:
    node: Node = user.get_node()
    return node.get_type_name() == "MatMul" and user.get_index() == 1 and not node.get_attributes()["transpose_b"]


def _made_once(core: Core, path: Path, target: Path) -> WideWeights | None:
    """Made by one thread of one process while others that want it wait. Raises OSError."""
    with ExitStack() as turn:
        turn.enter_context(FileLock(target.with_suffix(_LOCK), _WAIT_SECONDS))
        with contextlib.suppress(OSError, ValueError):
            return WideWeights(target)
        # Of this model nothing is alive any more when the one that will run is read: its pages are gone too.
        weights = list(_weights(core.read_model(str(path))))
        entries = _placed(weights)
        if not entries or _end(entries[-1]) < 2 * LEAST_BYTES:
            return None
        _make_room(target.parent, _end(entries[-1]))
        part = target.with_suffix(_PART)
        try:
            with part.open("wb") as file:
                _write(file, entries, weights)
            mapped = _published(part, target, turn.pop_all())
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return mapped


def _placed(weights: Sequence[_Weight]) -> list[Entry]:
    """Where each goes, on pages of its own behind the header, which has a fixed size for that."""
    offset = _up(len(_MAGIC) + 200 * (len(weights) + 1) + sum(len(weight.name.encode()) * 6 for weight in weights))
    entries: list[Entry] = []
    for weight in weights:
        entries.append(Entry(weight.name, weight.shape, weight.transposed, offset))
        offset = _end(entries[-1])
    return entries


def _write(file: BinaryIO, entries: Sequence[Entry], weights: Sequence[_Weight]) -> None:
    file.write(_MAGIC + json.dumps({"size": _end(entries[-1]), "entries": [asdict(each) for each in entries]}).encode())
    file.write(b"\n")
    for entry, weight in zip(entries, weights, strict=True):
        file.seek(entry.offset)
        file.write(weight.wide().data)
    file.truncate(_end(entries[-1]))


def _published(part: Path, target: Path, turn: ExitStack) -> WideWeights:
    """The file, which gets its name for the next time once the disk has it; that may take longer than all before."""
    if sys.platform == "win32":  # where a file that is mapped cannot be renamed
        _finish(part, target, turn)
        return WideWeights(target)
    mapped = WideWeights(part)
    threading.Thread(target=_finish, args=(part, target, turn), name="keep weights").start()
    return mapped


def _finish(part: Path, target: Path, turn: ExitStack) -> None:
    with turn, contextlib.suppress(OSError):
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)


def _make_room(folder: Path, needed: int) -> None:
    """Delete what was used longest ago. Raises OSError where the disk has no room even so."""
    kept = needed
    for path, size in _by_age(folder):
        kept += size
        if kept > MOST_BYTES:
            with contextlib.suppress(OSError):
                path.unlink()
    if shutil.disk_usage(folder).free < needed + _SPARE_BYTES:
        raise OSError("the disk is full")


def _by_age(folder: Path) -> list[tuple[Path, int]]:
    """(path, bytes) of each file, the one used last first; those that were never finished among them."""
    found: list[tuple[float, Path, int]] = []
    for path in (*folder.glob(f"*{_SUFFIX}"), *folder.glob(f"*{_PART}")):
        with contextlib.suppress(OSError):
            state = path.stat()
            found.append((state.st_mtime, path, state.st_size))
    return [(path, size) for _, path, size in sorted(found, reverse=True)]


def _read_header(file: BinaryIO) -> list[Entry]:
    """Raises ValueError where the file is not one of these, or not whole."""
    if file.readline(len(_MAGIC)) != _MAGIC:
        raise ValueError("no weights")
    try:
        header: dict[str, Any] = json.loads(file.readline())
        entries = [
            Entry(each["name"], tuple(each["shape"]), each["transposed"], each["offset"]) for each in header["entries"]
        ]
    except (TypeError, KeyError) as error:
        raise ValueError("no weights") from error
    if os.fstat(file.fileno()).st_size != header["size"] or any(_end(entry) > header["size"] for entry in entries):
        raise ValueError("not whole")
    return entries


def _end(entry: Entry) -> int:
    return _up(entry.offset + 4 * math.prod(entry.shape))


def _up(size: int) -> int:
    """To the next whole page."""
    return -(-size // _PAGE) * _PAGE
