"""The models at hand: listed with what is known of them, compared, removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from editor.edits.background import InlineBackground
from editor.jobs.background import Background
from editor.jobs.shelf import Shelf
from inference.import_report import Agreement, ImportReport, save_report
from inference.store import ModelStore
from tests.tiny_package import write_tiny_package


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """One that came with the program, one with a report, one that is broken."""
    write_tiny_package(tmp_path / "bundled" / "starter", name="starter")
    save_report(
        write_tiny_package(tmp_path / "user" / "mine", name="mine"), ImportReport((Agreement("unet", 1e-5, 1e-4),))
    )
    (write_tiny_package(tmp_path / "user" / "broken", name="broken") / "unet/model.onnx").unlink()
    return ModelStore(tmp_path / "user", tmp_path / "bundled")


@pytest.fixture
def shelf(store: ModelStore) -> Shelf:
    made = Shelf(lambda: store, InlineBackground())
    made.refresh()
    return made


def test_everything_known_is_listed(shelf: Shelf) -> None:
    starter, mine, broken = shelf.entries
    assert (starter.name, starter.bundled, mine.bundled) == ("starter", True, False)
    assert mine.licence == "MIT" and mine.usage.bytes > 1000 and mine.usage.shared == 0
    assert mine.report is not None and mine.report.worst == 1e-5 and starter.report is None
    assert mine.dials is not None and mine.dials.size == 64 and mine.instructions == ("make it red",)
    assert "missing" in broken.problem and broken.usage.bytes > 0


def test_verifying_says_how_it_ended(shelf: Shelf) -> None:
    seen: list[float] = []
    shelf.on("fraction", lambda: seen.append(shelf.fraction))
    shelf.verify("mine")
    assert (shelf.verifying, shelf.failed, shelf.about) == ("", False, "mine") and "as recorded" in shelf.message
    assert seen and seen == sorted(seen)
    graph = shelf.entries[1].folder / "unet/model.onnx"
    data = bytearray(graph.read_bytes())
    data[-1] ^= 1
    graph.write_bytes(data)
    shelf.verify("mine")
    assert (shelf.verifying, shelf.failed, shelf.about) == ("", True, "mine") and "hash differs" in shelf.message


def test_removing_lists_what_is_left(shelf: Shelf) -> None:
    shelf.remove("mine")
    assert [entry.name for entry in shelf.entries] == ["starter", "broken"] and not shelf.failed
    shelf.remove("broken")
    assert [entry.name for entry in shelf.entries] == ["starter"]
    shelf.remove("starter")
    assert shelf.failed and "comes with the program" in shelf.message


def test_a_comparison_can_be_stopped(store: ModelStore, qtbot: QtBot) -> None:
    background = Background()
    shelf = Shelf(lambda: store, background)
    shelf.verify("mine")
    assert shelf.verifying == "mine"
    shelf.stop()
    assert shelf.verifying == ""
    qtbot.wait(50)
    assert shelf.message == ""
    assert background.close()
