"""The listing, and telling files by their content."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from editor.core import formats
from editor.core.errors import InputUnreadable, UsageError
from editor.core.formats import FORMATS
from editor.core.formats.flat import format_for, read_flat, write_flat
from editor.core.formats.format import FlatImage, Format
from editor.core.formats.layered import LAYERED
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]


def test_no_file_is_forgotten_in_the_listing() -> None:
    names = [module.name for module in pkgutil.iter_modules(formats.__path__)]
    modules = [importlib.import_module(f"{formats.__name__}.{name}") for name in names]
    made = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    assert len(made) >= 7
    assert sorted(format.name for format in made) == sorted(format.name for format in (*FORMATS, *LAYERED))


def test_suffixes_and_names_are_unique() -> None:
    suffixes = [suffix for format in FORMATS for suffix in format.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)
    assert len({format.name for format in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_every_format_is_told_by_content_alone(tmp_path: Path, noise: Noise, format: Format) -> None:
    """A lying name changes nothing, and no other format claims the file."""
    path = tmp_path / f"a{format.suffixes[0]}"
    write_flat(path, FlatImage(noise(np.uint8, (6, 7, 3))))
    head = path.read_bytes()[:64]
    assert [other.name for other in FORMATS if other.sniff(head)] == [format.name]
    expected = read_flat(path)
    for name in ("lie.png", "lie.jpg", "lie.txt", "lie"):
        lie = path.rename(tmp_path / name)
        read = read_flat(lie)
        assert read.format == format.name
        assert np.array_equal(read.pixels, expected.pixels)
        path = lie


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_what_a_format_says_it_holds_comes_back(
    tmp_path: Path, noise: Noise, format: Format, wide: bytes, photo_exif: bytes
) -> None:
    pixels = noise(np.uint16, (6, 7, 4))
    path = tmp_path / f"a{format.suffixes[0]}"
    write_flat(path, FlatImage(pixels, icc=wide, exif=photo_exif))
    read = read_flat(path)
    assert read.has_alpha == format.holds.alpha
    assert (read.pixels.dtype == np.uint16) == format.holds.deep
    assert (read.icc == wide) == bool(format.holds.icc)
    assert bool(read.exif) == bool(format.holds.exif)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 4), (5, 1, 3), (17, 33, 4)])
def test_odd_sizes(tmp_path: Path, noise: Noise, format: Format, shape: tuple[int, int, int]) -> None:
    for suffix in format.suffixes:
        write_flat(tmp_path / f"a{suffix}", FlatImage(noise(np.uint8, shape)))
        assert read_flat(tmp_path / f"a{suffix}").pixels.shape[:2] == shape[:2]


def test_suffixes_are_matched_in_any_case() -> None:
    assert format_for(Path("A.JPG")).name == "JPEG"


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    for name in ("a.xyz", "a", ".png"):
        with pytest.raises(UsageError, match=r"\.png, .*\.tif"):
            write_flat(tmp_path / name, FlatImage(np.zeros((1, 1, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "head", [b"%PDF-1.7", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"8BPS\0\1", b"RIFF0000WAVE", b"x"]
)
def test_other_kinds_are_refused(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.png").write_bytes(head + bytes(100))
    with pytest.raises(InputUnreadable, match=r"known kind.*PNG.*AVIF"):
        read_flat(tmp_path / "a.png")
