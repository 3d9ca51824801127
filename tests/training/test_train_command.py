"""`python -m training train`: what goes wrong is one sentence and an exit code, and leaves nothing half done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from inference.file_lock import FileLock
from tests.training.tiny_training import base_in, fill_store, golden, picture, train
from training import samples, train_command
from training.choosing import choose, problems
from training.items import Item
from training.pairs.pair import RawPair
from training.pairs.store import PairStore
from training.runs import Run
from training.train_command import main

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits of more pictures would take most of the time."""
    monkeypatch.setattr(samples, "MOST", 1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_in(tmp_path_factory.getbasetemp())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    fill_store(tmp_path / "pairs")
    return tmp_path / "pairs"


def _fails(words: list[str], code: int, why: str, said: Said) -> None:
    said.readouterr()
    assert main(words) == code
    error = said.readouterr().err
    assert error.count("\n") == 1 and why in error and "Traceback" not in error, error


def test_what_cannot_be_is_told_before_anything_begins(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    run, known = str(tmp_path / "run"), ["--model", str(base), "--store", str(store)]
    _fails([run, *known, "--recipe", "quick"], 2, "no recipe 'quick'", capsys)
    _fails([run, *known, "--set", "speed=1"], 2, "no setting 'speed'", capsys)
    _fails([run, *known, "--resume"], 2, "no training in", capsys)
    _fails(["--resume"], 2, "Name the folder", capsys)
    _fails([run, *known, "--name", "a/b"], 2, "cannot be named", capsys)
    _fails([run, "--model", str(tmp_path / "nothing"), "--store", str(store)], 4, "no model", capsys)
    _fails([run, "--model", str(base), "--store", str(tmp_path / "nothing")], 3, "no pairs in", capsys)
    _fails([run, "--model", str(base), "--pairs", str(tmp_path / "nothing")], 3, "is not there", capsys)
    _fails([run, *known, "--device", "cuda"], 4, "no graphics card", capsys)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_told(
    base: Path, store: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ["--model", str(base), "--store", str(store)]
    (tmp_path / "file").write_text("mine")
    _fails([str(tmp_path / "file"), *known], 2, "is a file", capsys)
    _fails([str(tmp_path / "file" / "run"), *known], 5, "Nothing can be written in", capsys)

    def refuses(self: FileLock) -> FileLock:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileLock, "__enter__", refuses)
    (tmp_path / "run").mkdir()
    capsys.readouterr()
    assert main([str(tmp_path / "run"), *known, "--device", "cpu"]) == 5
    assert "Nothing can be written in" in capsys.readouterr().err


def test_no_steps_are_no_training(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "run"), "--model", str(base), "--store", str(store), "--steps", "0"])
    assert "has to be 1 or more" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_pairs_that_are_all_refused_are_told(base: Path, tmp_path: Path, capsys: Said) -> None:
    folder = tmp_path / "same"
    folder.mkdir()
    for part in ("before", "after"):
        Image.fromarray(picture(1)).save(folder / f"a_{part}.png")
    (folder / "a.txt").write_text("make it the same")
    assert main([str(tmp_path / "run"), "--model", str(base), "--pairs", str(folder), "--device", "cpu"]) == 3
    assert f"There is no pair to learn from in {folder}" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_it_will_do_is_said_first(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    assert train(tmp_path / "run", base, store, "--steps", "2") == 0
    assert "pairs to learn from" in capsys.readouterr().err.splitlines()[0]


def test_a_folder_that_is_taken_is_left_alone(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    known = ["--model", str(base), "--store", str(store)]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    _fails([str(tmp_path / "mine"), *known], 2, "not empty", capsys)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    _fails([str(tmp_path / "run"), *known], 2, "holds a training already", capsys)
    with Run(tmp_path / "run").lock():
        _fails([str(tmp_path / "run"), "--resume", "--device", "cpu"], 2, "being trained by another process", capsys)
    _fails([str(tmp_path / "mine" / "letter.txt" / "run"), *known], 5, "Nothing can be written", capsys)


def test_a_picture_that_is_gone_is_told(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    for path in (store / "pictures").rglob("*.png"):
        path.unlink()
    words = [str(tmp_path / "run"), "--model", str(base), "--store", str(store), "--set", "held_out=0"]
    assert main(words) == 3
    error = capsys.readouterr().err.splitlines()
    assert str(store) in error[-1] and not any("Traceback" in line for line in error)


def test_a_finished_training_is_done_when_it_is_resumed(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    capsys.readouterr()
    assert main([str(tmp_path / "run"), "--resume", "--device", "cpu", "--events"]) == 0
    assert '"event": "done"' in capsys.readouterr().out.splitlines()[-1]


def test_pairs_from_a_folder_are_taken_into_the_run(base: Path, tmp_path: Path, capsys: Said) -> None:
    from PIL import Image

    folder = tmp_path / "mine"
    for part in ("before", "after"):
        (folder / part).mkdir(parents=True)
    for number in range(3):
        source = picture(number)
        Image.fromarray(source).save(folder / "before" / f"{number}.png")
        Image.fromarray(golden(source)).save(folder / "after" / f"{number}.png")
        (folder / "after" / f"{number}.txt").write_text("make it golden")
    words = ["--model", str(base), "--pairs", str(folder), "--device", "cpu", "--recipe", "starter", "--set", "size=64"]
    assert main([str(tmp_path / "run"), *words, "--steps", "1"]) == 0
    sheet = Run(tmp_path / "run").sheet()
    assert len(sheet.train) + len(sheet.held_out) == 3 and sheet.store == str(tmp_path / "run" / "pairs")
    for path in folder.rglob("*.png"):
        path.unlink()
    capsys.readouterr()
    assert main([str(tmp_path / "run"), "--resume", "--device", "cpu"]) == 0  # without the folder


def test_without_pytorch_it_says_how_to_get_it(
    base: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.delitem(sys.modules, "training.train_work", raising=False)
    monkeypatch.delitem(sys.modules, "training.libraries", raising=False)
    for name in [name for name in sys.modules if name.startswith("training.") and "export" not in name]:
        module = sys.modules[name]
        if getattr(module, "torch", None) is not None:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    words = [str(tmp_path / "run"), "--model", str(base), "--store", str(store)]
    _fails(words, 4, "pip install 'palimpsest[train]'", capsys)
    assert not (tmp_path / "run").exists()


def test_a_name_is_made_up_where_none_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    wishes = train_command.wishes_of(train_command.parser().parse_args(["--model", "starter"]))
    assert wishes.run.folder.parent == tmp_path / "runs" and wishes.name.startswith("starter-2")
    named = train_command.wishes_of(train_command.parser().parse_args(["--model", "starter", "--name", "dusk"]))
    assert named.run.folder == tmp_path / "runs" / "dusk" and named.name == "dusk"


def test_pairs_that_were_learnt_before_are_replayed(tmp_path: Path) -> None:
    store = fill_store(tmp_path / "pairs", photos=6)
    everything = [pair.id for pair in store.pairs()]
    store.mark_earlier(everything[:3])
    store.edit(everything[3], enabled=False)
    choice = choose(store, held_out=0.0)
    assert _ids(choice.train) == everything[4:] and _ids(choice.earlier) == everything[:3] and choice.held_out == ()
    store.mark_earlier(everything)
    assert _ids(choose(store, held_out=0.0).train) == [*everything[:3], *everything[4:]]


def _ids(items: tuple[Item, ...]) -> list[str]:
    return [item.id for item in items]


def test_held_out_photos_are_in_no_other_part(tmp_path: Path) -> None:
    store = PairStore(tmp_path / "pairs")
    for number in range(8):
        source = picture(number)
        for text in ("make it golden", "make it darker"):
            target = golden(source) if "golden" in text else source // 2
            store.add(RawPair(text, source, target, group=f"photo {number}"))
    store.mark_earlier([pair.id for pair in store.pairs() if "darker" in pair.instruction])
    choice = choose(store, held_out=0.3)
    groups = [{item.group for item in items} for items in (choice.train, choice.held_out, choice.earlier)]
    assert choice.held_out and not groups[1] & (groups[0] | groups[2]) and groups[2]


def test_problems_are_told(tmp_path: Path) -> None:
    store = PairStore(tmp_path / "pairs")
    source = picture(0)
    store.add(RawPair("make it golden", source, golden(source)))
    found = problems(choose(store, 0.1))
    assert len(found) == 2 and "one photo" in found[0] and "only 1 pair " in found[1]
