"""Messages and pixels between the engine's process and its parent."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from inference import errors, wire
from inference.errors import Cancelled, EngineError, EngineMemoryError, RequestError
from inference.types import EditRequest, Event, Notice, Preview, Progress, Variant

HEAD = ("instruction", "steps", "text_scale", "image_scale", "sampler", "size", "model", "seeds", "full_res")
SAVINGS = ("guidance_interval", "reuse")


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def make_request(dtype: type = np.uint16, *, masked: bool = True) -> EditRequest:
    rng = np.random.default_rng(3)
    image = rng.integers(0, np.iinfo(dtype).max, (5, 7, 3), dtype, endpoint=True)
    mask = rng.integers(0, 255, (5, 7), np.uint8, endpoint=True) if masked else None
    savings = {"guidance_interval": (0.1, 0.8), "reuse": 3}
    return EditRequest(
        image, 'say "é"\n', 3, 7.5, 1.25, "ddim", 64, "m", (4, 2**63 - 1), mask, full_res=False, **savings
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("masked", [True, False])
def test_a_request_comes_over_whole(dtype: type, masked: bool, temporary_folder: Path) -> None:
    request = make_request(dtype, masked=masked)
    pixels = wire.PixelFile.create(request)
    there = wire.PixelFile(pixels.path, wire.header(request))
    received = wire.request_from(wire.header(request), there)
    assert np.array_equal(received.image, request.image)
    assert received.image.dtype == dtype
    assert (received.mask is None) == (not masked)
    if received.mask is not None and request.mask is not None:
        assert np.array_equal(received.mask, request.mask)
    assert all(getattr(received, name) == getattr(request, name) for name in (*HEAD, *SAVINGS))
    there.close()
    pixels.delete()
    assert list(temporary_folder.iterdir()) == []


def test_events_come_over_whole() -> None:
    request = make_request()
    pixels = wire.PixelFile.create(request)
    preview = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    result = np.random.default_rng(1).integers(0, 65535, request.image.shape, np.uint16)
    variant = Variant(1, 2**63 - 1, result, 0.5, 0.25, 0, {"denoise": 0.125})
    events: list[Event] = [
        Progress(0, "denoise", 1, 3),
        Progress(1, "denoise", 2, 3, 0.5),
        Preview(1, preview),
        Notice("Out of memory: trying one variant at a time."),
        variant,
    ]
    for event in events:
        line = io.BytesIO()
        wire.write(line, wire.event_message(event, pixels))
        message = wire.read(line.getvalue())
        assert message is not None
        received = wire.event_from(message, pixels)
        assert type(received) is type(event)
        for name, value in vars(event).items():
            assert np.array_equal(getattr(received, name), value)
    assert wire.event_from({"is": "done", "job": 1}, pixels) is None
    pixels.delete()


def test_results_do_not_share_their_room() -> None:
    request = make_request()
    pixels = wire.PixelFile.create(request)
    for index in range(2):
        pixels.result(index)[...] = index + 1
    assert (pixels.result(0) == 1).all()
    assert np.array_equal(pixels.image, request.image)
    assert np.array_equal(pixels.mask, request.mask)
    pixels.delete()


@pytest.mark.parametrize("line", [b"", b"not json\n", b"[1]\n", b"3\n", b"\xff\xfe\n", b'{"is": "alive"'])
def test_what_is_no_message_is_none(line: bytes) -> None:
    assert wire.read(line) is None


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_every_error_keeps_its_class_and_sentence(kind: type[EngineError]) -> None:
    error = kind() if kind is Cancelled else kind("A sentence.")
    received = wire.error_from(wire.error_message(error))
    assert type(received) is kind
    assert str(received) == str(error)


def test_a_defect_comes_over_as_an_engine_error() -> None:
    received = wire.error_from(wire.error_message(KeyError("x")))
    assert type(received) is EngineError
    assert "KeyError" in str(received)
    assert type(wire.error_from({"error": "annotations", "text": "?"})) is EngineError
    assert type(wire.error_from({"error": "os.system", "text": "?"})) is EngineError
    assert type(wire.error_from({"error": "RequestError", "text": "?"})) is RequestError


def test_a_full_disk_is_an_error_and_no_crash(monkeypatch: pytest.MonkeyPatch, temporary_folder: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(EngineMemoryError, match="No space left"):
        wire.PixelFile.create(make_request())
    assert list(temporary_folder.iterdir()) == []


def test_without_fallocate_the_room_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    request = make_request()
    pixels = wire.PixelFile.create(request)
    assert pixels.path.stat().st_size == 3 * request.image.nbytes + 35
    assert np.array_equal(pixels.image, request.image)
    pixels.delete()
