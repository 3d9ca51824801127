from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from editor.core import journal_write
from editor.core.changes import AddLayer, SetMask, SetProperty, SetSelection
from editor.core.document import Document
from editor.core.errors import InputUnreadable, OutputNotWritable
from editor.core.history import History
from editor.core.journal import Journal, discard, recover, recoverable
from editor.core.layer import GroupLayer, Mask, RasterLayer
from editor.core.tiles import TileMap

WRITER = Path(__file__).with_name("journal_writer.py")
ROOT = Path(__file__).parents[3]


def _writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("journal_writer", WRITER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = _writer()


def rich() -> History:
    """Every kind of value that a document holds, in a history with two branches."""
    pixels = np.random.default_rng(1).integers(0, 256, (300, 280, 4), np.uint8)
    mask = Mask(TileMap.of(np.full((50, 60), 90, np.uint8), 5, 6, blank=255), enabled=False)
    layer = RasterLayer(
        name="雪 “snow”", plane=TileMap.of(pixels), mask=mask, x=-7, y=3, blend="multiply", locked=False,
        recipe={"instruction": "make it snow", "steps": 20, "dials": [1.5, {"a": None}]}, extras={"k": "v"},
    )  # fmt: skip
    group = GroupLayer(name="G", children=(layer,), pass_through=True, visible=False, opacity=0.25, x=4)
    history = History(Document(300, 280, (group,), layer.id, None, (72.0, 96.0), b"icc\0", b"exif", {"a/b": b"\0\1"}))
    history.do(SetSelection(TileMap.of(np.full((20, 30), 128, np.uint8), 270, 250)))
    history.do(AddLayer(RasterLayer(name="Top", locked=True)))
    history.undo()
    history.do(SetMask(group.id, Mask(TileMap(1, None, 77))))
    history.do(SetProperty(layer.id, "opacity", 0.5))
    history.undo()
    return history


def same_plane(one: TileMap, two: TileMap) -> bool:
    area = one.bounds | two.bounds
    return (one.channels, one.blank) == (two.channels, two.blank) and np.array_equal(one.read(area), two.read(area))


def same(one: object, two: object) -> bool:
    """Field by field, planes by their pixels, so that a field that the journal forgets shows."""
    if isinstance(one, TileMap) and isinstance(two, TileMap):
        return same_plane(one, two)
    if isinstance(one, tuple) and isinstance(two, tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, Document | Mask | RasterLayer | GroupLayer) and type(one) is type(two):
        names = [field.name for field in dataclasses.fields(one)]
        return all(same(getattr(one, name), getattr(two, name)) for name in names)
    return one == two


def check_same(one: History, two: History) -> None:
    assert one.current.id == two.current.id
    steps = list(zip(one.steps(), two.steps(), strict=True))
    for before, after in steps:
        assert (before.id, before.label) == (after.id, after.label)
        assert (before.parent and before.parent.id) == (after.parent and after.parent.id)
        assert same(before.document, after.document), before.label


def crashed(folder: Path, history: History, title: str = "harbour", path: Path | None = None) -> None:
    journal = Journal(folder)
    journal.record(history, path, title)
    journal.close()


def test_everything_comes_back(tmp_path: Path) -> None:
    history = rich()
    crashed(tmp_path, history, "harbour", tmp_path / "harbour.ora")
    (found,) = recoverable(tmp_path)
    assert (found.title, found.path, found.steps) == ("harbour", tmp_path / "harbour.ora", 5)
    assert abs(found.time - time.time()) < 60
    recovered = recover(found, budget=100_000)
    check_same(history, recovered.history)
    recovered.history.redo()
    assert recovered.history.current.label == "Opacity"
    recovered.history.do(SetProperty(history.document.layers[0].id, "name", "New"))
    assert len({step.id for step in recovered.history.steps()}) == 6
    recovered.discard()
    assert recoverable(tmp_path) == [] and list(tmp_path.iterdir()) == []
    recovered.history.settle()
    check = [step.document for step in recovered.history.steps()]
    assert same(check[0], next(history.steps()).document)  # readable without the record
    recovered.history.close()


def test_only_new_tiles_are_written(tmp_path: Path) -> None:
    history, journal = rich(), Journal(tmp_path)
    journal.record(history, None, "t")
    (tiles,) = tmp_path.glob("*/tiles-*.bin")
    before = tiles.stat().st_size
    journal.record(history, None, "t")
    history.do(SetProperty(history.document.layers[0].id, "name", "New"))
    journal.record(history, None, "t")
    assert tiles.stat().st_size == before
    history.do(AddLayer(RasterLayer(name="Dot", plane=TileMap.of(np.full((3, 3, 4), 9, np.uint8)))))
    journal.record(history, None, "t")
    assert before < tiles.stat().st_size < before + 2000
    journal.close()
    recovered = recover(recoverable(tmp_path)[0])
    check_same(history, recovered.history)
    recovered.claim.release()


def test_a_clean_close_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "recovery")
    journal.discard()
    assert not (tmp_path / "recovery").exists()
    journal = Journal(tmp_path / "recovery")
    journal.record(rich(), None, "t")
    journal.discard()
    journal.record(rich(), None, "t")
    assert list((tmp_path / "recovery").iterdir()) == []


def test_a_running_owner_keeps_its_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.record(rich(), None, "t")
    assert recoverable(tmp_path) == []
    journal.close()
    (found,) = recoverable(tmp_path)
    first = recover(found)
    assert recoverable(tmp_path) == []
    with pytest.raises(InputUnreadable, match="another window"):
        recover(found)
    discard(found)
    assert found.folder.exists()
    first.claim.release()
    discard(found)
    assert not found.folder.exists()


def test_merged_steps_leave_and_a_new_generation_forgets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_write, "_STALE", 3)
    history, journal = rich(), Journal(tmp_path)
    id = history.document.layers[0].id
    for value in range(8):
        history.do(SetProperty(id, "opacity", value / 10 + 0.01))
        journal.record(history, None, "t")
    assert [file.name for file in tmp_path.glob("*/tiles-*.bin")] == ["tiles-2.bin"]
    journal.close()
    recovered = recover(recoverable(tmp_path)[0])
    check_same(history, recovered.history)
    recovered.claim.release()


def test_what_never_became_a_record_is_swept(tmp_path: Path) -> None:
    for name, age in (("old", 7200), ("young", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    assert recoverable(tmp_path) == []
    assert [one.name for one in tmp_path.iterdir()] == ["young"]


def test_damage_is_told(tmp_path: Path) -> None:
    crashed(tmp_path, rich(), "harbour")
    (found,) = recoverable(tmp_path)
    tiles = next(found.folder.glob("tiles-*.bin"))
    content = bytearray(tiles.read_bytes())
    content[len(content) // 2] ^= 1
    tiles.write_bytes(content)
    with pytest.raises(InputUnreadable, match="“harbour” cannot be recovered"):
        recover(found)
    index = json.loads((found.folder / "index.json").read_text())
    for broken in (b"{", b"[]", json.dumps({**index, "format": 99}).encode()):
        (found.folder / "index.json").write_bytes(broken)
        assert recoverable(tmp_path) == []
        with pytest.raises(InputUnreadable):
            recover(found)


def test_a_damaged_index_is_told_or_read(tmp_path: Path) -> None:
    crashed(tmp_path, rich(), "harbour")
    (found,) = recoverable(tmp_path)
    index, numbers = (found.folder / "index.json").read_bytes(), random.Random(3)
    for _ in range(300):
        broken = bytearray(index)
        for _ in range(numbers.randint(1, 3)):
            place = numbers.randrange(len(broken))
            broken[place : place + numbers.choice([1, 1, 30])] = numbers.choice([b"", b"9", b"[", b"{}", b"null", b'"'])
        (found.folder / "index.json").write_bytes(broken)
        for one in recoverable(tmp_path):
            try:
                recovered = recover(one)
            except InputUnreadable as error:
                assert "“" in str(error) and "\n" not in str(error)
            else:
                recovered.history.close()
                recovered.claim.release()
    (found.folder / "index.json").write_bytes(b"[" * 100_000)
    assert recoverable(tmp_path) == []


def test_one_bad_folder_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashed(tmp_path, rich(), "harbour")
    (tmp_path / "a file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "closed").mkdir()
    is_file = Path.is_file

    def closed(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", closed)
    assert [found.title for found in recoverable(tmp_path)] == ["harbour"]
    assert recoverable(tmp_path / "a file") == recoverable(tmp_path / "none") == []


def test_a_failed_record_keeps_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history, journal = rich(), Journal(tmp_path)
    journal.record(history, None, "t")
    kept = History(history.document)
    kept = recover_copy(tmp_path)
    history.do(AddLayer(RasterLayer(name="Dot", plane=TileMap.of(np.full((3, 3, 4), 9, np.uint8)))))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OutputNotWritable, match="disk is full"):
            journal.record(history, None, "t")
    check_same(kept, recover_copy(tmp_path))
    journal.record(history, None, "t")
    check_same(history, recover_copy(tmp_path))
    journal.discard()


def recover_copy(folder: Path) -> History:
    from editor.core.journal_read import read_history

    (record,) = folder.iterdir()
    return read_history(record)


def test_recording_while_the_window_goes_on(tmp_path: Path) -> None:
    history, journal, failures = writer.photo(3), Journal(tmp_path), list[BaseException]()
    numbers = np.random.default_rng(5)

    def record() -> None:
        try:
            for _ in range(15):
                journal.record(history, None, "t")
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=record)
    thread.start()
    for _ in range(40):
        writer.change(history, numbers)
    thread.join()
    assert not failures
    journal.record(history, None, "t")
    check_same(history, recover_copy(tmp_path))
    journal.discard()
    history.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the writer is killed with SIGKILL")
def test_a_kill_at_any_moment_leaves_a_recorded_state(tmp_path: Path) -> None:
    numbers = random.Random(7)
    recovered_steps: list[int] = []
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        states = killed(folder, attempt, numbers.uniform(0.05, 0.5))
        found = recoverable(folder)
        if not found:
            assert len(states) <= 1  # the very first record was not done
            continue
        recovered = recover(found[0])
        print_of = writer.fingerprint(recovered.history)
        assert print_of in states[-2:]  # the last one that was done, or the one in progress
        recovered_steps.append(found[0].steps)
        recovered.discard()
        recovered.history.close()
    assert max(recovered_steps) > 3


def killed(folder: Path, seed: int, after: float) -> list[str]:
    """The states that a recording process told of before it was killed."""
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(folder), str(seed)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        process.kill()
        return [line.strip() for line in process.stdout if line.endswith("\n") and line != "end\n"]
