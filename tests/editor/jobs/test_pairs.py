"""The user's pairs in the window: with a stand-in for the training package, and with the real one."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from editor.edits.background import InlineBackground
from editor.edits.pairs import NewPair
from editor.jobs.pairs import PairsShelf, Refused

FAKE = (sys.executable, str(Path(__file__).with_name("fake_pairs.py")))
PATIENCE = 60_000


def pair(
    instruction: str = "make it red", seed: int = 1, mask: bool = True, base: str = "b", group: str = "g"
) -> NewPair:
    """A pair that the real store takes, too: a photo would not be noise, but has as many edges."""
    source = np.random.default_rng(seed).integers(0, 200, (96, 120, 3), np.uint8)
    target = source.copy()
    target[20:60, 30:80, 0] = 255
    within = np.zeros((96, 120), np.uint8)
    within[20:60, 30:80] = 255
    origin = {"kind": "editor", "what": "layer", "document": "a = b.ora", "base": base}
    return NewPair(instruction, source, target, within if mask else None, group, origin)


class Watched:
    """A shelf with what it told, and on which threads."""

    def __init__(self, folder: Path, start: tuple[str, ...] | None = FAKE) -> None:
        self.folder = folder
        self.shelf = PairsShelf(folder, start)
        self.told: list[tuple[str, bool]] = []
        self.messages: list[str] = []
        self.threads: set[int] = set()
        self.shelf.changed.connect(self._note)

    def note(self, text: str, failed: bool) -> None:
        self.told.append((text, failed))

    @property
    def calls(self) -> list[list[str]]:
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def commands(self) -> list[str]:
        return [call[1] for call in self.calls]

    def _note(self, name: str) -> None:
        self.threads.add(threading.get_ident())
        if name == "message" and self.shelf.message:
            self.messages.append(self.shelf.message)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pictures are handed over."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def make(tmp_path: Path, qtbot: QtBot, temporary: Path) -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(start: tuple[str, ...] | None = FAKE) -> Watched:
        made.append(Watched(tmp_path / "store", start))
        return made[-1]

    yield make
    for watched in made:
        watched.shelf.close()


@pytest.fixture
def watched(make: Callable[..., Watched]) -> Watched:
    return make()


def wait(watched: Watched, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not watched.shelf.busy, timeout=PATIENCE)


def test_nothing_is_started_and_nothing_kept_until_somebody_asks(watched: Watched, qtbot: QtBot) -> None:
    qtbot.wait(30)
    assert not watched.folder.exists() and watched.shelf.entries == () and not watched.shelf.busy


def test_a_pair_is_added_and_listed(watched: Watched, qtbot: QtBot, temporary: Path) -> None:
    made = pair()
    watched.shelf.add([made], watched.note)
    assert watched.shelf.busy
    wait(watched, qtbot)
    assert watched.told == [("The pair was added to your training pairs.", False)]
    assert watched.messages == ["The pair was added to your training pairs."] and not watched.shelf.failed
    (entry,) = watched.shelf.entries
    assert (entry.instruction, entry.group, dict(entry.origin)) == ("make it red", "g", dict(made.origin))
    for path, pixels in (
        (entry.source_path, made.source),
        (entry.target_path, made.target),
        (entry.mask_path, made.mask),
    ):
        assert path is not None and np.array_equal(np.asarray(Image.open(path)), pixels)
    assert entry.enabled and not entry.earlier and entry.changed_fraction == 0.25
    assert watched.threads == {threading.get_ident()} and list(temporary.iterdir()) == []


def test_a_second_time_it_says_so_again(watched: Watched, qtbot: QtBot) -> None:
    for made in (pair(), pair(seed=2), pair()):
        watched.shelf.add([made])
        wait(watched, qtbot)
    sentence = "The pair was added to your training pairs."
    assert watched.messages == [sentence, sentence, "The pair is among your training pairs already."]
    assert len(watched.shelf.entries) == 2


def test_a_refusal_is_the_commands_sentence(watched: Watched, qtbot: QtBot, temporary: Path) -> None:
    watched.shelf.add([pair("wrong")], watched.note)
    wait(watched, qtbot)
    assert watched.told == [("The after picture lies 7 pixels to the right: align it and add it again.", True)]
    assert watched.shelf.failed and watched.shelf.entries == () and list(temporary.iterdir()) == []


def test_of_several_the_good_ones_are_taken(watched: Watched, qtbot: QtBot) -> None:
    watched.shelf.add([pair(), pair("wrong"), pair(seed=2)], watched.note)
    wait(watched, qtbot)
    ((text, failed),) = watched.told
    assert text.startswith("2 pairs were added to your training pairs; 1 pair was refused: The after picture lies")
    assert not failed and len(watched.shelf.entries) == 2


def test_a_fault_of_the_command_is_one_sentence(watched: Watched, qtbot: QtBot) -> None:
    watched.shelf.add([pair("crash")], watched.note)
    wait(watched, qtbot)
    assert watched.told[0][1] and watched.told[0][0].startswith("Keeping your training pairs ended unexpectedly")


def test_a_saved_document_keeps_the_group_of_its_photo(watched: Watched, qtbot: QtBot) -> None:
    watched.shelf.add([pair(base="id of the photo", group="as it was opened")])
    wait(watched, qtbot)
    watched.shelf.add([pair(seed=2, base="id of the photo", group="painted over"), pair(seed=3, base="c", group="h")])
    wait(watched, qtbot)
    assert [entry.group for entry in watched.shelf.entries] == ["as it was opened", "as it was opened", "h"]


def test_one_process_at_a_time(watched: Watched, qtbot: QtBot) -> None:
    for seed in range(3):
        watched.shelf.add([pair(seed=seed)])
    watched.shelf.refresh()
    wait(watched, qtbot)
    assert len(watched.shelf.entries) == 3 and watched.commands.count("add-one") == 3
    assert watched.messages == ["The pair was added to your training pairs."] * 3


def test_editing_removing_and_bringing_back(watched: Watched, qtbot: QtBot, temporary: Path) -> None:
    shelf = watched.shelf
    for seed in range(2):
        shelf.add([pair(seed=seed)])
    wait(watched, qtbot)
    first, second = shelf.entries
    shelf.edit(first.id, instruction="--make it redder")
    shelf.edit(first.id, enabled=False)
    wait(watched, qtbot)
    changed = shelf.entries[0]
    assert (changed.instruction, changed.enabled) == ("--make it redder", False) and shelf.entries[1] == second
    pixels = first.source_path.read_bytes()
    shelf.remove([changed.id])
    wait(watched, qtbot)
    assert shelf.entries == (second,) and shelf.message == "The pair was removed." and not first.source_path.exists()
    assert [entry.id for entry in shelf.removed] == [changed.id]
    shelf.restore()
    wait(watched, qtbot)
    back = shelf.entries[-1]
    assert (back.instruction, back.source_path.read_bytes()) == ("--make it redder", pixels)
    assert shelf.removed == () and shelf.message == "The pair is back." and list(temporary.iterdir()) == []
    shelf.restore()
    assert not shelf.busy


def test_only_the_last_removal_can_be_taken_back(watched: Watched, qtbot: QtBot, temporary: Path) -> None:
    shelf = watched.shelf
    shelf.add([pair(), pair(seed=2)])
    wait(watched, qtbot)
    first, second = shelf.entries
    shelf.remove([first.id])
    shelf.remove([second.id])
    shelf.remove(["unknown"])
    wait(watched, qtbot)
    assert [entry.id for entry in shelf.removed] == [second.id] and len(list(temporary.iterdir())) == 1
    shelf.close()
    assert list(temporary.iterdir()) == []


def test_what_cannot_be_brought_back_can_be_tried_again(watched: Watched, qtbot: QtBot) -> None:
    shelf = watched.shelf
    shelf.add([pair()])
    wait(watched, qtbot)
    shelf.edit(shelf.entries[0].id, instruction="wrong")
    wait(watched, qtbot)
    shelf.remove([shelf.entries[0].id])
    wait(watched, qtbot)
    shelf.restore()
    wait(watched, qtbot)
    assert shelf.failed and len(shelf.removed) == 1 and shelf.removed[0].source_path.exists()


def test_a_folder_of_another_program(watched: Watched, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "again broken"
    folder.mkdir()
    (folder / "a.png").touch()
    fractions: list[float] = []
    watched.shelf.on("fraction", lambda: fractions.append(watched.shelf.fraction))
    watched.shelf.add_path(folder, instruction="make it red")
    wait(watched, qtbot)
    assert watched.shelf.message == (
        "1 pair was added to your training pairs; 2 pairs were there already; 1 pair was refused: b.png cannot be read."
    )
    assert watched.shelf.refused == (Refused("b.png", "b.png cannot be read."),) and 0.5 in fractions
    assert "--instruction=make it red" in watched.calls[0] and watched.calls[0][1] == "add"
    watched.shelf.add_path(tmp_path / "nowhere", "folder")
    wait(watched, qtbot)
    assert watched.shelf.failed and "does not exist" in watched.shelf.message and watched.shelf.refused == ()


def test_an_empty_folder_is_told(watched: Watched, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    watched.shelf.add_path(tmp_path / "nothing")
    wait(watched, qtbot)
    assert watched.shelf.message.startswith("No pairs were found there") and watched.shelf.failed


def test_writing_them_out_and_what_is_wrong_with_the_store(watched: Watched, qtbot: QtBot, tmp_path: Path) -> None:
    watched.folder.mkdir()
    (watched.folder / "damaged").touch()
    watched.shelf.export(tmp_path / "out", "webdataset")
    wait(watched, qtbot)
    assert (tmp_path / "out").is_dir() and watched.shelf.message == f"The pairs were written to {tmp_path / 'out'}."
    assert watched.shelf.problems == ("A picture is missing.",)
    assert "--format=webdataset" in watched.calls[0]


def test_stopping_cancels_all_that_waits(watched: Watched, qtbot: QtBot, tmp_path: Path) -> None:
    watched.shelf.add_path(tmp_path / "slow")
    watched.shelf.add([pair()], watched.note)
    qtbot.waitUntil(lambda: "add" in watched.commands, timeout=PATIENCE)
    watched.shelf.stop()
    wait(watched, qtbot)
    assert "add-one" not in watched.commands and watched.told == [("It was cancelled.", True)]
    watched.shelf.add([pair()], watched.note)
    wait(watched, qtbot)
    assert len(watched.shelf.entries) == 1


def test_closing_in_the_middle_waits_and_tells_nothing(watched: Watched, qtbot: QtBot, tmp_path: Path) -> None:
    watched.shelf.add_path(tmp_path / "slow")
    qtbot.waitUntil(lambda: "add" in watched.commands, timeout=PATIENCE)
    watched.shelf.close()
    qtbot.wait(30)
    assert watched.messages == []


def test_without_a_place_for_the_pictures_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def full(*words: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    shelf = PairsShelf(tmp_path, FAKE, InlineBackground())
    shelf.add([pair()])
    assert shelf.failed and "No space left on device" in shelf.message and not shelf.busy


def test_with_the_real_command(make: Callable[..., Watched], qtbot: QtBot, temporary: Path) -> None:
    """Everything against `python -m training pairs`, in a store of its own."""
    real = make(None)
    shelf = real.shelf
    shelf.add([pair(), pair("make it red", seed=2, mask=False)], real.note)
    wait(real, qtbot)
    assert real.told == [("2 pairs were added to your training pairs.", False)]
    first, second = shelf.entries
    assert np.array_equal(np.asarray(Image.open(first.source_path)), pair().source) and second.mask_path is None
    assert first.group == "g" and first.origin["document"] == "a = b.ora" and 0 < first.changed_fraction < 0.3
    shelf.add([pair("  ")], real.note)
    wait(real, qtbot)
    assert real.told[-1][1] and "instruction is empty" in real.told[-1][0]
    shelf.edit(first.id, instruction="make a red box", enabled=False)
    wait(real, qtbot)
    changed = next(entry for entry in shelf.entries if entry.instruction == "make a red box")
    assert not changed.enabled and changed.id != first.id
    shelf.remove([entry.id for entry in shelf.entries])
    wait(real, qtbot)
    assert shelf.entries == ()
    shelf.restore()
    wait(real, qtbot)
    assert {entry.id: entry.enabled for entry in shelf.entries} == {changed.id: False, second.id: True}
    assert list(temporary.iterdir()) == []
