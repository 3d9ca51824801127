"""palimpsest doctor."""

from __future__ import annotations

import json
import socket
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from editor.cli import doctor
from editor.core import paths
from inference import doctor as examination
from inference.errors import EngineMemoryError
from inference.probe import Probe
from inference.speed import Speed
from main import main

Capture = pytest.CaptureFixture[str]
BEFORE = (
    "version python system runtimes providers models memory_bytes temporary_folder temporary_bytes user_folder problems"
)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(paths, "bundled_models", lambda: tmp_path / "bundled")


@pytest.fixture
def all_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "probe", lambda provider: Probe(None))


def test_it_tells_what_works(tiny_package: Path, capsys: Capture) -> None:
    main(["models", "add", str(tiny_package)])
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    providers = {provider["name"]: provider["reason"] for provider in found["providers"]}
    assert providers["cpu"] is None
    assert all(reason is None or reason.endswith(".") for reason in providers.values())
    assert [(model["name"], sorted(model)[0]) for model in found["models"]] == [("tiny", "branches")]
    assert {"name", "sha256", "folder"} <= set(found["models"][0])
    assert found["memory_bytes"] > 0
    assert found["problems"] == []


def test_the_keys_of_before_are_there_and_the_new_ones(capsys: Capture, all_works: None) -> None:
    main(["doctor", "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(BEFORE.split()) | {"devices", "libraries", "provider", "findings", "speed"} == set(found)
    assert set(found["providers"][0]) == {"name", "reason", "stderr"}
    assert set(found["devices"]) == {"processor", "gpus"}
    assert found["speed"] is None
    for lines in found["findings"].values():
        assert all(set(line) == {"title", "state", "text", "advice"} for line in lines)


def test_it_says_in_words_what_is_wrong(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "probe", lambda provider: Probe("It is on strike."))
    monkeypatch.setattr(metadata, "version", lambda name: "1.0")
    assert main(["doctor"]) == 4
    out = capsys.readouterr().out
    assert "It is on strike." in out
    assert "overwrite each other" in out
    assert "No provider works" in out
    assert "No model is installed" in out


def test_it_misses_the_runtime(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "probe", lambda provider: Probe("Not here." if provider.name == "openvino" else None))
    monkeypatch.setattr(examination, "RUNTIMES", ("no-such-runtime",))
    assert main(["doctor"]) == 4
    assert "pip install" in capsys.readouterr().out


def test_it_says_what_edits_run_on(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "probe", lambda provider: Probe(None if provider.name == "cpu" else "Not here."))
    main(["doctor"])
    out = capsys.readouterr().out
    assert "edits     run on cpu" in out
    assert "device    " in out and "provider  cuda: Not here." in out
    main(["doctor", "--provider", "cuda"])
    assert "which does not work" in capsys.readouterr().out


def test_it_measures_only_when_asked(
    tiny_package: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, all_works: None
) -> None:
    asked: list[tuple[Path, str]] = []

    def measure(folder: Path, provider: str, progress: object) -> Speed:
        asked.append((folder, provider))
        return Speed("tiny", "cpu", 512, 3, 20, 0.9, 1.0, 2.4e12, 0.0, 4.3e12)

    monkeypatch.setattr(doctor, "measure", measure)
    main(["models", "add", str(tiny_package)])
    assert main(["doctor"]) == 0
    assert asked == []
    capsys.readouterr()
    assert main(["doctor", "--speed", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["speed"]["share"] == pytest.approx(0.62, abs=0.01)
    assert found["speed"]["edit_seconds"] == 18.0
    assert main(["doctor", "--model", str(tiny_package)]) == 0
    out = capsys.readouterr().out
    assert "speed     tiny: 0.9 s a step on CPU; 62 % of what" in out
    assert asked[-1] == (tiny_package, "cuda")  # the first that works


def test_a_measurement_that_fails_is_a_problem(
    tiny_package: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, all_works: None
) -> None:
    def measure(folder: Path, provider: str, progress: object) -> Speed:
        raise EngineMemoryError("There is no memory.")

    monkeypatch.setattr(doctor, "measure", measure)
    main(["models", "add", str(tiny_package)])
    capsys.readouterr()
    assert main(["doctor", "--speed", "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert (found["speed"], found["problems"]) == (None, ["There is no memory."])
    assert main(["doctor", "--model", "none"]) == 4
    assert "problem   There is no" in capsys.readouterr().out


def test_it_works_with_the_cable_pulled(tiny_package: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing here may touch the network")

    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    main(["models", "add", str(tiny_package)])
    capsys.readouterr()
    assert main(["doctor"]) == 0
    assert "provider  cpu: works" in capsys.readouterr().out
