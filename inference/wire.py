"""What the engine's process and its parent say to each other: one JSON object a line, and pixels in a file both map.

To the child:
    {"do": "edit", "job", "file", "request", "previews"}, {"do": "cancel", "job"},
    {"do": "prefetch", "job"}, {"do": "make_ready", "job"}; the end of its input ends it.
From the child:
    {"is": "ready", "provider", "passed_over"} once, and again where an edit goes on with another provider;
    {"is": "alive"} every second;
    {"is": "progress" | "preview" | "variant" | "notice", "job", ...}, then {"is": "done", "job"};
    {"is": "error", "job", "error", "text"} in its place, with job null where the child could not start.
"""

from __future__ import annotations

import base64
import contextlib
import json
import mmap
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from inference import errors
from inference.errors import Cancelled, EngineError, EngineMemoryError
from inference.types import EditRequest, Event, Notice, Pixels, Preview, Progress, Variant

Message = dict[str, Any]


def write(stream: BinaryIO, message: Mapping[str, object]) -> None:
    """Send one line. Raises OSError or ValueError where the other side is gone."""
    stream.write(json.dumps(message).encode("ascii") + b"\n")
    stream.flush()


def read(line: bytes) -> Message | None:
    """The message in one line, or None for anything else (what a library printed)."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return cast(Message, message) if isinstance(message, dict) else None


class PixelFile:
    """The pixels of one request in a file: its image, room for one result per seed, and its mask if it has one.

    The parent makes and deletes the file; the child maps it. Both find the regions from the request's header.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self._shape = cast(tuple[int, int, int], tuple(header["shape"]))
        self._dtype: np.dtype[Any] = np.dtype(str(header["dtype"]))
        self._results = len(header["seeds"])
        self._masked = bool(header["masked"])
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _length(header))

    @classmethod
    def create(cls, request: EditRequest) -> PixelFile:
        """A temporary file with the request's pixels. Raises `EngineMemoryError` where there is no room for it."""
        head = header(request)
        handle, name = tempfile.mkstemp(prefix="palimpsest-", suffix=".pixels")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                _reserve(file, _length(head))
            pixels = cls(path, head)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise EngineMemoryError(
                f"There is no room for the picture in the temporary folder {path.parent} ({error.strerror}): "
                "free some space there or set TMPDIR to another folder."
            ) from error
        pixels.image[...] = request.image
        if pixels.mask is not None and request.mask is not None:
            pixels.mask[...] = request.mask
        return pixels

    @property
    def image(self) -> Pixels:
        return self._region(0, self._shape, self._dtype)

    @property
    def mask(self) -> NDArray[np.uint8] | None:
        if not self._masked:
            return None
        return self._region(self._image_bytes * (1 + self._results), self._shape[:2], np.dtype(np.uint8))

    def result(self, index: int) -> Pixels:
        """The region of variant number `index`, to be written by the child and read by the parent."""
        return self._region(self._image_bytes * (1 + index), self._shape, self._dtype)

    def close(self) -> None:
        """End the mapping; where an array still looks at it, it ends with that array."""
        with contextlib.suppress(BufferError):
            self._map.close()

    def delete(self) -> None:
        """End the mapping and remove the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    @property
    def _image_bytes(self) -> int:
        return int(np.prod(self._shape)) * self._dtype.itemsize

    def _region(self, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.ndarray(shape, dtype, self._map, start)


def header(request: EditRequest) -> dict[str, object]:
    """Everything of a request but its pixels."""
    return {
        "shape": list(request.image.shape),
        "dtype": request.image.dtype.str,
        "masked": request.mask is not None,
        "instruction": request.instruction,
        "seeds": list(request.seeds),
        "steps": request.steps,
        "text_scale": request.text_scale,
        "image_scale": request.image_scale,
        "sampler": request.sampler,
        "size": request.size,
        "model": request.model,
        "full_res": request.full_res,
        "guidance_interval": list(request.guidance_interval),
        "reuse": request.reuse,
    }


def request_from(head: Mapping[str, Any], pixels: PixelFile) -> EditRequest:
    """The request that `header` was made from, with its pixels in the file."""
    names = ("instruction", "steps", "text_scale", "image_scale", "sampler", "size", "model", "full_res", "reuse")
    dials = {name: head[name] for name in names}
    dials["guidance_interval"] = tuple(head["guidance_interval"])
    return EditRequest(image=pixels.image, mask=pixels.mask, seeds=tuple(head["seeds"]), **dials)


def event_message(event: Event, pixels: PixelFile) -> dict[str, object]:
    """An event as a message; the pixels of a variant go into the file."""
    if isinstance(event, Progress):
        return {"is": "progress", **vars(event)}
    if isinstance(event, Notice):
        return {"is": "notice", "text": event.text}
    if isinstance(event, Preview):
        data = base64.b64encode(np.ascontiguousarray(event.image).data).decode("ascii")
        return {"is": "preview", "variant": event.variant, "shape": list(event.image.shape), "data": data}
    pixels.result(event.index)[...] = event.image
    return {"is": "variant", **{name: value for name, value in vars(event).items() if name != "image"}}


def event_from(message: Message, pixels: PixelFile) -> Event | None:
    """The event of a message, with pixels of its own; None for a message that is no event."""
    values = {name: value for name, value in message.items() if name not in ("is", "job")}
    match message["is"]:
        case "progress":
            return Progress(**values)
        case "notice":
            return Notice(str(values["text"]))
        case "preview":
            image = np.frombuffer(base64.b64decode(values["data"]), np.uint8).reshape(values["shape"])
            return Preview(values["variant"], image)
        case "variant":
            return Variant(image=pixels.result(values["index"]).copy(), **values)
        case _:
            return None


def error_message(error: Exception) -> dict[str, object]:
    """An error by class name and sentence."""
    if isinstance(error, EngineError):
        return {"is": "error", "error": type(error).__name__, "text": str(error)}
    return {
        "is": "error",
        "error": "EngineError",
        "text": f"The engine failed unexpectedly ({type(error).__name__}: {error}).",
    }


def error_from(message: Message) -> EngineError:
    """The error of a message; `EngineError` where the class is not one of `inference.errors`."""
    kind = getattr(errors, str(message["error"]), EngineError)
    if kind is Cancelled:
        return Cancelled()
    known = isinstance(kind, type) and issubclass(kind, EngineError)
    return kind(str(message["text"])) if known else EngineError(str(message["text"]))


def _length(head: Mapping[str, Any]) -> int:
    height, width, channels = head["shape"]
    image = height * width * channels * np.dtype(str(head["dtype"])).itemsize
    return image * (1 + len(head["seeds"])) + (height * width if head["masked"] else 0)


def _reserve(file: BinaryIO, length: int) -> None:
    """Make the file `length` bytes long with its room on the disk taken: a mapping that cannot grow kills a process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, length)
        return
    block = bytes(1 << 20)
    for start in range(0, length, len(block)):
        file.write(block[: length - start])
