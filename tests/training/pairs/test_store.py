"""The store: what goes in comes back, and nothing else is left."""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.training.pairs.made import files, half_mask, negative, picture, raw
from training.pairs.database import StoreNotWritable
from training.pairs.pair import Pair, PairError, RawPair
from training.pairs.store import PairStore


@pytest.fixture
def store(tmp_path: Path) -> PairStore:
    return PairStore(tmp_path / "pairs", patience=1.0)


def test_a_store_that_is_not_there_is_empty_and_stays_away(store: PairStore) -> None:
    assert store.pairs() == () and store.entries() == () and store.items() == () and store.verify() == ()
    assert not store.folder.exists()


def test_a_pair_comes_back_as_it_went_in(store: PairStore) -> None:
    given = raw(1, mask=half_mask())
    pair = store.add(given)
    assert PairStore(store.folder).pairs() == (pair,)
    assert (pair.width, pair.height, pair.instruction, pair.origin) == (64, 64, "make it a negative", {"kind": "test"})
    assert pair.enabled and not pair.earlier and pair.added.endswith("+00:00")
    (item,) = store.items()
    assert (item.id, item.group, item.instruction) == (pair.id, pair.group, pair.instruction)
    pictures = item.read()
    assert np.array_equal(pictures.source, given.source) and np.array_equal(pictures.target, given.target)
    assert pictures.mask is not None and np.array_equal(pictures.mask, half_mask())
    assert store.path(pair.source).is_file()


def test_the_same_content_again_is_the_pair_that_is_there(store: PairStore) -> None:
    pair = store.add(raw(1))
    again = store.put(replace(raw(1), instruction="  make it\ta negative\n", origin={"kind": "another"}))
    assert again == (pair, False)
    assert len(store.pairs()) == 1


def test_the_same_pictures_with_other_words_share_their_files(store: PairStore) -> None:
    store.add(raw(1))
    other = store.add(raw(1, "turn the colours round"))
    assert len(store.pairs()) == 2 and len(files(store)) == 2
    assert store.remove([store.pairs()[0].id]) == 1
    assert files(store) == {other.source, other.target}
    assert store.remove([other.id]) == 1
    assert files(store) == set() and store.pairs() == ()


def test_a_full_mask_is_no_mask(store: PairStore) -> None:
    assert store.add(raw(1, mask=np.full((64, 64), 255, np.uint8))).mask == ""


def test_other_words_make_another_pair_in_the_old_place(store: PairStore) -> None:
    first, second = store.add(raw(1)), store.add(raw(2))
    store.mark_earlier([first.id, "unknown"])
    edited = store.edit(first.id, instruction=" invert  it ")
    assert edited.instruction == "invert it" and edited.id != first.id and not edited.earlier
    assert [pair.id for pair in store.pairs()] == [edited.id, second.id]
    with pytest.raises(PairError, match="no pair"):
        store.pair(first.id)
    assert store.edit(edited.id, instruction=first.instruction).id == first.id  # what it is, and not how it came


def test_switching_off_keeps_the_id_and_leaves_training(store: PairStore) -> None:
    pair, other = store.add(raw(1)), store.add(raw(2))
    off = store.edit(pair.id, enabled=False)
    assert off == replace(pair, enabled=False)
    assert [item.id for item in store.items()] == [other.id]
    assert [item.id for item in store.items([off])] == [pair.id]
    assert store.edit(pair.id, enabled=True) == pair


def test_words_that_would_make_two_equal_pairs_are_refused(store: PairStore) -> None:
    store.add(raw(1, "one"))
    two = store.add(raw(1, "two"))
    with pytest.raises(PairError, match="already"):
        store.edit(two.id, instruction="one")
    with pytest.raises(PairError, match="empty"):
        store.edit(two.id, instruction=" \n")
    assert store.pair(two.id) == two


def test_marking_earlier_and_back(store: PairStore) -> None:
    pair = store.add(raw(1))
    assert store.mark_earlier([pair.id]) == 1 and store.pair(pair.id).earlier
    assert store.mark_earlier([pair.id], earlier=False) == 1 and store.pair(pair.id) == pair


def test_views_of_one_photo_are_one_group(store: PairStore) -> None:
    source = picture(1, 128)
    first = store.add(RawPair("make it a negative", source, negative(source)))
    darker = (source * 0.8).astype(np.uint8)
    same = [
        RawPair("make it grey", source, np.repeat(source.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)),
        RawPair("make it a negative", darker, negative(darker)),
        RawPair("make it half as large", source[::2, ::2].copy(), negative(source[::2, ::2])),
        RawPair("take the negative back", negative(source), source),
    ]
    assert {store.add(one).group for one in same} == {first.group}
    assert store.add(raw(2)).group != first.group
    assert store.add(replace(raw(3), group="mine")).group == "mine"


def test_a_near_duplicate_is_refused_and_leaves_nothing(store: PairStore) -> None:
    store.add(raw(1))
    before = files(store)
    copy = raw(1)
    nearly = replace(copy, source=np.clip(copy.source.astype(int) + 1, 0, 255).astype(np.uint8))
    with pytest.raises(PairError, match="look the same"):
        store.add(nearly)
    assert files(store) == before
    assert store.add(replace(nearly, instruction="turn the colours round")).id


def test_names_that_are_no_text_are_kept_readable(store: PairStore) -> None:
    pair = store.add(replace(raw(1), instruction="make\x00 it\ud800 red", group="a\udcff", origin={"path": "x\udcff"}))
    assert pair.instruction == "make it red" and pair.group == "a\\udcff"
    assert store.pair(pair.id) == pair


@dataclass
class Model:
    """What a pair in the store should be."""

    seed: int
    instruction: str
    mask: bool
    enabled: bool = True
    earlier: bool = False


WORDS = st.sampled_from(["one", "two", "three"])


class StoreAgainstList(RuleBasedStateMachine):
    """The store does what a list of records would do."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = PairStore(Path(self.folder.name) / "pairs")
        self.model: dict[str, Model] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    def _key(self, model: Model) -> tuple[int, str, bool]:
        return model.seed, model.instruction, model.mask

    def _known(self) -> dict[tuple[int, str, bool], str]:
        return {self._key(model): identity for identity, model in self.model.items()}

    @rule(seed=st.integers(0, 2), instruction=WORDS, mask=st.booleans())
    def add(self, seed: int, instruction: str, mask: bool) -> None:
        present = self._known().get((seed, instruction, mask))
        if present is None and (seed, instruction, not mask) in self._known():
            with pytest.raises(PairError):  # the same pictures and words, with another mask
                self.store.add(raw(seed, instruction, half_mask() if mask else None))
            return
        pair, new = self.store.put(raw(seed, instruction, half_mask() if mask else None))
        assert new == (present is None)
        assert present in (None, pair.id)
        self.model.setdefault(pair.id, Model(seed, instruction, mask))

    @precondition(lambda self: self.model)
    @rule(data=st.data(), instruction=st.none() | WORDS, enabled=st.none() | st.booleans())
    def edit(self, data: st.DataObject, instruction: str | None, enabled: bool | None) -> None:
        identity = data.draw(st.sampled_from(sorted(self.model)))
        model = self.model[identity]
        wanted = Model(model.seed, instruction or model.instruction, model.mask, model.enabled, model.earlier)
        if wanted.instruction != model.instruction:
            if self._key(wanted) in self._known():
                with pytest.raises(PairError):
                    self.store.edit(identity, instruction=instruction, enabled=enabled)
                return
            wanted.earlier = False
        wanted.enabled = model.enabled if enabled is None else enabled
        pair = self.store.edit(identity, instruction=instruction, enabled=enabled)
        self.model = {pair.id if key == identity else key: value for key, value in self.model.items()}
        self.model[pair.id] = wanted

    @rule(data=st.data(), earlier=st.booleans())
    def mark(self, data: st.DataObject, earlier: bool) -> None:
        chosen = data.draw(st.sets(st.sampled_from([*sorted(self.model), "unknown"])))
        assert self.store.mark_earlier(chosen, earlier) == len(chosen - {"unknown"})
        for identity in chosen & set(self.model):
            self.model[identity].earlier = earlier

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sets(st.sampled_from([*sorted(self.model), "unknown"])))
        assert self.store.remove(chosen) == len(chosen - {"unknown"})
        self.model = {key: value for key, value in self.model.items() if key not in chosen}

    @rule()
    def reopen(self) -> None:
        self.store = PairStore(self.store.folder)

    @invariant()
    def same(self) -> None:
        pairs = self.store.pairs()
        assert [pair.id for pair in pairs] == list(self.model)
        found = [(pair.instruction, bool(pair.mask), pair.enabled, pair.earlier) for pair in pairs]
        assert found == [(m.instruction, m.mask, m.enabled, m.earlier) for m in self.model.values()]
        used = {sha for pair in pairs for sha in (pair.source, pair.target, pair.mask) if sha}
        assert files(self.store) == used
        for pair, model in zip(pairs, self.model.values(), strict=True):
            assert np.array_equal(self.store.picture(pair.source), picture(model.seed))


TestStoreAgainstList = StoreAgainstList.TestCase
TestStoreAgainstList.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_missing_and_damaged_pictures_are_told_and_healed(store: PairStore) -> None:
    first, second = store.add(raw(1)), store.add(raw(2))
    store.path(first.source).unlink()
    store.path(second.target).write_bytes(store.path(second.source).read_bytes())
    listed = {entry.pair.id: entry.problem for entry in store.entries()}
    assert "is missing" in listed[first.id] and not listed[second.id]
    checked = {entry.pair.id: entry.problem for entry in store.verify()}
    assert "is missing" in checked[first.id] and "is damaged" in checked[second.id]
    with pytest.raises(PairError, match="is missing"):
        store.items()[0].read()
    with pytest.raises(PairError, match="is damaged"):
        store.picture(second.target)
    assert store.add(raw(3))  # the others go on
    assert store.remove([first.id, second.id]) == 2
    assert {store.add(raw(1)).source, store.add(raw(2)).target} == {first.source, second.target}
    assert store.verify() == ()


def test_adding_heals_a_damaged_picture(store: PairStore) -> None:
    pair = store.add(raw(1))
    store.path(pair.source).write_bytes(b"")
    store.add(raw(1, "turn the colours round"))
    assert np.array_equal(store.picture(pair.source), picture(1))


def test_a_picture_that_somebody_has_open_goes_later(store: PairStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, kept = store.add(raw(1)), store.add(raw(2))

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".png":
            raise PermissionError(13, "in use", str(path))
        unlink(path, missing_ok)

    unlink = Path.unlink
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        assert store.remove([pair.id]) == 1
    assert store.pairs() == (kept,) and len(files(store)) == 4
    added = store.add(raw(3))
    assert files(store) == {kept.source, kept.target, added.source, added.target}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions bind neither Windows nor root")
def test_a_write_protected_store_can_be_read(store: PairStore) -> None:
    pair = store.add(raw(1))
    store.folder.chmod(0o500)
    (store.folder / ".lock").chmod(0o400)
    try:
        assert store.pairs() == (pair,)
        with pytest.raises(StoreNotWritable):
            store.add(raw(2))
    finally:
        store.folder.chmod(0o700)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreNotWritable, match="cannot be changed"):
        PairStore(tmp_path / "file" / "pairs").add(raw(1))


def test_a_thousand_pairs_are_listed_fast(store: PairStore) -> None:
    store.add(raw(1))
    row = ", ".join(["?"] * 15)
    with sqlite3.connect(store.folder / "pairs.db") as other:
        columns = [name for _, name, *_ in other.execute("PRAGMA table_info(pairs)") if name != "number"]
        values = other.execute(f"SELECT {', '.join(columns)} FROM pairs").fetchone()
        rows = [(f"{number:020}", *values[1:]) for number in range(1000)]
        other.executemany(f"INSERT INTO pairs ({', '.join(columns)}) VALUES ({row})", rows)
    other.close()
    start = time.perf_counter()
    assert len(store.entries()) == 1001
    assert time.perf_counter() - start < 1.0  # 0.03 s on two cores


def test_ids_come_from_the_content_alone(tmp_path: Path) -> None:
    def added(folder: str, one: RawPair) -> Pair:
        return PairStore(tmp_path / folder).add(one)

    assert added("a", raw(1)).id == added("b", replace(raw(1), group="g", origin={})).id
    assert added("c", raw(1, mask=half_mask())).id != added("d", raw(1)).id
