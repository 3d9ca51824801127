"""edit, convert, flatten, info and replay with layered files."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from editor.cli.edit_layers import LayeredTarget
from editor.core.compositor import flatten
from editor.core.document import Document, walk
from editor.core.formats.opening import open_document
from editor.core.formats.psd import write_psd
from editor.core.layer import GroupLayer, Mask, RasterLayer
from editor.core.tiles import TileMap
from inference.engine import Engine
from main import main

Capture = pytest.CaptureFixture[str]
Edit = Callable[..., dict[str, Any]]

INSTRUCTION = "make it red"
LAYERED = ["out.ora", "out.psd"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(2).integers(0, 255, (5, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path / "in.png"


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    grey = np.zeros((40, 64), np.uint8)
    grey[10:30, 20:50] = 255
    grey[10:30, 50:56] = 120
    Image.fromarray(grey).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A PSD with a group, a mask and a hidden layer."""
    rng = np.random.default_rng(5)
    back = np.full((40, 64, 4), 255, np.uint8)
    back[..., :3] = rng.integers(0, 255, (40, 64, 3), np.uint8)
    blob = RasterLayer(name="blob", x=6, y=4, plane=TileMap.of(back[:10, :20].copy()), blend="multiply", opacity=0.6)
    veil = Mask(TileMap.of(np.full((12, 12), 200, np.uint8)))
    group = GroupLayer(name="组", x=2, y=1, children=(blob,), mask=veil)
    hidden = RasterLayer(name="hidden", plane=TileMap.of(back[:5, :5].copy()), visible=False)
    write_psd(
        tmp_path / "stack.psd", Document(64, 40, (RasterLayer(name="back", plane=TileMap.of(back)), group, hidden))
    )
    return tmp_path / "stack.psd"


@pytest.fixture
def edit(photo: Path, tiny_package: Path, capsys: Capture) -> Edit:
    def edit(*words: object, out: str, source: object = photo, instruction: str = INSTRUCTION) -> dict[str, Any]:
        line = ["edit", source, instruction, "-o", out, "--model", tiny_package, "--provider", "cpu", "--json", *words]
        assert main([str(word) for word in line]) == 0
        return told(capsys)

    return edit


def told(capsys: Capture) -> dict[str, Any]:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def info(path: object, capsys: Capture) -> dict[str, Any]:
    assert main(["info", str(path), "--json"]) == 0
    return told(capsys)


def pixels(path: object) -> np.ndarray:
    with Image.open(str(path)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("out", LAYERED)
def test_an_edit_gives_the_source_and_a_named_layer_for_each_variant(
    out: str, edit: Edit, mask: Path, photo: Path, folder: Path, capsys: Capture
) -> None:
    report = edit("--seed", 3, "--variants", 3, "--mask", mask, out=out)
    names = [INSTRUCTION, f"{INSTRUCTION} 2", f"{INSTRUCTION} 3"]
    assert sorted(item["layer"] for item in report["variants"]) == names
    assert [item["seed"] for item in report["variants"]] == [3, 4, 5]
    assert {item["path"] for item in report["variants"]} == {out}
    assert [path.name for path in folder.iterdir()] == [out]
    layers = info(out, capsys)["layers"]
    assert [layer["name"] for layer in layers][-1] == "in"
    assert [layer["visible"] for layer in layers] == [True, False, False, True]
    assert [layer["recipe"]["seed"] for layer in layers[:-1]] == [3, 4, 5]
    assert layers[0]["name"] == report["variants"][0]["layer"]
    assert all(layer["mask"] and layer["recipe"]["instruction"] == INSTRUCTION for layer in layers[:-1])
    assert layers[-1]["recipe"] is None
    assert [(layer["x"], layer["y"], layer["w"], layer["h"]) for layer in layers[:-1]] == [(20, 10, 36, 20)] * 3
    assert (layers[-1]["w"], layers[-1]["h"]) == (64, 40)


@pytest.mark.parametrize("out", LAYERED)
def test_the_first_variant_shows_as_the_flat_edit_does(out: str, edit: Edit, mask: Path, photo: Path) -> None:
    flat = edit("--seed", 3, "--mask", mask, out="flat.png")["variants"][0]
    layered = edit("--seed", 3, "--mask", mask, "--variants", 2, out=out)["variants"][0]
    assert layered["outside_mask_changed"] == 0
    assert layered["changed_fraction"] == flat["changed_fraction"]
    shown = flatten(open_document(Path(out)).document)
    assert np.array_equal(shown[..., :3], pixels("flat.png"))
    assert np.array_equal(shown[:8, :, :3], pixels(photo)[:8])


def test_a_layered_source_keeps_its_layers_and_its_composite_is_edited(
    edit: Edit, stack: Path, capsys: Capture
) -> None:
    before = open_document(stack).document
    edit("--seed", 3, out="out.psd", source=stack)
    edit("--seed", 3, out="flat.png", source=stack)
    after = open_document(Path("out.psd")).document
    assert [layer.name for layer in walk(after)] == [*(layer.name for layer in walk(before)), INSTRUCTION]
    assert np.array_equal(flatten(after)[..., :3], pixels("flat.png")[..., :3])


def test_a_blank_instruction_makes_layers_that_change_nothing(edit: Edit, photo: Path) -> None:
    edit(out="out.ora", instruction=" ")
    assert np.array_equal(flatten(open_document(Path("out.ora")).document)[..., :3], pixels(photo))


@pytest.mark.parametrize("out", LAYERED)
def test_replay_says_that_the_pixels_match(
    out: str, edit: Edit, mask: Path, tiny_package: Path, capsys: Capture
) -> None:
    edit("--seed", 3, "--variants", 2, "--mask", mask, out=out)
    before = Path(out).read_bytes()
    for name in (INSTRUCTION, f"{INSTRUCTION} 2"):
        line = ["replay", out, "--layer", name, "--model", str(tiny_package)]
        assert main(line) == 0
        assert "match: its recipe gives the same" in capsys.readouterr().out
        assert main([*line, "--json"]) == 0
        report = told(capsys)
        assert (report["match"], report["max_difference"], report["pixels_different"]) == (True, 0, 0)
        assert report["notes"] == []
    assert Path(out).read_bytes() == before


def test_savings_are_kept_and_replayed(edit: Edit, tiny_package: Path, capsys: Capture) -> None:
    edit("--seed", 3, out="exact.ora")
    edit("--seed", 3, "--guidance-interval", "0.4-0.6", out="out.ora")
    exact, layer = (list(walk(open_document(Path(name)).document))[-1] for name in ("exact.ora", "out.ora"))
    assert not np.array_equal(*(made.plane.read(made.plane.bounds) for made in (exact, layer)))
    assert main(["replay", "out.ora", "--layer", INSTRUCTION, "--model", str(tiny_package), "--json"]) == 0
    report = told(capsys)
    assert report["match"]
    assert (report["recipe"]["guidance_interval"], report["recipe"]["reuse"]) == ([0.4, 0.6], 1)


def changed(path: str, name: str, by: int) -> None:
    """The PSD with some pixels of one layer altered."""
    document = open_document(Path(path)).document
    layer = next(layer for layer in walk(document) if layer.name == name)
    assert isinstance(layer, RasterLayer)
    some = layer.plane.read(layer.plane.bounds)
    some[3:5, 3:6, 0] ^= by
    plane = layer.plane.with_pixels(some, layer.plane.bounds.x, layer.plane.bounds.y)
    other = tuple(replace(old, plane=plane) if old.id == layer.id else old for old in document.layers)
    write_psd(Path(path), replace(document, layers=other))


def test_replay_counts_what_differs(edit: Edit, tiny_package: Path, capsys: Capture) -> None:
    edit("--seed", 3, out="out.psd")
    changed("out.psd", INSTRUCTION, 4)
    line = ["replay", "out.psd", "--layer", INSTRUCTION, "--model", str(tiny_package)]
    assert main([*line, "--json"]) == 0
    report = told(capsys)
    assert (report["match"], report["max_difference"], report["pixels_different"]) == (False, 4, 6)
    assert main(line) == 0
    assert "do not match: 6 pixels differ, by 4/255 at most" in capsys.readouterr().out


def test_replay_tells_of_changes_below_and_of_another_model(
    edit: Edit, tiny_package: Path, write_tiny_package: Callable[..., Path], tmp_path: Path, capsys: Capture
) -> None:
    edit("--seed", 3, out="out.psd")
    changed("out.psd", "in", 64)
    other = write_tiny_package(tmp_path / "other", name="other", fp16=True)
    assert main(["replay", "out.psd", "--layer", INSTRUCTION, "--model", str(other), "--json"]) == 0
    report = told(capsys)
    assert any("below" in note for note in report["notes"])
    assert any("other" in note for note in report["notes"])
    assert not report["match"]


def test_replay_of_what_has_no_recipe_is_one_line(edit: Edit, capsys: Capture) -> None:
    edit("--seed", 3, out="out.psd")
    for name, word in (("in", "has no recipe"), ("nothing", "is not in")):
        assert main(["replay", "out.psd", "--layer", name]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert word in err
        assert INSTRUCTION in err
    assert main(["replay", "none.ora", "--layer", "x"]) == 3
    assert main(["replay", "out.psd", "--layer", INSTRUCTION]) == 4  # the recipe's model is not installed


def test_info_tells_the_tree_from_the_top(stack: Path, capsys: Capture) -> None:
    found = info(stack, capsys)
    assert found["size"] == [64, 40]
    hidden, group, back = found["layers"]
    assert (hidden["name"], hidden["visible"], hidden["w"], hidden["h"]) == ("hidden", False, 5, 5)
    assert (group["name"], group["kind"], group["mask"], group["pass_through"]) == ("组", "group", True, False)
    (blob,) = group["children"]
    assert (blob["x"], blob["y"], blob["w"], blob["h"]) == (8, 5, 20, 10)
    assert (blob["blend"], blob["opacity"]) == ("multiply", pytest.approx(0.6))
    assert (back["kind"], back["x"], back["recipe"]) == ("raster", 0, None)
    assert main(["info", str(stack)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "64 x 40" in lines[0]
    assert lines[3].startswith("    raster 'blob' 20 x 10 at 8, 5: 60% multiply")


def test_convert_between_layered_and_flat(stack: Path, photo: Path, capsys: Capture) -> None:
    shown = flatten(open_document(stack).document)
    for target in ("a.ora", "b.psd"):
        assert main(["convert", str(stack), target, "--json"]) == 0
        assert told(capsys)["notes"] == []
        again = open_document(Path(target)).document
        assert [layer.name for layer in walk(again)] == ["back", "组", "blob", "hidden"]
        assert np.array_equal(flatten(again), shown)
    assert main(["convert", "a.ora", "flat.png", "--json"]) == 0
    report = told(capsys)
    assert (report["width"], report["height"]) == (64, 40)
    assert any("3 layers were merged" in note for note in report["notes"])
    assert np.array_equal(pixels("flat.png"), shown[..., :3])
    assert main(["convert", str(photo), "one.ora"]) == 0
    (layer,) = open_document(Path("one.ora")).document.layers
    assert np.array_equal(flatten(open_document(Path("one.ora")).document)[..., :3], pixels(photo))
    assert layer.name == "in"


def test_flatten_writes_what_the_layers_show(stack: Path, capsys: Capture) -> None:
    assert main(["flatten", str(stack), "-o", "flat.png"]) == 0
    assert np.array_equal(pixels("flat.png"), flatten(open_document(stack).document)[..., :3])
    assert main(["flatten", str(stack), "-o", "flat.jpg"]) == 2
    assert ".png" in capsys.readouterr().err


def test_a_failed_layered_edit_leaves_the_old_file(
    photo: Path, tiny_package: Path, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "out.ora").write_bytes(b"old")
    monkeypatch.setattr(Engine, "edit", lambda *_, **__: 1 // 0)
    assert main(["edit", str(photo), INSTRUCTION, "-o", "out.ora", "--model", str(tiny_package)]) == 1
    assert [path.read_bytes() for path in folder.iterdir()] == [b"old"]


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("out", LAYERED)
def test_control_c_while_the_layers_are_made_leaves_nothing(
    out: str, photo: Path, tiny_package: Path, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LayeredTarget.add

    def add(*arguments: Any) -> list[str]:
        os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(LayeredTarget, "add", add)
    line = ["edit", str(photo), INSTRUCTION, "-o", out, "--model", str(tiny_package), "--variants", "200"]
    assert main(line) == 130
    told, err = capsys.readouterr()
    assert (told, err.count("\n")) == ("", 1)
    assert "cancelled" in err
    assert list(folder.iterdir()) == []
