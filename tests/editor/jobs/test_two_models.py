"""Two real packages in the engine's process: one is loaded at a time, and neither leaves a trace in the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from editor.core.document import Document
from editor.core.formats.saving import save_ora
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.jobs.background import Background
from editor.jobs.edit_runner import ProcessEditRunner
from editor.jobs.library import Library
from main import main
from tests.tiny_package import write_tiny_package

PATIENCE = 60_000


class Desk:
    """A document, and a library of the models "a" and "b"."""

    def __init__(self, folder: Path) -> None:
        for name, prediction in (("a", "epsilon"), ("b", "v_prediction")):
            write_tiny_package(folder / "models" / name, name=name, prediction_type=prediction)  # type: ignore[arg-type]
        self.library = Library(folder / "models", folder / "bundled", lambda name: None)
        pixels = np.random.default_rng(3).integers(0, 256, (70, 90, 4), np.uint8)
        pixels[..., 3] = 255
        layer = RasterLayer(name="photo", plane=TileMap.of(pixels))
        self.session = EditSession(self.library.facts("a"))
        self.session.instruction, self.session.count, self.session.size = "make it red", 2, 32
        self.session.seed, self.session.seed_locked = 11, True
        self.open = OpenDocument(History(Document(90, 70, (layer,), active=layer.id)), edit=self.session)
        self.runner, self.background = ProcessEditRunner(self.library.folder, "cpu"), Background()
        self.generation = Generation(self.session, self.open, self.runner, self.background, self.library.facts)

    def close(self) -> None:
        self.generation.close()
        self.runner.close()
        assert self.background.close()
        self.open.close()


@pytest.fixture
def desk(tmp_path: Path, qapp: object) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def wait(qtbot: QtBot, desk: Desk) -> None:
    qtbot.waitUntil(lambda: not desk.generation.running, timeout=PATIENCE)
    assert desk.session.message is None, desk.session.message


def test_a_variant_again_after_another_model_is_bit_identical(qtbot: QtBot, desk: Desk) -> None:
    session = desk.session
    desk.generation.start()
    wait(qtbot, desk)
    first = session.variants[0]
    pid = desk.runner.pid
    desk.generation.again_with(first.id, desk.library.facts("b"), desk.library.facts("a"))
    wait(qtbot, desk)
    other = session.variants[1]
    assert desk.runner.pid != pid and desk.runner.status().model == "b"
    desk.generation.again_with(other.id, desk.library.facts("a"), desk.library.facts("b"))
    wait(qtbot, desk)
    again = session.variants[2]
    assert [item.settings.model for item in session.variants] == ["a", "b", "a", "a"]
    assert first.pixels is not None and other.pixels is not None and again.pixels is not None
    assert np.array_equal(again.pixels, first.pixels) and not np.array_equal(other.pixels, first.pixels)
    assert first.recipe is not None and again.recipe == first.recipe
    assert other.recipe is not None and other.recipe.model_sha256 == desk.library.facts("b").sha256


def test_a_run_of_two_models_loads_each_once(qtbot: QtBot, desk: Desk) -> None:
    session, pids = desk.session, list[int]()

    def note(name: str) -> None:
        pid = desk.runner.pid
        if pid is not None and pid not in pids:
            pids.append(pid)

    desk.session.changed.connect(note)
    session.also = desk.library.facts("b")
    desk.generation.start()
    wait(qtbot, desk)
    made = [(item.settings.model, item.seed, item.done) for item in session.variants]
    assert made == [("a", 11, True), ("b", 11, True), ("a", 12, True), ("b", 12, True)]
    assert len(pids) == 2
    desk.generation.start()
    wait(qtbot, desk)
    assert len(pids) == 3  # "b" was there already
    for before, after in zip(session.variants[:4], session.variants[4:], strict=True):
        assert before.pixels is not None and np.array_equal(before.pixels, after.pixels)


def test_a_kept_variant_of_the_second_model_runs_again(qtbot: QtBot, desk: Desk) -> None:
    session = desk.session
    session.also = desk.library.facts("b")
    session.count = 1
    desk.generation.start()
    wait(qtbot, desk)
    made = session.variants[1]
    assert desk.generation.keep([made.id])
    session.also = None
    desk.generation.again(desk.open.document.layers[-1].id)
    wait(qtbot, desk)
    assert session.variants[-1].recipe == made.recipe
    assert made.pixels is not None and np.array_equal(session.variants[-1].pixels, made.pixels)


def test_layers_of_both_models_replay_on_the_command_line(
    qtbot: QtBot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    session = desk.session
    session.also = desk.library.facts("b")
    session.count = 1
    desk.generation.start()
    wait(qtbot, desk)
    for item in reversed(session.variants):  # each over the photo alone
        assert desk.generation.keep([item.id])
        layer = desk.open.document.layers[-1]
        save_ora(tmp_path / "a.ora", desk.open.document)
        monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
        assert main(["replay", str(tmp_path / "a.ora"), "--layer", layer.name, "--json"]) == 0
        answer = json.loads(capfd.readouterr().out)
        assert answer["model"]["name"] == item.settings.model
        assert answer["model"]["sha256"] == desk.library.facts(item.settings.model).sha256
        assert answer["match"] is True and answer["notes"] == []
        desk.open.history.undo()
