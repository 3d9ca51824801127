"""WebDataset shards."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees
from training.pairs.readers import pictures


def test_pairs_of_several_shards(tmp_path: Path) -> None:
    trees.tar(tmp_path / "s" / "0.tar", [*trees.sample("a", "one"), *trees.sample("b", "two", 5)])
    trees.tar(tmp_path / "s" / "1.tar", trees.sample("dir.v1/c.d.e", "three", 9))
    pairs, refused = trees.read(tmp_path / "s")
    assert not refused
    assert [(pair.instruction, pair.origin["key"]) for pair in pairs] == [
        ("one", "a"),
        ("two", "b"),
        ("three", "dir.v1/c.d.e"),
    ]
    assert np.array_equal(pairs[1].source, trees.noise(5)) and np.array_equal(pairs[1].target, trees.noise(6))
    assert len(trees.read(tmp_path / "s" / "1.tar")[0]) == 1


def test_words_in_json_masks_and_other_names_of_the_sides(tmp_path: Path) -> None:
    words = {"edit_prompt": "make it blue", "group": "photo 7", "caption": "a cat", "width": 16}
    entries = [
        ("k.json", json.dumps(words).encode()),
        ("k.input.jpg", trees.encoded(trees.smooth(1), "JPEG")),
        ("k.Edited_Image.WEBP", trees.encoded(trees.smooth(2), "WEBP")),
        ("k.mask.png", trees.encoded(np.full((16, 24), 255, np.uint8))),
        ("k.cls", b"3"),
    ]
    (pair,), refused = trees.read(trees.tar(tmp_path / "a.tar", entries))
    assert not refused
    assert (pair.instruction, pair.group, pair.origin["caption"]) == ("make it blue", "photo 7", "a cat")
    assert pair.mask is not None and pair.mask.min() == 255


def odd(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_links_devices_and_names_that_lead_out_touch_nothing(tmp_path: Path) -> None:
    secret = trees.save(tmp_path / "secret.png", trees.noise(1))
    entries = [
        ("README.txt", b"hello"),
        *trees.sample("../../up"),
        *trees.sample(f"{tmp_path}/root"),
        odd("link.before.png", tarfile.SYMTYPE, str(secret)),
        odd("link.after.png", tarfile.LNKTYPE, "../secret.png"),
        odd("dev.before.png", tarfile.CHRTYPE),
        odd("pipe.before.png", tarfile.FIFOTYPE),
        odd("folder", tarfile.DIRTYPE),
        *trees.sample("last"),
    ]
    before = sorted(tmp_path.parent.rglob("*"))
    path = trees.tar(tmp_path / "a.tar", entries)
    pairs, refused = trees.read(path)
    assert [pair.origin["key"] for pair in pairs] == ["../../up", f"{tmp_path}/root", "last"]
    assert not refused
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, path])


def test_broken_samples_are_refused_and_the_others_come(tmp_path: Path) -> None:
    whole = trees.sample("x")
    entries = [
        *trees.sample("a"),
        ("b.before.png", whole[0][1]),
        ("b.txt", b"x"),
        ("c.before.png", b"broken"),
        ("c.after.png", whole[1][1]),
        ("c.txt", b"x"),
        ("d.before.png", whole[0][1]),
        ("d.source.png", whole[0][1]),
        *((f"e.{name}", data) for (_, data), name in zip(whole, ("before.png", "after.png", "json"), strict=True)),
        *((f"f.{name}", data) for (_, data), name in zip(whole, ("before.png", "after.png", "x"), strict=True)),
        *((f"g.{name}", data) for (_, data), name in zip(whole, ("before.png", "after.png", "x"), strict=True)),
        ("g.json", b"[1]"),
        *trees.sample("z"),
    ]
    pairs, refused = trees.read(trees.tar(tmp_path / "t.tar", entries))
    assert [pair.origin["key"] for pair in pairs] == ["a", "z"]
    why = {one.where.removeprefix("t.tar: "): one.why for one in refused}
    assert set(why) == set("bcdefg")
    assert why["b"].startswith("It has no picture after: a pair is")
    assert why["c"].startswith("c.before.png is no picture")
    assert why["d"] == "It has two entries for one part (d.before.png and d.source.png): keep one of them."
    assert why["e"] == "e.json is not valid JSON."
    assert "no instruction" in why["f"]
    assert why["g"] == "g.json holds no JSON object."


@pytest.mark.parametrize("blocks", [8, 9, 10, 13, 16])  # a pair takes 8 blocks; 16 is without the end alone
def test_a_damaged_shard_gives_what_comes_before_and_the_next_shards(tmp_path: Path, blocks: int) -> None:
    first = trees.tar(tmp_path / "s" / "0.tar", [*trees.sample("a"), *trees.sample("b")])
    data = first.read_bytes()
    (tmp_path / "s" / "0.tar").write_bytes(data[: 512 * blocks])
    trees.tar(tmp_path / "s" / "1.tar", trees.sample("c"))
    (tmp_path / "s" / "2.tar").write_bytes(b"no tar at all" * 100)
    pairs, refused = trees.read(tmp_path / "s")
    assert [pair.origin["key"] for pair in pairs] == (["a", "b", "c"] if blocks == 16 else ["a", "c"])
    assert {one.where for one in refused} >= {"0.tar", "2.tar"}


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST_FILE", 1 << 20)
    entries = [
        ("a.before.png", bytes((1 << 20) + 1)),
        *trees.sample("a")[1:],
        ("b.before.png", b""),
        *trees.sample("c"),
    ]
    pairs, refused = trees.read(trees.tar(tmp_path / "t.tar", entries))
    assert [pair.origin["key"] for pair in pairs] == ["c"]
    assert refused[0].why == "a.before.png is larger than 1 MB, so it is left out."
