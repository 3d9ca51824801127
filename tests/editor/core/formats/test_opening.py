"""Any picture becomes a document, and its content decides as what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editor.core.document import Document
from editor.core.errors import Cancelled, InputUnreadable
from editor.core.formats.flat import write_flat
from editor.core.formats.format import FlatImage
from editor.core.formats.opening import open_document
from editor.core.formats.ora_picture import plane_of
from editor.core.formats.saving import save_ora
from editor.core.geometry import Rect
from editor.core.layer import RasterLayer


def noise(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(4).integers(0, np.iinfo(dtype).max, (height, width, channels), dtype=dtype)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
def test_a_flat_picture_becomes_one_layer_named_after_the_file(suffix: str, tmp_path: Path) -> None:
    pixels = noise(300, 270)
    path = tmp_path / f"Holiday 隔{suffix}"
    write_flat(path, FlatImage(pixels, dpi=(300, 300)), lossless=True)
    found = open_document(path)
    (layer,) = found.document.layers
    assert isinstance(layer, RasterLayer)
    assert (layer.name, layer.x, layer.y, found.document.active) == ("Holiday 隔", 0, 0, layer.id)
    assert (found.document.width, found.document.height) == (270, 300)
    area = layer.plane.read(found.document.rect)
    assert np.array_equal(area[..., :3], pixels) and (area[..., 3] == 255).all()
    assert found.notes == () and found.variants == ()


def test_sixteen_bits_are_rounded_with_a_note(tmp_path: Path) -> None:
    pixels = noise(20, 30, 4, np.uint16)
    write_flat(tmp_path / "deep.png", FlatImage(pixels))
    found = open_document(tmp_path / "deep.png")
    (layer,) = found.document.layers
    assert isinstance(layer, RasterLayer)
    assert np.array_equal(layer.plane.read(Rect(0, 0, 30, 20)), np.rint(pixels / 257).astype(np.uint8))
    assert any("16 bits" in note for note in found.notes)


def test_orientation_is_applied_and_resolution_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(20, 30)).save(tmp_path / "turned.jpg", exif=exif, dpi=(240, 240))
    document = open_document(tmp_path / "turned.jpg").document
    assert (document.width, document.height, document.dpi) == (20, 30, (240, 240))
    assert document.exif is not None


def test_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    found = open_document(tmp_path / "a.gif")
    (layer,) = found.document.layers
    assert isinstance(layer, RasterLayer)
    assert tuple(layer.plane.read(Rect(0, 0, 1, 1))[0, 0]) == (255, 0, 0, 255)
    assert any("first of several" in note for note in found.notes)


def test_content_and_not_the_suffix_tells_the_format(tmp_path: Path) -> None:
    save_ora(tmp_path / "a.ora", Document(5, 5, (RasterLayer(name="named", plane=plane_of(noise(5, 5))),)))
    (tmp_path / "a.ora").rename(tmp_path / "a.jpg")
    Image.new("RGB", (3, 3)).save(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "b.ora")
    assert open_document(tmp_path / "a.jpg").document.layers[0].name == "named"
    assert open_document(tmp_path / "b.ora").format == "PNG"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x89PNG\r\n\x1a\n", b"text"])
def test_what_is_no_picture_is_refused_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.ora"
    path.write_bytes(content)
    with pytest.raises(InputUnreadable) as caught:
        open_document(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="does not exist"):
        open_document(tmp_path / "none.ora")
    with pytest.raises(InputUnreadable, match="is a folder"):
        open_document(tmp_path)


def test_cancelling(tmp_path: Path) -> None:
    Image.new("RGB", (3, 3)).save(tmp_path / "a.png")
    with pytest.raises(Cancelled):
        open_document(tmp_path / "a.png", cancelled=lambda: True)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-3, 250), (100, -257)])
def test_three_channels_become_an_opaque_plane(x: int, y: int) -> None:
    pixels = noise(600, 40)
    read = plane_of(pixels, x, y).read(Rect(x, y, 40, 600))
    assert np.array_equal(read[..., :3], pixels) and (read[..., 3] == 255).all()
