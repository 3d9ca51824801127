"""palimpsest edit, in this process, with the tiny package."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from editor.cli import edit as edit_module
from editor.cli import outputs as outputs_module
from editor.core.errors import OutputNotWritable
from inference import memory
from inference.engine import Engine
from inference.errors import EngineMemoryError
from inference.types import Event, Notice
from main import main

Capture = pytest.CaptureFixture[str]
Run = Callable[..., int]

INSTRUCTION = "make it red"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: nothing but what an edit writes may appear in it."""
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
def run(photo: Path, tiny_package: Path) -> Run:
    """`run("--seed", "3", out="x.png")` edits the photo; returns the exit code."""

    def run(*words: object, out: str = "out.png", source: object = photo, instruction: str = INSTRUCTION) -> int:
        model = () if "--model" in words else ("--model", tiny_package)
        return main([str(word) for word in ("edit", source, instruction, "-o", out, *model, *words)])

    return run


def pixels(path: object) -> np.ndarray:
    with Image.open(str(path)) as image:
        return np.asarray(image)


def profile_with_another_red() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entry = profile.index(b"rXYZ")  # in the tag table: signature, offset, size
    offset = int.from_bytes(profile[entry + 4 : entry + 8], "big") + 8
    x = int.from_bytes(profile[offset : offset + 4], "big")
    profile[offset : offset + 4] = (x * 5 // 4).to_bytes(4, "big")
    return bytes(profile)


def as_json(capsys: Capture) -> dict[str, Any]:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def failure(capsys: Capture) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_the_report_tells_everything(run: Run, photo: Path, folder: Path, capsys: Capture) -> None:
    assert run("--seed", 3, "--variants", 2, "--json", "--provider", "cpu") == 0
    told = as_json(capsys)
    assert [variant["seed"] for variant in told["variants"]] == [3, 4]
    assert [variant["path"] for variant in told["variants"]] == ["out-1.png", "out-2.png"]
    for variant in told["variants"]:
        result, source = pixels(variant["path"]).astype(int), pixels(photo).astype(int)
        changed = (np.abs(result - source).max(axis=2) > 2).mean()
        assert variant["changed_fraction"] == pytest.approx(changed)
        assert variant["outside_mask_changed"] == 0
        assert variant["seconds"] > 0
    assert told["provider"] == {"name": "cpu", "passed_over": []}
    assert told["model"]["name"] == "tiny"
    assert len(told["model"]["sha256"]) == 64
    assert {"read", "start", "load", "text", "encode", "denoise", "decode", "write", "total"} <= set(told["timings"])
    assert sorted(path.name for path in folder.iterdir()) == ["out-1.png", "out-2.png"]


def test_without_json_a_line_tells_of_each_variant(run: Run, capsys: Capture) -> None:
    assert run("--variants", 2) == 0
    out, err = capsys.readouterr()
    assert err == ""
    one, two = out.splitlines()
    assert one.startswith("out-1.png  seed ")
    assert two.startswith("out-2.png  seed ")
    seed = int(one.split()[2])
    assert int(two.split()[2]) == seed + 1
    assert run("--seed", seed, out="again.png") == 0
    assert np.array_equal(pixels("again.png"), pixels("out-1.png"))


def test_without_a_seed_it_is_random(run: Run, capsys: Capture) -> None:
    seeds = set()
    for _ in range(3):
        assert run("--json") == 0
        seeds.add(as_json(capsys)["variants"][0]["seed"])
    assert len(seeds) == 3


def test_auto_says_why_other_providers_were_passed_over(run: Run, capsys: Capture) -> None:
    assert run("--json") == 0
    provider = as_json(capsys)["provider"]
    assert all(passed["reason"] for passed in provider["passed_over"])
    assert provider["name"] not in [passed["name"] for passed in provider["passed_over"]]


def test_dials_come_from_the_manifest_unless_they_are_given(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = Engine.edit

    def edit(self: Engine, request: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(request)
        return original(self, request, *arguments, **options)

    monkeypatch.setattr(Engine, "edit", edit)
    assert run() == 0
    given = ("--steps", 2, "--text-scale", 0, "--image-scale", 1.5, "--sampler", "ddim", "--size", 40, "--no-full-res")
    assert run(*given) == 0
    one, two = seen
    assert (one.steps, one.text_scale, one.image_scale, one.sampler, one.size) == (4, 2.0, 1.0, "euler", 64)
    assert (two.steps, two.text_scale, two.image_scale, two.sampler, two.size) == (2, 0.0, 1.5, "ddim", 40)
    assert (one.full_res, two.full_res) == (True, False)


def test_savings_are_asked_for_and_told(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    seen = []
    original = Engine.edit

    def edit(self: Engine, request: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(request)
        return original(self, replace(request, reuse=1), *arguments, **options)  # the tiny model cannot reuse

    monkeypatch.setattr(Engine, "edit", edit)
    assert run("--guidance-interval", "0.1-0.8", "--reuse", 2, "--json") == 0
    assert as_json(capsys)["savings"] == {"guidance_interval": [0.1, 0.8], "reuse": 2}
    assert run("--json") == 0
    assert as_json(capsys)["savings"] == {"guidance_interval": [0.0, 1.0], "reuse": 1}
    one, two = seen
    assert (one.guidance_interval, one.reuse) == ((0.1, 0.8), 2)
    assert (two.guidance_interval, two.reuse) == ((0.0, 1.0), 1)


def test_a_mask_of_any_kind_keeps_what_is_black(run: Run, photo: Path, tmp_path: Path, capsys: Capture) -> None:
    mask = np.zeros((40, 64), np.uint8)
    mask[8:32, 16:48] = 255
    deep = np.where(mask > 0, 65535, 0).astype(np.uint16)
    transparent = np.dstack([np.full((40, 64, 3), 255, np.uint8), mask])
    cv2.imwrite(str(tmp_path / "grey.png"), mask)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    cv2.imwrite(str(tmp_path / "clear.png"), transparent)
    Image.fromarray(mask > 0).save(tmp_path / "bits.png")
    results = []
    for name in ("grey.png", "deep.png", "clear.png", "bits.png"):
        assert run("--seed", 1, "--mask", tmp_path / name, "--json") == 0
        assert as_json(capsys)["variants"][0]["outside_mask_changed"] == 0
        results.append(pixels("out.png"))
    for result in results:
        assert np.array_equal(result, results[0])
        assert np.array_equal(result[mask == 0], pixels(photo)[mask == 0])
        assert not np.array_equal(result[mask > 0], pixels(photo)[mask > 0])


@pytest.mark.parametrize("instruction", ["", "  \t"])
def test_a_blank_instruction_copies_the_picture(
    instruction: str, run: Run, photo: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "open", lambda *_: 1 // 0)
    assert run("--json", "--variants", 2, instruction=instruction) == 0
    told = as_json(capsys)
    assert told["provider"] == {"name": None, "passed_over": []}
    assert all(variant["changed_fraction"] == 0 for variant in told["variants"])
    assert np.array_equal(pixels("out-2.png"), pixels(photo))


@pytest.mark.parametrize(
    ("words", "out", "code", "named"),
    [
        (["--mask", "{tmp}/small.png"], "out.png", 2, "small.png"),
        (["--mask", "{tmp}/none.png"], "out.png", 3, "none.png"),
        (["--sampler", "heun"], "out.png", 2, "heun"),
        (["--text-scale", "nan"], "out.png", 2, "scale"),
        (["--image-scale", "-1"], "out.png", 2, "scale"),
        (["--seed", str(2**63 - 1), "--variants", "2"], "out.png", 2, "seed"),
        ([], "out.kra", 2, "layered"),
        ([], "none/out.ora", 5, "folder"),
        (["--mask", "{tmp}/small.png"], "out.psd", 2, "small.png"),
        ([], "out", 2, "suffix"),
        ([], "out.xyz", 2, ".png"),
        (["--model", "no-such-model"], "out.png", 4, "no-such-model"),
        (["--model", "{tmp}"], "out.png", 4, "package"),
        (["--provider", "abacus"], "out.png", 4, "abacus"),
        (["--guidance-interval", "most"], "out.png", 2, "0.1-0.8"),
        (["--guidance-interval", "0.8-0.1"], "out.png", 2, "0.8 to 0.1"),
        (["--reuse", "0"], "out.png", 2, "reuse"),
        (["--reuse", "2"], "out.png", 2, "choose the speed Exact"),
        ([], "none/out.png", 5, "folder"),
        ([], "{tmp}/in.png/out.png", 5, "out.png"),
        ([], "{tmp}/a-folder.png", 5, "a-folder.png"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    words: list[str], out: str, code: int, named: str, run: Run, tmp_path: Path, folder: Path, capsys: Capture
) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "small.png")
    (tmp_path / "a-folder.png").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert run(*(word.format(tmp=tmp_path) for word in words), out=out.format(tmp=tmp_path)) == code
    assert named in failure(capsys)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", [None, b"", b"no picture at all", b"\x89PNG\r\n\x1a\n broken"])
def test_an_input_that_cannot_be_read_is_code_3(
    content: bytes | None, run: Run, tmp_path: Path, folder: Path, capsys: Capture
) -> None:
    source = tmp_path / "bad.png"
    if content is not None:
        source.write_bytes(content)
    assert run(source=source) == 3
    assert "bad.png" in failure(capsys)
    assert list(folder.iterdir()) == []


def test_a_picture_that_does_not_fit_into_memory_is_refused_before_it_is_decoded(
    run: Run, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "max_pixels", lambda *_: 1000)
    assert run() == 3
    assert "megapixels" in failure(capsys)
    assert list(folder.iterdir()) == []


def test_too_little_memory_for_the_model_is_code_4(run: Run, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise EngineMemoryError("There is not enough memory for that.")

    monkeypatch.setattr(memory, "check", refuse)
    assert run() == 4
    assert "not enough memory" in failure(capsys)


@pytest.mark.parametrize(("limit", "code"), [("64GB", 0), ("10MB", 4), ("0", 2), ("a lot", 2)])
def test_a_memory_limit(limit: str, code: int, run: Run, folder: Path, capsys: Capture) -> None:
    assert run("--memory-limit", limit, "--provider", "cpu") == code
    if code:
        assert {4: "its limit is 10 MB", 2: "cannot be read"}[code] in failure(capsys)
        assert list(folder.iterdir()) == []


def test_what_the_engine_does_otherwise_is_one_line_on_stderr(
    run: Run, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Engine.edit

    def edit(self: Engine, *arguments: Any, **options: Any) -> Iterator[Event]:
        yield Notice("Out of memory: trying one variant at a time.")
        yield from original(self, *arguments, **options)

    monkeypatch.setattr(Engine, "edit", edit)
    assert run("--provider", "cpu") == 0
    out, err = capsys.readouterr()
    assert err == "palimpsest: Out of memory: trying one variant at a time.\n" and out.count("\n") == 1


def test_when_a_later_variant_fails_no_file_is_left_and_old_ones_stay(
    run: Run, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "out-1.png").write_bytes(b"old")
    written = []
    original = outputs_module.write_flat

    def write(path: Path, *arguments: Any) -> list[str]:
        if written:
            raise OutputNotWritable(f"{path} was not written: the disk is full.")
        written.append(path)
        return original(path, *arguments)

    monkeypatch.setattr(outputs_module, "write_flat", write)
    assert run("--variants", 3) == 5
    assert failure(capsys) == "palimpsest: out-2.png was not written: the disk is full.\n"
    assert (folder / "out-1.png").read_bytes() == b"old"
    assert sorted(path.name for path in folder.iterdir()) == ["out-1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_control_c_cancels_and_leaves_nothing(
    run: Run, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)

    def write(*_: object) -> list[str]:
        os.kill(os.getpid(), signal.SIGINT)
        return []

    monkeypatch.setattr(outputs_module, "write_flat", write)
    assert run("--variants", 200) == 130
    assert "cancelled" in failure(capsys)
    assert list(folder.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_a_real_process_is_interrupted_while_it_computes(photo: Path, tiny_package: Path, folder: Path) -> None:
    dials = ["--steps", "1000", "--variants", "1000", "--model", str(tiny_package)]
    command = [sys.executable, str(Path(edit_module.__file__).parents[2] / "main.py"), "edit", str(photo), INSTRUCTION]
    with subprocess.Popen(
        [*command, "-o", "out.png", *dials], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not list(folder.glob(".palimpsest-*/0.png")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"palimpsest: The edit was cancelled.\n")
    assert list(folder.iterdir()) == []


def test_the_source_may_be_the_target(run: Run, photo: Path) -> None:
    before = pixels(photo)
    assert run(out=str(photo)) == 0
    assert not np.array_equal(pixels(photo), before)


def test_sixteen_bits_and_transparency_are_kept(run: Run, tmp_path: Path, capsys: Capture) -> None:
    deep = np.random.default_rng(4).integers(0, 65535, (20, 30, 4), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert run("--json", source=tmp_path / "deep.png") == 0
    result = cv2.imread("out.png", cv2.IMREAD_UNCHANGED)
    assert result is not None
    assert result.dtype == np.uint16
    assert np.array_equal(result[..., 3], deep[..., 3])
    assert not np.array_equal(result[..., :3], deep[..., :3])


def test_the_colour_profile_is_kept_and_what_the_mask_keeps_is_exact(run: Run, photo: Path, tmp_path: Path) -> None:
    wide = profile_with_another_red()
    source = tmp_path / "wide.png"
    Image.fromarray(pixels(photo)).save(source, icc_profile=wide)
    mask = Image.new("L", (64, 40))
    mask.paste(255, (0, 0, 20, 40))
    mask.save(tmp_path / "mask.png")
    assert run("--mask", tmp_path / "mask.png", source=source) == 0
    with Image.open("out.png") as result:
        assert result.info["icc_profile"] == wide
    assert np.array_equal(pixels("out.png")[:, 20:], pixels(source)[:, 20:])
    assert not np.array_equal(pixels("out.png")[:, :20], pixels(source)[:, :20])


def test_what_the_format_cannot_hold_is_told(run: Run, tmp_path: Path, capsys: Capture) -> None:
    clear = np.random.default_rng(4).integers(0, 255, (20, 30, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert run("--json", source=tmp_path / "clear.png", out="out.jpg") == 0
    assert "transparency" in " ".join(as_json(capsys)["variants"][0]["notes"])


def test_the_models_of_the_user_can_be_named_and_are_the_default(
    run: Run, photo: Path, tiny_package: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("editor.core.paths.bundled_models", lambda: tmp_path / "none")
    assert main(["models", "add", str(tiny_package)]) == 0
    capsys.readouterr()
    assert run("--model", "tiny", "--json") == 0
    assert as_json(capsys)["model"]["name"] == "tiny"
    assert main(["edit", str(photo), INSTRUCTION, "-o", "out.png"]) == 0


def test_random_seeds_are_short_enough_to_be_typed() -> None:
    assert edit_module._RANDOM_SEEDS <= 10**10
