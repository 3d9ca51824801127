"""`palimpsest pairs`: what it prints, its exit codes, and that it needs nothing large."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from tests.training.pairs.made import half_mask, negative, picture, raw
from training.pairs.arguments import READ, WRITTEN
from training.pairs.command import main
from training.pairs.pair import Pair, Rgb
from training.pairs.store import PairStore

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, object]:
        """The last line, which is JSON."""
        return json.loads(self.out.splitlines()[-1])


Run = Callable[..., Ran]


@pytest.fixture
def store(tmp_path: Path) -> PairStore:
    return PairStore(tmp_path / "pairs", patience=1.0)


@pytest.fixture
def run(store: PairStore, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(command: str, *words: str | Path) -> Ran:
        code = main([command, "--store", str(store.folder), *map(str, words)])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def png(path: Path, image: Rgb) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)
    return path


def folder_of(path: Path, count: int) -> Path:
    for n in range(count):
        png(path / "before" / f"{n}.png", picture(n))
        png(path / "after" / f"{n}.png", negative(picture(n)))
    return path


def shown(store: PairStore, pair: Pair) -> dict[str, object]:
    return {
        "id": pair.id,
        "instruction": pair.instruction,
        "source": pair.source,
        "target": pair.target,
        "mask": pair.mask,
        "width": 64,
        "height": 64,
        "group": pair.group,
        "origin": {"kind": "test"},
        "added": pair.added,
        "enabled": True,
        "earlier": False,
        "source_path": str(store.path(pair.source)),
        "target_path": str(store.path(pair.target)),
        "mask_path": str(store.path(pair.mask)) if pair.mask else "",
        "changed_fraction": 1.0,
        "problem": "",
    }


def test_an_empty_list(run: Run) -> None:
    assert run("list", "--json").answer == {"pairs": [], "problems": []}
    assert run("list").code == 0


def test_list_tells_all_of_every_pair(run: Run, store: PairStore) -> None:
    pairs = [store.add(raw(1)), store.add(raw(2, mask=half_mask()))]
    entries = [shown(store, pair) for pair in pairs]
    for entry, pair in zip(entries, pairs, strict=True):
        entry["changed_fraction"] = next(one for one in store.entries() if one.pair == pair).changed_fraction
    assert run("list", "--json").answer == {"pairs": entries, "problems": []}
    assert run("list", "--events").answer == {"event": "done", "pairs": entries, "problems": []}
    assert run("show", pairs[1].id, "--json").answer == {"pair": entries[1]}
    listed = run("list")
    assert listed.code == 0 and all(pair.id in listed.out for pair in pairs) and "2 pairs" in listed.err


def test_a_missing_picture_is_a_problem_and_no_fault(run: Run, store: PairStore) -> None:
    pair = store.add(raw(1))
    store.path(pair.target).unlink()
    answer = run("list", "--json").answer
    assert [("is missing" in str(problem)) for problem in answer["problems"]] == [True]
    assert answer["pairs"][0]["problem"] == answer["problems"][0]
    assert run("check", "--json").answer["problems"] == answer["problems"]


def test_add_one_from_files(run: Run, store: PairStore, tmp_path: Path) -> None:
    source, target = png(tmp_path / "a.png", picture(1)), png(tmp_path / "b.png", negative(picture(1)))
    mask = png(tmp_path / "m.png", half_mask())
    words = ("--source", source, "--target", target, "--mask", mask, "--instruction", "make it a negative")
    first = run("add-one", *words, "--group", "g", "--origin", "kind=editor", "--origin=name=a=b", "--events")
    (pair,) = store.pairs()
    assert first.code == 0
    assert {**first.answer, "pair": pair.id} == {
        "event": "done",
        "added": 1,
        "same": 0,
        "refused": [],
        "pair": pair.id,
    }
    assert (pair.group, pair.origin) == ("g", {"kind": "editor", "name": "a=b"})
    assert (store.picture(pair.source) == picture(1)).all() and (store.picture(pair.mask) == half_mask()).all()
    again = run("add-one", *words, "--json")
    assert (again.code, again.answer["added"], again.answer["same"]) == (0, 0, 1)


def test_add_one_that_is_refused_is_one_sentence(run: Run, store: PairStore, tmp_path: Path) -> None:
    source = png(tmp_path / "a.png", picture(1))
    same = run("add-one", "--source", source, "--target", source, "--instruction", "nothing", "--events")
    assert (same.code, same.out) == (3, "")
    assert same.err.count("\n") == 1 and "identical" in same.err
    gone = run("add-one", "--source", source, "--target", tmp_path / "b.png", "--instruction", "nothing")
    assert gone.code == 3 and "b.png" in gone.err
    assert store.pairs() == ()


def test_add_a_folder(run: Run, store: PairStore, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 3)
    png(folder / "after" / "2.png", picture(2))  # nothing changed
    told = run("add", folder, "--instruction", "make it a negative", "--origin", "who=me", "--events")
    assert told.code == 0
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert all(line["event"] == "progress" and 0 <= line["fraction"] <= 1 for line in lines[:-1])
    assert [line["fraction"] for line in lines[:-1]] == sorted(line["fraction"] for line in lines[:-1])
    done = lines[-1]
    assert (done["event"], done["added"], done["same"]) == ("done", 2, 0)
    (refused,) = done["refused"]
    assert refused["where"] == "2" and "identical" in refused["why"]
    assert all(pair.origin["who"] == "me" for pair in store.pairs())
    again = run("add", folder, "--instruction", "make it a negative")
    assert again.code == 0 and "0 pairs added, 2 there already" in again.out and "Refused 2:" in again.err
    assert run("add", folder, "--instruction", "invert", "--limit", "1", "--json").answer["added"] == 1


def test_where_nothing_can_be_taken(run: Run, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 1)
    png(folder / "after" / "0.png", picture(0))
    assert run("add", folder, "--instruction", "x").code == 3
    events = run("add", folder, "--instruction", "x", "--events")
    assert events.code == 0 and len(events.answer["refused"]) == 1
    nothing = run("add", tmp_path / "nowhere")
    assert nothing.code == 3 and nothing.err.count("\n") == 1
    (tmp_path / "empty").mkdir()
    assert run("add", tmp_path / "empty").code == 3


def test_edit(run: Run, store: PairStore) -> None:
    first, second = store.add(raw(1)), store.add(raw(2))
    off = run("edit", first.id, second.id, "--disable", "--json")
    assert off.code == 0 and [pair["enabled"] for pair in off.answer["pairs"]] == [False, False]
    assert store.items() == ()
    worded = run("edit", first.id, "--instruction=--invert it", "--enable", "--events").answer
    (pair,) = worded["pairs"]
    assert (pair["instruction"], pair["enabled"], worded["event"]) == ("--invert it", True, "done")
    assert store.pairs()[0].id == pair["id"] != first.id
    assert run("edit", "unknown", "--enable").code == 3
    assert run("edit", second.id, "--instruction", " ").code == 3


def test_remove(run: Run, store: PairStore) -> None:
    pair, kept = store.add(raw(1)), store.add(raw(2))
    assert run("remove", "--json", pair.id, pair.id).answer == {"removed": 1}
    assert store.pairs() == (kept,)


@pytest.mark.parametrize("command", ["remove", "earlier", "edit"])
def test_an_unknown_id_changes_nothing(run: Run, store: PairStore, command: str) -> None:
    pair = store.add(raw(1))
    words = ["--disable"] if command == "edit" else []
    told = run(command, pair.id, "nope", *words)
    assert (told.code, told.out) == (3, "") and told.err.count("\n") == 1 and "'nope'" in told.err
    assert "`palimpsest pairs list`" in told.err and store.pairs() == (pair,)


def test_the_beginning_of_an_id(run: Run, store: PairStore, tmp_path: Path) -> None:
    pair, other = store.add(raw(1)), store.add(raw(2))
    short = pair.id[:4]
    assert run("show", short, "--json").answer["pair"]["id"] == pair.id
    assert run("show", pair.id[:3]).code == 3
    assert run("export", tmp_path / "out", "--id", short, "--json").answer["exported"] == 1
    assert run("earlier", short, "--json").answer == {"marked": 1}
    assert run("edit", short, "--disable", "--json").answer["pairs"][0]["id"] == pair.id
    assert run("remove", short, "--json").answer == {"removed": 1} and store.pairs() == (other,)


@pytest.mark.parametrize("command", ["show", "remove", "earlier", "edit", "export"])
def test_a_beginning_that_several_ids_have(
    run: Run, store: PairStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("training.pairs.store._identity", lambda pair: f"abcdef{pair.source[:8]}")
    store.add(raw(1)), store.add(raw(2))
    pairs = store.pairs()
    words = {"edit": ["abcdef", "--disable"], "export": [tmp_path / "out", "--id", "abcdef"]}.get(command, ["abcdef"])
    told = run(command, *words)
    assert (told.code, told.out) == (2, "") and store.pairs() == pairs
    assert told.err == "2 pairs have ids that begin with 'abcdef': give more of the id.\n"


def test_an_edit_tells_the_new_id_beside_the_old_one(run: Run, store: PairStore) -> None:
    pair, other = store.add(raw(1)), store.add(raw(2))
    told = run("edit", pair.id[:8], other.id, "--instruction", "invert it")
    new, second = (one.id for one in store.pairs())
    assert told.out == f"{new}\n{second}\n"
    assert told.err == f"{pair.id} is now {new}\n{other.id} is now {second}\n"
    assert run("edit", new, "--disable").err == "" == run("edit", new, "--instruction", "x", "--json").err


def test_an_edit_with_nothing_to_change(run: Run, store: PairStore) -> None:
    pair = store.add(raw(1))
    told = run("edit", pair.id)
    assert (told.code, told.out) == (2, "") and "give --instruction, --enable or --disable" in told.err


def test_two_pairs_that_would_be_alike(run: Run, store: PairStore) -> None:
    first, second = store.add(raw(1)), store.add(raw(1, "invert it"))
    told = run("edit", second.id, "--instruction", first.instruction)
    assert told.code == 3 and f"The pair {first.id} has this instruction" in told.err
    assert store.pairs() == (first, second)
    both = run("edit", first.id, second.id, "--instruction", "make it blue")
    changed = store.pairs()[0]
    assert (both.code, both.err.splitlines()[0]) == (3, f"{first.id} is now {changed.id}")
    assert f"The pair {changed.id} has this instruction" in both.err


def test_what_was_not_checked_for_a_shift_is_said(run: Run, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 2)
    (folder / "instruction.txt").write_text("make it a shifted negative, and Crop it")
    source = png(tmp_path / "a.png", picture(5))
    one = ("--source", source, "--target", png(tmp_path / "b.png", negative(picture(5))))
    said = "not checked for pictures that are shifted"
    assert run("add", folder).err == f"2 pairs were {said}: their instructions speak of moving (crop).\n"
    assert run("add", folder).err == ""  # there already
    added = run("add-one", *one, "--instruction", "zoom and pan")
    assert added.err == f"1 pair was {said}: its instruction speaks of moving (pan, zoom).\n"
    assert added.out.count("\n") == 1
    assert run("add-one", *one, "--instruction", "invert it").err == ""
    assert run("add", folder, "--instruction", "x", "--json").err == ""


def test_a_given_instruction_that_is_not_used_is_said(run: Run, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 3)
    assert run("add", folder, "--instruction", "invert it").err == ""
    (folder / "after" / "1.txt").write_text("make it a negative")
    told = run("add", folder, "--instruction", "invert it")
    assert told.err == "1 pair has and keeps its own instruction: --instruction is for pairs that have none.\n"
    (folder / "after" / "2.txt").write_text("make it a negative")
    told = run("add", folder, "--instruction", "invert it")
    assert told.err == "2 pairs have and keep their own instruction: --instruction is for pairs that have none.\n"


def test_a_long_instruction_is_shortened_in_a_list(run: Run, store: PairStore) -> None:
    long = "make it " + "very " * 300 + "dark"
    pair = store.add(raw(1, long))
    (line,) = run("list").out.splitlines()
    assert len(line) < 140 and "make it very" in line and "..." in line
    assert run("list", "--json").answer["pairs"][0]["instruction"] == long
    assert long in run("show", pair.id).out


def test_help_and_advice_name_the_program_as_it_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["add"], ["edit", "--help"]):
        with pytest.raises(SystemExit):
            main(words)
        captured = capsys.readouterr()
        assert (captured.out + captured.err).startswith("usage: palimpsest pairs ")
    files = (ROOT / "training" / "pairs").rglob("*.py")
    assert not [file for file in files if "python -m training" in file.read_text(encoding="utf-8")]


def test_all_forms_can_be_asked_for() -> None:
    from training.pairs.readers import READERS
    from training.pairs.writers import WRITERS

    assert tuple(reader.name for reader in READERS) == READ
    assert tuple(writer.name for writer in WRITERS) == WRITTEN


def test_earlier_by_id_and_by_run(run: Run, store: PairStore, tmp_path: Path) -> None:
    pairs = [store.add(raw(n)) for n in range(3)]
    assert run("earlier", pairs[0].id, "--json").answer == {"marked": 1}
    (tmp_path / "run.json").write_text(json.dumps({"train": [pairs[1].id, "gone"], "held_out": [pairs[2].id]}))
    assert run("earlier", "--run", tmp_path, "--events").answer == {"event": "done", "marked": 1}
    assert [pair.earlier for pair in store.pairs()] == [True, True, False]
    assert run("earlier", "--undo", *(pair.id for pair in pairs)).code == 0
    assert not any(pair.earlier for pair in store.pairs())
    assert run("earlier", "--run", tmp_path / "nowhere").code == 3


@pytest.mark.parametrize("format", ["folder", "imagefolder", "webdataset"])
def test_what_is_exported_comes_back(run: Run, store: PairStore, tmp_path: Path, format: str) -> None:
    pairs = [store.add(raw(1)), store.add(raw(2, mask=half_mask()))]
    store.edit(pairs[0].id, enabled=False)
    target = tmp_path / "out"
    told = run("export", target, "--format", format, "--events")
    assert told.answer == {"event": "done", "exported": 2, "path": str(target)}
    other = PairStore(tmp_path / "other")
    assert main(["add", str(target), "--store", str(other.folder), "--json"]) == 0
    assert {pair.id for pair in other.pairs()} == {pair.id for pair in pairs}
    again = run("export", target, "--format", format)
    assert again.code == 5 and "is there already" in again.err
    chosen = run("export", tmp_path / "one", "--format", format, "--id", pairs[0].id, "--json")
    assert chosen.answer["exported"] == 1
    assert run("export", tmp_path / "on", "--format", format, "--enabled", "--json").answer["exported"] == 1


def test_exports_that_cannot_be(run: Run, store: PairStore, tmp_path: Path) -> None:
    assert run("export", tmp_path / "out").code == 3  # no pairs
    store.add(raw(1))
    assert run("export", tmp_path / "out", "--id", "unknown").code == 3
    assert not (tmp_path / "out").exists()


def test_readers_are_listed(run: Run) -> None:
    answer = run("readers", "--json").answer
    assert {"folder", "suffixes", "parquet"} <= {one["name"] for one in answer["readers"]}
    assert {one["name"] for one in answer["writers"]} == {"folder", "imagefolder", "webdataset"}
    assert "folder" in run("readers").out


def test_a_store_that_cannot_be_used(run: Run, store: PairStore) -> None:
    store.folder.mkdir()
    (store.folder / "pairs.db").write_bytes(b"rubbish" * 1000)
    damaged = run("list", "--json")
    assert (damaged.code, damaged.out) == (3, "") and "is damaged" in damaged.err and damaged.err.count("\n") == 1


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    source = png(tmp_path / "a.png", picture(1))
    target = png(tmp_path / "b.png", negative(picture(1)))
    words = ["--source", str(source), "--target", str(target), "--instruction", "x", "--store", str(tmp_path / "file")]
    assert main(["add-one", *words]) == 5
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["show"],
        ["add-one"],
        ["add", "x", "--origin", "novalue"],
        ["add", "x", "--format", "nonsense"],
        ["export", "x", "--format", "nonsense"],
        ["edit", "x", "--enable", "--disable"],
    ],
)
def test_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_the_users_own_store_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    PairStore(tmp_path / "pairs").add(raw(1))
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["list"]) == 0
    assert "make it a negative" in output.getvalue()


def python(program: str, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


START = "import sys; from training.pairs.command import main; sys.exit(main(sys.argv[1:]))"


def test_the_end_of_the_input_cancels(tmp_path: Path, store: PairStore) -> None:
    folder = folder_of(tmp_path / "photos", 4)
    words = ["add", str(folder), "--instruction", "x", "--store", str(store.folder), "--events"]
    slow = (
        "import time; from training.pairs.store import PairStore; PairStore.put = lambda self, raw: time.sleep(0.3)\n"
    )
    ended = python(slow + START, *words, input="")  # a pipe that ends at once
    assert ended.returncode == 130 and "Cancelled" in ended.stderr
    assert not any(json.loads(line)["event"] == "done" for line in ended.stdout.splitlines())


def test_the_command_and_the_store_import_nothing_large(tmp_path: Path) -> None:
    program = (
        "import sys; from training.pairs.command import main; main(sys.argv[1:])\n"
        "import training.pairs.readers, training.pairs.writers\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = python(program, "list", "--json", "--store", str(tmp_path / "none"))
    assert run.returncode == 0
    loaded = {name.split(".")[0] for name in run.stderr.split()}
    large = {"torch", "diffusers", "transformers", "accelerate", "peft", "pyarrow", "onnxruntime", "PySide6", "skia"}
    assert loaded.isdisjoint({*large, "editor", "datasets", "rich"})
