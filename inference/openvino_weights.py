"""A model's weights as the CPU plugin of OpenVINO wants them, in a file that the system maps and takes back at will.

The plugin widens float16 weights to float32 in memory, keeps those for as long as the model lives, and lays out its own
copy beside them: for a UNet of 860 million weights 5.7 GB. Weights that are float32 already stay where they are; when
they lie in a mapped file their pages can be forgotten once the plugin has read them, and 2.0 GB are left. Matrices are
stored transposed, as the plugin multiplies by them: it would keep the transposed ones besides.

The results are the same to the last bit. The file is made once for a model, at the first load, from its float16 ones.
"""

from __future__ import annotations

import json
import math
import mmap
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inference import kept
from inference.openvino_runtime import Core, Node, OpenVino, OvModel

LEAST_BYTES = 32 << 20
"""A model with fewer bytes of float16 weights is left as it is."""

_SHELF, _FILE = "openvino", "weights"
_MAGIC = b"palimpsest weights 2\n"
_PAGE = 4096
_SMALLEST = 4096  # values; smaller constants may be something else than weights, and are no burden
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
        """Raises OSError or ValueError where the file is missing or is none of these."""
        with path.open("rb") as file:
            self._entries = {entry.name: entry for entry in _read_header(file)}
            # Private, so that nothing can write into the file; read-only arrays are not taken by OpenVINO.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

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


def wide_weights(core: Core, path: Path, external: Sequence[str]) -> WideWeights | None:
    """The weights of the model in the file `path`, made now if need be; None where it is not worth it, or not possible.

    external: the files with weights, as the model names them.
    """
    sources = [path, *(path.parent / name for name in external)]
    size = sum(source.stat().st_size for source in sources)
    if size < LEAST_BYTES:
        return None
    # Float16 weights become twice as long; each begins on a page of its own.
    lot = kept.Lot(kept.shelf(_SHELF), tuple(sources), 2 * size + LEAST_BYTES)
    try:
        return kept.opened(lot, lambda made: _make(core, path, made / _FILE), lambda made: WideWeights(made / _FILE))
    except OSError:  # a full disk, a folder that cannot be written, nothing to widen: the plugin does it its own way
        return None


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


def _make(core: Core, path: Path, target: Path) -> None:
    """Raises OSError where there is too little to widen."""
    # Of this model nothing is alive any more when the one that will run is read: its pages are gone too.
    weights = list(_weights(core.read_model(str(path))))
    entries = _placed(weights)
    if not entries or _end(entries[-1]) < 2 * LEAST_BYTES:
        raise OSError(f"{path} has hardly any float16 weights")
    with target.open("wb") as file:
        _write(file, entries, weights)


def _placed(weights: Sequence[_Weight]) -> list[Entry]:
    """Where each goes, on pages of its own behind the header, which has a fixed size for that."""
    offset = _up(len(_MAGIC) + 200 * (len(weights) + 1) + sum(len(weight.name.encode()) * 6 for weight in weights))
    entries: list[Entry] = []
    for weight in weights:
        entries.append(Entry(weight.name, weight.shape, weight.transposed, offset))
        offset = _end(entries[-1])
    return entries


def _write(file: BinaryIO, entries: Sequence[Entry], weights: Sequence[_Weight]) -> None:
    file.write(_MAGIC + json.dumps([asdict(each) for each in entries]).encode() + b"\n")
    for entry, weight in zip(entries, weights, strict=True):
        file.seek(entry.offset)
        file.write(weight.wide().data)
    file.truncate(_end(entries[-1]))


def _read_header(file: BinaryIO) -> list[Entry]:
    """Raises ValueError where the file is not one of these."""
    if file.readline(len(_MAGIC)) != _MAGIC:
        raise ValueError("no weights")
    try:
        return [
            Entry(each["name"], tuple(each["shape"]), each["transposed"], each["offset"])
            for each in json.loads(file.readline())
        ]
    except (TypeError, KeyError) as error:
        raise ValueError("no weights") from error


def _end(entry: Entry) -> int:
    return _up(entry.offset + 4 * math.prod(entry.shape))


def _up(size: int) -> int:
    """To the next whole page."""
    return -(-size // _PAGE) * _PAGE
