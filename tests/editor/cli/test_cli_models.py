"""models list, add, verify and remove."""

from __future__ import annotations

from pathlib import Path

import pytest

from editor.core import paths
from main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No models but those that the test adds."""
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "bundled_models", lambda: tmp_path / "bundled")
    return tmp_path / "home"


def test_a_model_is_added_listed_verified_and_removed(tiny_package: Path, home: Path, capsys: Capture) -> None:
    assert main(["models", "list"]) == 0
    assert "No models" in capsys.readouterr().out
    assert main(["models", "add", str(tiny_package)]) == 0
    assert str(home / "models") in capsys.readouterr().out
    assert main(["models", "list"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("* tiny")
    assert "MIT" in line
    assert main(["models", "verify", "tiny"]) == 0
    assert "SHA-256" in capsys.readouterr().out
    assert main(["models", "remove", "tiny"]) == 0
    assert not (home / "models/tiny").exists()


def test_a_changed_model_does_not_verify(tiny_package: Path, home: Path, capsys: Capture) -> None:
    assert main(["models", "add", str(tiny_package)]) == 0
    graph = home / "models/tiny/unet/model.onnx"
    data = bytearray(graph.read_bytes())
    data[-1] ^= 1
    graph.write_bytes(data)
    capsys.readouterr()
    assert main(["models", "verify", "tiny"]) == 4
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "unet" in err


def test_a_broken_model_is_listed_with_its_reason(tiny_package: Path, home: Path, capsys: Capture) -> None:
    assert main(["models", "add", str(tiny_package)]) == 0
    (home / "models/tiny/unet/model.onnx").unlink()
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    assert "! tiny" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["verify", "none"], ["remove", "none"], ["add", "{tmp}/none"], ["add", "{tmp}"]])
def test_what_is_no_model_is_code_4(words: list[str], tmp_path: Path, capsys: Capture) -> None:
    assert main(["models", *(word.format(tmp=tmp_path) for word in words)]) == 4
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
