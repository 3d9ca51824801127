"""From a model on a hub to an edited picture: fetched, looked at, converted by the real process, installed, used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editor.core import paths
from inference.import_report import read_report
from inference.package import open_package, verify_package
from main import main
from tests.training.fetching.host import serving
from tests.training.tiny_model import save_tiny


def test_a_model_of_the_hub_becomes_one_that_edits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "bundled_models", lambda: tmp_path / "bundled")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    source = save_tiny(tmp_path / "source")
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    with serving() as host:
        monkeypatch.setenv("HF_ENDPOINT", host.url)
        host.put_model("someone/tiny-edits", {**files, "unet/evil.bin": b"pickle"}, licence="openrail")
        code = main(["models", "add", "hub:someone/tiny-edits", "--yes"])
        assert (code, capsys.readouterr().err) == (0, "")
        assert not any(path.endswith(".bin") for path, _ in host.asked)
    package = open_package(tmp_path / "home/models/tiny-edits")
    verify_package(package)
    assert package.licence == "openrail"
    report = read_report(package.folder)
    assert report is not None and report.worst is not None and report.worst < 1e-2
    assert {path.name for path in (tmp_path / "home/models").iterdir()} == {"tiny-edits", ".lock"}
    assert list((tmp_path / "home/downloads").iterdir()) == []
    Image.fromarray(np.full((40, 48, 3), 128, np.uint8)).save(tmp_path / "in.png")
    words = ["edit", str(tmp_path / "in.png"), "make it red", "-o", str(tmp_path / "out.png"), "--steps", "2"]
    assert main([*words, "--size", "64", "--provider", "cpu"]) == 0
    with Image.open(tmp_path / "out.png") as result:
        assert result.size == (48, 40)
