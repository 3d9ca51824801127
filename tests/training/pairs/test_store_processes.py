"""The store when several processes use it, and when one of them is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inference.file_lock import FileLock
from tests.training.pairs.made import everything, files, raw
from training.pairs.database import StoreNotWritable
from training.pairs.pair import PairError
from training.pairs.store import PairStore

ROOT = Path(__file__).resolve().parents[3]
START = """
import os, sys, time
from pathlib import Path
from tests.training.pairs.made import PairStore, raw
store = PairStore(Path(sys.argv[1]))
"""


@pytest.fixture
def store(tmp_path: Path) -> PairStore:
    return PairStore(tmp_path / "pairs", patience=1.0)


def child(program: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START + program, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


KILLED_IN = {
    "a picture is half written": "os.fsync = lambda handle: (print('now', flush=True), time.sleep(60))",
    "the pictures are there and the row is not": (
        "from training.pairs.database import Rows\n"
        "Rows.add = lambda self, row: (print('now', flush=True), time.sleep(60))"
    ),
    "a removed row's pictures are still there": (
        "from training.pairs.pictures import PictureFolder\n"
        "PictureFolder.remove = lambda self, sha: (print('now', flush=True), time.sleep(60))\n"
        "store.remove([store.add(raw(8)).id])"
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not there on Windows")
@pytest.mark.parametrize("where", KILLED_IN)
def test_a_kill_leaves_a_store_that_opens_and_is_swept(store: PairStore, where: str) -> None:
    kept = store.add(raw(1))
    process = child(f"{KILLED_IN[where]}\nstore.add(raw(9))", str(store.folder))
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "now\n"
        os.kill(process.pid, signal.SIGKILL)
    reopened = PairStore(store.folder, patience=1.0)
    assert reopened.pairs() == (kept,)
    assert len(everything(store)) > 2  # something was left,
    added = reopened.add(raw(3))
    left = {path.stem for path in everything(store)}
    assert left == {kept.source, kept.target, added.source, added.target}  # and the next change takes it away
    assert reopened.verify() == ()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not there on Windows")
def test_kills_at_any_moment_lose_nothing_that_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    seen = 0
    for round_ in range(4):
        program = f"for n in range(400): print(store.add(raw({round_} * 1000 + n)).id, flush=True)"
        process = child(program, str(folder))
        assert process.stdout is not None
        with process, process.stdout:
            process.stdout.readline()
            time.sleep(0.011 * (round_ + 1))
            os.kill(process.pid, signal.SIGKILL)
            told = 1 + len([line for line in process.stdout.read().splitlines() if len(line) == 20])
        store = PairStore(folder)
        seen += told
        assert seen <= len(store.pairs()) <= seen + 1  # the last one may not have been told
        seen = len(store.pairs())
        assert store.verify() == ()
        assert files(store) == {sha for pair in store.pairs() for sha in (pair.source, pair.target)}


def test_two_processes_add_at_once(store: PairStore) -> None:
    program = "for n in range(int(sys.argv[2]), int(sys.argv[2]) + 12): store.add(raw(n))"
    both = [child(program, str(store.folder), first) for first in ("0", "8")]  # four pairs are added by both
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(store.pairs()) == 20 and len(files(store)) == 40
    assert store.verify() == ()


def test_a_picture_that_another_process_is_adding_is_not_swept(store: PairStore) -> None:
    kept = store.add(raw(1))
    with FileLock(store.folder / ".lock"):
        being_added = store.folder / "pictures" / "ab" / f"{'ab' * 32}.png"
        being_added.parent.mkdir(exist_ok=True)
        being_added.touch()
        (store.folder / ".changing").write_text(f"{being_added.stem}\n{kept.source}\n")
        hasty = PairStore(store.folder, patience=0.1)
        assert hasty.pairs() == (kept,) and hasty.verify() == ()  # who reads does not wait
        changes = (lambda: hasty.add(raw(2)), lambda: hasty.remove([kept.id]), lambda: hasty.edit(kept.id))
        for change in changes:
            with pytest.raises(StoreNotWritable, match="Another program"):
                change()
        assert being_added.exists()
    store.edit(kept.id, enabled=False)  # it was killed
    assert files(store) == {kept.source, kept.target}


def test_pictures_outlive_a_table_that_is_lost(store: PairStore) -> None:
    pair = store.add(raw(1))
    table = store.folder / "pairs.db"
    table.rename(store.folder / "away.db")
    other = store.add(raw(2))
    assert store.verify() == () and store.remove([other.id]) == 1
    (store.folder / "away.db").replace(table)
    assert PairStore(store.folder).pairs() == (pair,) and store.verify() == ()


def test_a_database_that_stays_locked_is_one_sentence(store: PairStore) -> None:
    pair = store.add(raw(1))
    other = sqlite3.connect(store.folder / "pairs.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    hasty = PairStore(store.folder, patience=0.1)
    for use in (hasty.pairs, lambda: hasty.edit(pair.id, enabled=False)):
        with pytest.raises(PairError, match="Another program is changing the pairs"):
            use()
    other.close()
    assert hasty.pairs() == (pair,)
