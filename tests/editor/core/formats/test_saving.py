"""Saving by suffix."""

from __future__ import annotations

from pathlib import Path

import pytest

from editor.core.document import Document
from editor.core.errors import OutputNotWritable, UsageError
from editor.core.formats.layered import LAYERED, layered_for
from editor.core.formats.layered_format import StoredVariant
from editor.core.formats.opening import open_document
from editor.core.formats.saving import ExportOptions, save_as, save_ora
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap


@pytest.mark.parametrize("name", ["a.ora", "a.ORA", "a.png", "a.jpg"])
def test_the_suffix_decides(name: str, tmp_path: Path) -> None:
    save_as(tmp_path / name, Document(7, 5, (RasterLayer(name="x"),)), options=ExportOptions(quality=80))
    found = open_document(tmp_path / name)
    assert (found.document.width, found.document.height) == (7, 5)
    assert found.format == {"ora": "OpenRaster", "png": "PNG", "jpg": "JPEG"}[name[2:].lower()]


def test_an_unknown_suffix_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.ora.*\.png"):
        save_as(tmp_path / "a.xyz", Document(5, 5))
    assert not list(tmp_path.iterdir())


def test_the_listing_is_found_by_suffix() -> None:
    for format in LAYERED:
        assert layered_for(Path(f"x{format.suffixes[0].upper()}")) is format
    assert layered_for(Path("x.png")) is None


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    variant = StoredVariant("../v", {}, TileMap().read(Document(2, 2).rect))
    with pytest.raises(OutputNotWritable, match="the variant's name"):
        save_ora(tmp_path / "a.ora", Document(5, 5), (variant,))
    with pytest.raises(OutputNotWritable, match="folder does not exist"):
        save_ora(tmp_path / "none" / "a.ora", Document(5, 5))
    recipe = RasterLayer(name="a", recipe={"k": object()})
    with pytest.raises(OutputNotWritable):
        save_ora(tmp_path / "a.ora", Document(5, 5, (recipe,)))
    assert not list(tmp_path.iterdir())
