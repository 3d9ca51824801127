"""Limits, errors, descriptions: what holds for every format."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editor.core.errors import InputUnreadable, OutputNotWritable, UsageError
from editor.core.formats import flat, png
from editor.core.formats.flat import flatten, info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]


@pytest.fixture
def photo(tmp_path: Path, noise: Noise) -> Path:
    """A PNG of 20 x 10."""
    write_flat(tmp_path / "photo.png", FlatImage(noise(np.uint8, (10, 20, 3))))
    return tmp_path / "photo.png"


def test_missing_empty_folder_and_odd_names(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for path, words in (
        (tmp_path / "none.png", "does not exist"),
        (tmp_path / "empty.png", "is empty"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.png" / "a.png", "cannot be opened"),
        (Path("a\0b.png"), "cannot be opened"),
    ):
        for read in (read_flat, info):
            with pytest.raises(InputUnreadable, match=words) as caught:
                read(path)
            assert caught.value.exit_code == 3
            assert str(caught.value).endswith(".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are a POSIX matter")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputUnreadable, match="not a regular file"):
        read_flat(tmp_path / "pipe.png")


def test_the_callers_budget_is_kept(photo: Path) -> None:
    assert read_flat(photo, max_pixels=200).width == 20
    with pytest.raises(InputUnreadable, match=r"20 x 10 is 0.0 megapixels"):
        read_flat(photo, max_pixels=199)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".avif"])
def test_size_is_judged_before_decoding(
    tmp_path: Path, noise: Noise, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    write_flat(path, FlatImage(noise(np.uint8, (10, 20, 3))))

    def never(*given: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(flat, "_decoded", never)
    with pytest.raises(InputUnreadable, match="too large"):
        read_flat(path, max_pixels=199)


@pytest.mark.parametrize(("side", "refused"), [(30_000, False), (30_001, True)])
def test_the_limit_is_900_megapixels_in_place_of_pillows(tmp_path: Path, side: int, refused: bool) -> None:
    """Below it a header without data is merely incomplete."""
    header = png.MAGIC + bytes.fromhex("0000000d49484452") + side.to_bytes(4, "big") + (30_000).to_bytes(4, "big")
    body = header + b"\x08\x00\x00\x00\x00"
    checksum = zlib.crc32(body[12:]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(body + checksum + bytes(4) + b"IDAT")
    with pytest.raises(InputUnreadable, match="too large" if refused else "incomplete"):
        read_flat(tmp_path / "a.png")


def test_pillows_own_limit_is_off(tmp_path: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Image.MAX_IMAGE_PIXELS is None
    write_flat(tmp_path / "a.tif", FlatImage(noise(np.uint8, (10, 20, 3))))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InputUnreadable):
        read_flat(tmp_path / "a.tif")


def test_no_memory_is_a_sentence(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(flat, "_decoded", no_memory)
    with pytest.raises(InputUnreadable, match="not enough memory"):
        read_flat(photo)
    monkeypatch.setattr(flat, "_fitted", no_memory)
    with pytest.raises(OutputNotWritable, match="not enough memory"):
        write_flat(tmp_path / "b.png", FlatImage(np.zeros((1, 1, 3), np.uint8)))


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are a POSIX matter")
def test_a_picture_beyond_memory_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("1", (14_000, 14_000)).save(path)
    script = (
        "import resource, sys; from pathlib import Path; from editor.core.formats.flat import read_flat;"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "read_flat(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert "InputUnreadable" in done.stderr
    assert "not enough memory" in done.stderr


def test_warnings_do_not_leak(tmp_path: Path, photo_exif: bytes) -> None:
    """Pillow warns about a tag that points outside of the file."""
    Image.new("RGB", (3, 3)).save(tmp_path / "a.tif", exif=b"Exif\0\0" + photo_exif)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(
        data.replace(b"\x01\x0f\x02\x00\x06\x00\x00\x00", b"\x01\x0f\x02\x00\x06\xff\xff\xff")
    )
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for name in ("a.tif", "b.tif"):
            assert read_flat(tmp_path / name).width == 3
    assert seen == []


def test_broken_exif_is_left_out_with_a_note(tmp_path: Path) -> None:
    Image.new("RGB", (3, 3)).save(tmp_path / "a.jpg", exif=b"Exif\0\0nonsense")
    read = read_flat(tmp_path / "a.jpg")
    assert read.exif is None
    assert any("EXIF" in note for note in read.notes)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_is_checked(tmp_path: Path, quality: int) -> None:
    with pytest.raises(UsageError, match="1 to 100"):
        write_flat(tmp_path / "a.jpg", FlatImage(np.zeros((1, 1, 3), np.uint8)), quality=quality)


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65_501), (".webp", 16_384), (".gif", 65_536), (".avif", 16_385)])
def test_more_pixels_than_a_format_has_room_for(tmp_path: Path, suffix: str, side: int) -> None:
    with pytest.raises(OutputNotWritable, match="save it as PNG or TIFF"):
        write_flat(tmp_path / f"a{suffix}", FlatImage(np.zeros((1, side, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".gif", ".avif"])
def test_as_many_pixels_as_a_format_has_room_for(tmp_path: Path, suffix: str) -> None:
    side = flat.format_for(Path(f"a{suffix}")).holds.side
    write_flat(tmp_path / f"a{suffix}", FlatImage(np.zeros((1, side, 3), np.uint8)))
    assert read_flat(tmp_path / f"a{suffix}").width == side


def test_a_failed_write_leaves_nothing(tmp_path: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def fail(*given: object) -> None:
        raise ValueError("the encoder gave up")

    monkeypatch.setattr(png.deflate, "stream", fail)
    with pytest.raises(OutputNotWritable, match="the encoder gave up"):
        write_flat(tmp_path / "a.png", FlatImage(noise(np.uint8, (3, 3, 3))))
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("a.png", b"old")]


def test_info_is_the_header_only(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:-30])
    assert info(photo) == {
        "format": "PNG",
        "size": [20, 10],
        "depth": 8,
        "mode": "RGB",
        "alpha": False,
        "profile": None,
        "orientation": 1,
        "dpi": None,
        "animated": False,
        "layers": [
            {
                "name": "photo",
                "kind": "raster",
                "opacity": 1.0,
                "blend": "normal",
                "visible": True,
                "x": 0,
                "y": 0,
                "w": 20,
                "h": 10,
                "mask": False,
                "recipe": None,
            }
        ],
    }


def test_info_names_the_profile(tmp_path: Path, wide: bytes) -> None:
    image = FlatImage(np.zeros((1, 1, 4), np.uint16), icc=wide, dpi=(300.0, 300.0))
    write_flat(tmp_path / "a.tif", image)
    found = info(tmp_path / "a.tif")
    assert (found["profile"], found["depth"], found["alpha"]) == ("Made for a test", 16, True)
    assert found["dpi"] == (300, 300)


def test_flatten(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4)).save(tmp_path / "a.jpg")
    notes = flatten(tmp_path / "a.jpg", tmp_path / "b.png")
    assert any("CMYK" in note for note in notes)
    assert np.array_equal(read_flat(tmp_path / "b.png").pixels, read_flat(tmp_path / "a.jpg").pixels)
    with pytest.raises(UsageError, match=r"\.png"):
        flatten(tmp_path / "a.jpg", tmp_path / "b.jpg")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".avif"])
def test_damage_is_an_error_and_never_printed(
    tmp_path: Path, noise: Noise, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a{suffix}"
    write_flat(path, FlatImage(noise(np.uint8, (30, 20, 3))))
    data, random = path.read_bytes(), np.random.default_rng(8)
    refused = 0
    for _ in range(60):
        damaged = bytearray(data)
        for at in random.integers(4, len(data), 5):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged)
        for read in (read_flat, info):
            try:
                read(path)
            except InputUnreadable as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 0 or suffix == ".bmp"
    assert capfd.readouterr() == ("", "")
