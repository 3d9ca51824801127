"""The table of pairs when it is damaged, of a newer program, or another's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.training.pairs.made import raw
from training.pairs.pair import PairError
from training.pairs.store import PairStore


@pytest.fixture
def store(tmp_path: Path) -> PairStore:
    return PairStore(tmp_path / "pairs", patience=1.0)


def test_a_database_of_a_newer_program_is_left_alone(store: PairStore) -> None:
    store.add(raw(1))
    path = store.folder / "pairs.db"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    before = path.read_bytes()
    for use in (store.pairs, lambda: store.add(raw(2)), store.verify):
        with pytest.raises(PairError, match="newer version"):
            use()
    assert path.read_bytes() == before


@pytest.mark.parametrize("data", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\7" * 5000])
def test_a_damaged_database_is_one_sentence(store: PairStore, data: bytes) -> None:
    store.add(raw(1))
    (store.folder / "pairs.db").write_bytes(data)
    for use in (store.pairs, lambda: store.add(raw(2)), store.verify):
        with pytest.raises(PairError, match="is damaged"):
            use()


def test_a_database_cut_short_is_one_sentence(store: PairStore) -> None:
    for seed in range(8):
        store.add(raw(seed))
    path = store.folder / "pairs.db"
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(PairError, match="is damaged"):
        store.verify()


def test_another_programs_database_is_not_taken_over(store: PairStore) -> None:
    store.folder.mkdir()
    with sqlite3.connect(store.folder / "pairs.db") as other:
        other.execute("CREATE TABLE birds (name TEXT)")
    other.close()
    with pytest.raises(PairError, match="is damaged"):
        store.add(raw(1))


def test_an_empty_database_file_is_an_empty_store(store: PairStore) -> None:
    store.folder.mkdir()
    (store.folder / "pairs.db").touch()
    assert store.pairs() == ()
    assert store.pairs() == () and len([store.add(raw(1))]) == len(store.pairs())
