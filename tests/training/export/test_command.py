"""`python -m training export`: exit codes, one sentence on stderr, the report on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.package import Dials, open_package
from training.export import exporter
from training.export.agreement import Parity
from training.export.command import main
from training.export.errors import ExportCancelled, ExportError, ExportTargetError
from training.export.exporter import ExportReport


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, full: ExportReport) -> list[dict[str, Any]]:
    """What `export_package` was called with; it answers with the report of `full`."""
    seen: list[dict[str, Any]] = []

    def record(source: Path, target: Path, **wanted: Any) -> ExportReport:
        seen.append({"source": source, "target": target, **wanted})
        wanted["progress"]("unet", 0.5)
        return full

    monkeypatch.setattr(exporter, "export_package", record)
    return seen


@pytest.fixture
def source(full: ExportReport) -> str:
    return str(full.folder.parent / "tiny-source")


def test_the_real_command_prints_a_report_and_nothing_else(
    source: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([source, "-o", str(tmp_path / "my model"), "--precision", "fp16", "--steps", "7", "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    report = json.loads(out)
    assert report["name"] == "my-model" and len(report["parity"]) == 4
    package = open_package(tmp_path / "my model")
    assert (package.dials.steps, package.dials.size, package.sha256) == (7, 64, report["sha256"])


def test_defaults_and_options_reach_the_exporter(source: str, tmp_path: Path, calls: list[dict[str, Any]]) -> None:
    (tmp_path / "known.txt").write_text("make it red\n\n  make it blue \n", encoding="utf-8")
    assert main([source, "-o", str(tmp_path / "out")]) == 0
    options = ["--licence", "MIT", "--sampler", "ddim", "--size", "256", "--text-scale", "2", "--image-scale", "1"]
    assert main([source, "-o", str(tmp_path / "out"), "--instructions", str(tmp_path / "known.txt"), *options]) == 0
    first, second = calls
    assert (first["name"], first["precision"], first["replace"], first["instructions"]) == ("out", "fp16", False, ())
    assert first["dials"] == Dials(size=64)
    assert second["instructions"] == ("make it red", "make it blue")
    assert second["dials"] == Dials(20, 2.0, 1.0, "ddim", 256) and second["licence"] == "MIT"


def test_the_report_in_words_and_as_events(
    source: str, tmp_path: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    main([source, "-o", str(tmp_path / "out")])
    words = capsys.readouterr().out
    assert all(component in words for component in ("text_encoder", "unet", "vae_encoder", "vae_decoder"))
    main([source, "-o", str(tmp_path / "out"), "--events"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "progress", "stage": "unet", "fraction": 0.5}
    assert lines[-1]["event"] == "done"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ExportError("A sentence."), 4),
        (ExportTargetError("A sentence."), 5),
        (ExportCancelled(), 130),
        (KeyboardInterrupt(), 130),
        (ModuleNotFoundError("No module named 'optimum'", name="optimum"), 4),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(exporter, "export_package", fail)
    assert main([source, "-o", str(tmp_path / "out")]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.strip()


def test_bad_sources_and_lists_are_told_before_the_exporter_starts(
    source: str, tmp_path: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 4
    assert main([source, "-o", str(tmp_path / "out"), "--instructions", str(tmp_path / "nothing")]) == 4
    assert calls == []
    assert capsys.readouterr().err.count("\n") == 2


def test_refusing_a_source_takes_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from training.export.command import main; status = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules and 'diffusers' not in sys.modules; sys.exit(status)"
    )
    arguments = [str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr


def test_a_second_graph_of_a_component_is_told_too(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], full: ExportReport
) -> None:
    report = replace(full, parity=(*full.parity, Parity("unet/attention", 1e-4, 1e-5, ())))
    monkeypatch.setattr(exporter, "export_package", lambda *_, **__: report)
    assert main([source, "-o", str(tmp_path / "out")]) == 0
    assert "unet/attention" in capsys.readouterr().out
