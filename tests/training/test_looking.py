"""What a file or folder is, from names, settings and headers alone."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.tiny_package import write_tiny_package
from tests.training.tiny_model import save_tiny
from training.export.source import LDM_CONV_IN, LDM_TEXT, LDM_VAE
from training.looking import look, main


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("look") / "my model")


@pytest.fixture
def readme(source: Path) -> Any:
    file = source / "README.md"
    yield file
    file.unlink(missing_ok=True)


def single(file: Path, channels: int = 8, **metadata: str) -> Path:
    shapes = {LDM_CONV_IN: (8, channels, 3, 3), LDM_TEXT: (77, 8), LDM_VAE: (8, 4, 3, 3), "model_ema.x": (100,)}
    save_file({name: torch.zeros(shape, dtype=torch.float16) for name, shape in shapes.items()}, file, metadata or None)
    return file


def test_a_diffusers_folder(source: Path) -> None:
    found = look(source)
    assert (found.kind, found.name, found.licence, found.problem) == ("diffusers", "my-model", "unknown", "")
    assert found.needs_train and found.bytes > 1_500_000
    weights = sum(file.stat().st_size for file in source.rglob("*.safetensors"))
    assert weights / 2 - 100_000 < found.needs_bytes - (24 << 20) <= weights / 2


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("---\nlicense: mit\ntags:\n- x\n---\n# Model\nlicense: gpl", "mit"),
        ('---\ntags: []\nlicense: "creativeml-openrail-m"\n---\n', "creativeml-openrail-m"),
        ("---\r\nlicense: other\r\nlicense_name: my-own\r\n---\r\n", "my-own"),
        ("license: mit", "unknown"),
        ("---\nlicense: mit", "unknown"),
    ],
)
def test_the_licence_is_that_of_the_readme(source: Path, readme: Path, text: str, licence: str) -> None:
    readme.write_bytes(text.encode())
    assert look(source).licence == licence


def test_a_model_in_the_hubs_cache_has_its_own_name(tmp_path: Path, source: Path) -> None:
    snapshots = tmp_path / "models--timbrooks--instruct-pix2pix" / "snapshots"
    snapshots.mkdir(parents=True)
    shutil.copytree(source, snapshots / "31519b5cb02a")
    assert look(snapshots / "31519b5cb02a").name == "instruct-pix2pix"


def test_a_single_file(tmp_path: Path) -> None:
    found = look(single(tmp_path / "ip2p.safetensors", **{"modelspec.license": "MIT"}))
    assert (found.kind, found.name, found.licence, found.problem) == ("single", "ip2p", "MIT", "")
    numbers = 8 * 8 * 9 + 77 * 8 + 8 * 4 * 9  # without the averaged ones
    assert found.needs_bytes == 2 * numbers + (24 << 20)


@pytest.mark.parametrize(("channels", "kind"), [(4, "text-to-image"), (9, "inpainting")])
def test_another_kind_of_model_is_a_problem(tmp_path: Path, channels: int, kind: str) -> None:
    found = look(single(tmp_path / "x.safetensors", channels))
    assert found.kind == "single" and kind in found.problem and found.problem.endswith(".")


def test_a_lora(tmp_path: Path) -> None:
    save_file({"lora_unet_a.lora_down.weight": torch.ones(2, 2)}, tmp_path / "lcm-lora.safetensors")
    found = look(tmp_path / "lcm-lora.safetensors")
    assert (found.kind, found.problem, found.few_steps, found.needs_train) == ("lora", "", True, True)


def test_checkpoints(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "a.ckpt")
    (tmp_path / "b.ckpt").write_bytes(pickle.dumps({}))
    (tmp_path / "c.bin").write_bytes(pickle.dumps({}))
    assert [look(tmp_path / name).kind for name in ("a.ckpt", "b.ckpt", "c.bin")] == ["checkpoint"] * 3
    assert [bool(look(tmp_path / name).problem) for name in ("a.ckpt", "b.ckpt", "c.bin")] == [False, True, True]


def test_packages_and_onnx_folders(tmp_path: Path) -> None:
    package = look(write_tiny_package(tmp_path / "ours"))
    assert (package.kind, package.name, package.licence, package.problem) == ("package", "tiny", "MIT", "")
    foreign = look(write_tiny_package(tmp_path / "theirs", manifest=False))
    assert (foreign.kind, foreign.name, foreign.needs_train, foreign.problem) == ("onnx", "theirs", False, "")
    (tmp_path / "theirs" / "vae_encoder" / "model.onnx").unlink()
    assert "vae_encoder" in look(tmp_path / "theirs").problem
    (tmp_path / "ours" / "unet" / "model.onnx").write_bytes(b"damaged")
    assert look(tmp_path / "ours").problem


@pytest.mark.parametrize("name", ["nothing", "notes.txt", "empty", "folder", "broken.safetensors"])
def test_everything_else_is_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.safetensors").write_text("hello")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    found = look(tmp_path / name)
    assert found.problem and found.problem.endswith(".") and "\n" not in found.problem
    assert found.kind == "" and found.needs_bytes == 0


def test_the_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(source), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "diffusers"
    assert set(found) >= {"name", "licence", "bytes", "needs_bytes", "needs_train", "problem"}
    assert main([str(tmp_path / "nothing"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problem"]
    assert main([str(tmp_path / "nothing")]) == 4
    assert capsys.readouterr().err.count("\n") == 1
    assert main([str(source)]) == 0 and "my-model: diffusers" in capsys.readouterr().out


def test_looking_needs_neither_torch_nor_onnx(source: Path) -> None:
    code = (
        "import sys\nfor name in ('torch', 'onnx', 'onnxruntime', 'diffusers'): sys.modules[name] = None\n"
        "from training.__main__ import main; sys.exit(main(['look', sys.argv[1], '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and json.loads(done.stdout)["kind"] == "diffusers", done.stderr
