"""Flat pictures out of documents."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageCms

from editor.core.compositor import flatten
from editor.core.document import Document
from editor.core.errors import Cancelled, UsageError
from editor.core.formats.export_flat import ExportOptions, copyright_only, export_flat, resized
from editor.core.formats.flat import read_flat
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap


def made(alpha: bool = True, **options: object) -> Document:
    pixels = np.random.default_rng(3).integers(0, 256, (60, 80, 4), dtype=np.uint8)
    if not alpha:
        pixels[..., 3] = 255
    layers = (RasterLayer(name="a", plane=TileMap.of(pixels)), RasterLayer(name="b", blend="screen"))
    return Document(80, 60, layers, dpi=(300.0, 300.0), **options)


def photo_exif() -> bytes:
    exif = Image.Exif()
    exif[0x8298], exif[0x013B], exif[0x010F], exif[0x0132] = "(c) Me", "Me", "Camera", "2026:01:01 00:00:00"
    return exif.tobytes()[6:]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_lossless_formats_hold_the_flattened_pixels(name: str, tmp_path: Path) -> None:
    document = made()
    notes = export_flat(tmp_path / name, document, ExportOptions(lossless=True))
    assert np.array_equal(read_flat(tmp_path / name).pixels, flatten(document))
    assert len(notes) == 1 and "2 layers" in notes[0]


def test_jpeg_lies_on_white_and_says_so(tmp_path: Path) -> None:
    notes = export_flat(tmp_path / "a.jpg", Document(20, 20))
    assert (read_flat(tmp_path / "a.jpg").pixels == 255).all()
    assert any("white" in note for note in notes)


def test_an_opaque_document_has_no_alpha_in_its_file(tmp_path: Path) -> None:
    export_flat(tmp_path / "a.png", made(alpha=False))
    found = read_flat(tmp_path / "a.png")
    assert not found.has_alpha and found.dpi == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (ExportOptions(long_side=40), (40, 30)),
        (ExportOptions(long_side=160), (160, 120)),
        (ExportOptions(size=(7, 90)), (7, 90)),
        (ExportOptions(), (80, 60)),
    ],
)
def test_sizes(options: ExportOptions, size: tuple[int, int], tmp_path: Path) -> None:
    export_flat(tmp_path / "a.png", made(), options)
    found = read_flat(tmp_path / "a.png")
    assert (found.width, found.height) == size


@pytest.mark.parametrize("options", [ExportOptions(size=(0, 5)), ExportOptions(long_side=10**7)])
def test_sizes_that_cannot_be(options: ExportOptions, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no size for a picture"):
        export_flat(tmp_path / "a.png", made(), options)
    assert not list(tmp_path.iterdir())


def test_scaling_draws_no_fringe_from_hidden_colours() -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:, :20] = (255, 0, 0, 255)
    pixels[:, 20:] = (0, 255, 0, 0)
    for size in ((13, 13), (90, 90)):
        result = resized(pixels, size)
        seen = result[result[..., 3] > 8]
        assert seen[:, 1].max() <= 2 and seen[:, 0].min() >= 253


@pytest.mark.parametrize(
    ("metadata", "tags"),
    [("all", {0x8298, 0x013B, 0x010F, 0x0132}), ("copyright", {0x8298, 0x013B}), ("none", set())],
)
def test_metadata(metadata: Literal["all", "copyright", "none"], tags: set[int], tmp_path: Path) -> None:
    options = ExportOptions(metadata=metadata)
    export_flat(tmp_path / "a.jpg", made(exif=photo_exif()), options)
    with Image.open(tmp_path / "a.jpg") as image:
        assert set(image.getexif()) == tags


def test_a_broken_exif_block_gives_no_copyright() -> None:
    assert copyright_only(b"nonsense") is None
    assert copyright_only(None) is None


def test_colours_are_kept_or_converted(tmp_path: Path) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    export_flat(tmp_path / "kept.png", made(icc=icc))
    export_flat(tmp_path / "srgb.png", made(icc=icc), ExportOptions(to_srgb=True))
    assert read_flat(tmp_path / "kept.png").icc == icc
    assert read_flat(tmp_path / "srgb.png").icc is None


def test_quality_counts(tmp_path: Path) -> None:
    for quality in (10, 95):
        export_flat(tmp_path / f"{quality}.jpg", made(), ExportOptions(quality=quality))
    assert (tmp_path / "10.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size / 2


def test_recipes_that_are_lost_are_named(tmp_path: Path) -> None:
    document = Document(5, 5, (RasterLayer(name="a", recipe={"seed": 1}),))
    assert any("recipes" in note for note in export_flat(tmp_path / "a.png", document))


def test_cancelling_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        export_flat(tmp_path / "a.png", made(), cancelled=lambda: True)
    assert not list(tmp_path.iterdir())
