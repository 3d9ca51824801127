"""convert, flatten and info on flat pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG of 20 x 12 with transparency."""
    pixels = np.random.default_rng(1).integers(0, 255, (12, 20, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path / "in.png"


def test_convert_keeps_the_pixels_where_the_format_can(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out.tiff"
    assert main(["convert", str(picture), str(out)]) == 0
    assert np.array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(picture)))
    assert capsys.readouterr().out.splitlines() == [str(out)]


def test_convert_tells_what_the_target_cannot_hold(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out.jpg"
    assert main(["convert", str(picture), str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(out)
    assert (told["width"], told["height"]) == (20, 12)
    assert any("transparency" in note for note in told["notes"])
    assert main(["convert", str(picture), str(out)]) == 0
    assert "transparency" in capsys.readouterr().out


def test_flatten_writes_png(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "flat.png"
    assert main(["flatten", str(picture), "-o", str(out)]) == 0
    assert np.array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(picture)))
    assert main(["flatten", str(picture), "-o", str(tmp_path / "flat.jpg")]) == 2
    assert ".png" in capsys.readouterr().err


def test_info_tells_size_and_layers(picture: Path, capsys: Capture) -> None:
    assert main(["info", str(picture)]) == 0
    told = capsys.readouterr().out
    assert "20 x 12" in told
    assert "'in'" in told
    assert main(["info", str(picture), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["size"] == [20, 12]
    (layer,) = found["layers"]
    assert {"name", "kind", "opacity", "blend", "visible", "x", "y", "w", "h", "mask", "recipe"} <= set(layer)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["convert", "{in}", "{out}.kra"], 2),
        (["convert", "{in}", "{out}.psb"], 2),
        (["convert", "{out}.psd", "{out}.png"], 3),
        (["convert", "{out}.png", "{out}.ora"], 3),
        (["convert", "{text}", "{out}.psd"], 3),
        (["convert", "{in}", "{out}/missing/x.psd"], 5),
        (["convert", "{in}", "{out}.xyz"], 2),
        (["convert", "{out}.png", "{out}2.png"], 3),
        (["convert", "{in}", "{out}/missing/x.png"], 5),
        (["flatten", "{in}.ora", "-o", "{out}.png"], 3),
        (["flatten", "{text}", "-o", "{out}.png"], 3),
        (["info", "{out}.ora"], 3),
        (["info", "{out}.png"], 3),
        (["info", "{text}"], 3),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    words: list[str], code: int, picture: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    names = {"in": str(picture), "out": str(tmp_path / "out"), "text": str(tmp_path / "text.png")}
    before = sorted(tmp_path.iterdir())
    assert main([word.format(**names) for word in words]) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sorted(tmp_path.iterdir()) == before


def test_layered_kinds_of_other_programs_are_refused_by_naming_our_own(picture: Path, capsys: Capture) -> None:
    assert main(["convert", str(picture), "out.kra"]) == 2
    err = capsys.readouterr().err
    assert "out.kra" in err
    assert ".ora, .psd" in err
