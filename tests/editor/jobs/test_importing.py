"""From a source to an installed model, with a stand-in for the training package that speaks its words."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from editor.core.errors import OutputNotWritable, UsageError
from editor.jobs import importing, training
from editor.jobs.importing import UNTOLD, Found, Importer, Lora, Wishes
from inference.errors import Cancelled, PackageError
from inference.import_report import read_report
from inference.package import verify_package
from inference.store import ModelStore
from inference.types import CancelToken
from tests.tiny_package import write_tiny_package

FAKE = (sys.executable, str(Path(__file__).with_name("fake_training.py")))


@pytest.fixture
def importer(tmp_path: Path) -> Importer:
    return Importer(ModelStore(tmp_path / "user", tmp_path / "bundled"), FAKE)


def source(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / "sources" / name
    folder.mkdir(parents=True)
    return folder


def left(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "user").glob("*")} - {".lock"}


def add(importer: Importer, path: Path, wishes: Wishes | None = None) -> list[tuple[str, float]]:
    told: list[tuple[str, float]] = []
    found = importer.look(path, CancelToken())
    importer.add(found, wishes or Wishes(), lambda stage, share: told.append((stage, share)), CancelToken())
    return told


def test_a_source_is_looked_at(importer: Importer, tmp_path: Path) -> None:
    path = source(tmp_path, "photos")
    found = importer.look(path, CancelToken())
    assert found == Found(path, "diffusers", "photos", "MIT", 123456, 5000)
    assert found.what == "a model as a diffusers folder"


@pytest.mark.parametrize("name", ["unknown", "missing"])
def test_what_is_no_model_is_told(importer: Importer, tmp_path: Path, name: str) -> None:
    path = tmp_path / "missing" if name == "missing" else source(tmp_path, name)
    with pytest.raises(PackageError, match="no model"):
        importer.look(path, CancelToken())


def test_an_import_is_installed_with_its_report(importer: Importer, tmp_path: Path) -> None:
    told = add(importer, source(tmp_path, "photos"))
    (package,) = importer.store.list()
    assert package.folder == tmp_path / "user" / "photos"
    verify_package(package)
    report = read_report(package.folder)
    assert report is not None and report.worst == 2e-5 and report.seconds == 1.5
    assert [stage for stage, _ in told if stage != "checking"] == ["load", "unet", "unet parity", "done"]
    assert [share for _, share in told] == sorted(share for _, share in told) and told[-1][1] == 1
    assert left(tmp_path) == {"photos"}


def test_wishes_reach_the_import(importer: Importer, tmp_path: Path) -> None:
    lora = tmp_path / "my lora.safetensors"
    wishes = Wishes("mine", "CC0", (Lora(lora, 0.75), Lora(lora)), few_steps=True, config=tmp_path)
    add(importer, source(tmp_path, "notes"), wishes)
    report = read_report(importer.store.find("mine").folder)
    assert report is not None
    (words,) = report.notes
    assert words.endswith(
        f"--name mine --events --licence CC0 --config {tmp_path} --lora {lora}:0.75 --lora {lora}:1 --few-steps"
    )


def test_a_finished_model_is_copied_without_any_process(tmp_path: Path, tiny_package: Path) -> None:
    importer = Importer(ModelStore(tmp_path / "user", tmp_path / "bundled"), ("no-such-program",))
    told = add(importer, tiny_package)
    assert importer.store.find("tiny").folder == tmp_path / "user" / "tiny"
    assert told[0][0] == "copying" and told[-2:] == [("copying", 1.0), ("done", 1.0)]
    for wishes in (Wishes("other"), Wishes(loras=(Lora(tmp_path),)), Wishes(few_steps=True)):
        with pytest.raises(UsageError, match="finished model"):
            importer.check(importer.look(tiny_package, CancelToken()), wishes)


def test_a_damaged_finished_model_says_so(importer: Importer, tiny_package: Path) -> None:
    (tiny_package / "unet/model.onnx").unlink()
    with pytest.raises(PackageError, match="missing"):
        importer.look(tiny_package, CancelToken())


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("broken", PackageError, "damaged: fetch it again"),
        ("disk", OutputNotWritable, "disk is full"),
        ("crash", PackageError, "unexpectedly .exit code 1: RuntimeError: a fault"),
        ("wrong", PackageError, "text-to-image"),
        ("lora", UsageError, "--lora"),
        ("huge", PackageError, "make room"),
    ],
)
def test_a_failure_is_one_sentence_and_leaves_nothing(
    importer: Importer, tmp_path: Path, name: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        add(importer, source(tmp_path, name))
    assert left(tmp_path) == set() and importer.store.list() == ()


def test_a_name_that_is_taken_is_told_before_the_work(importer: Importer, tmp_path: Path) -> None:
    add(importer, source(tmp_path, "photos"))
    with pytest.raises(PackageError, match="installed already"):
        add(importer, source(tmp_path, "Photos"))
    with pytest.raises(UsageError, match="cannot be named"):
        add(importer, source(tmp_path, "other"), Wishes(name="../up"))


def test_the_same_under_another_name_takes_no_room(importer: Importer, tmp_path: Path) -> None:
    add(importer, source(tmp_path, "photos"))
    add(importer, source(tmp_path, "second"))
    usages = {folder.name: usage for folder, usage in importer.store.usages().items()}
    assert usages["second"].shared > 0.8 * usages["second"].bytes


def test_without_the_training_packages_it_says_what_to_install(
    importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "TRAINING_PACKAGES", ("no_such_package",))
    with pytest.raises(PackageError, match="pip install"):
        add(importer, source(tmp_path, "torch"))
    add(importer, source(tmp_path, "photos"))
    with pytest.raises(PackageError, match="pip install"):
        add(importer, source(tmp_path, "other"), Wishes(loras=(Lora(tmp_path),)))


def test_a_file_without_vocabulary_takes_that_of_a_model_at_hand(importer: Importer, tmp_path: Path) -> None:
    def words() -> str:
        (name,) = {package.name for package in importer.store.list() if package.name.startswith("notes")}
        report = read_report(importer.store.find(name).folder)
        importer.store.remove(name)
        assert report is not None
        return report.notes[0]

    file = tmp_path / "sources" / "notes.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"")
    other = write_tiny_package(tmp_path / "user" / "other", name="other", manifest=False)
    add(importer, file)
    assert "--config" not in words()  # the one at hand is not CLIP's
    vocabulary = other / "tokenizer" / "vocab.json"
    vocabulary.write_text(json.dumps({str(token): token for token in range(importing.CLIP_TOKENS)}))
    add(importer, file)
    assert f"--config {other}" in words()
    (file.parent / "vocab.json").write_text("{}")
    add(importer, file)
    assert "--config" not in words()  # the import finds this one


@pytest.mark.parametrize("name", ["slow", "deaf"])
def test_cancelled_it_ends_soon_and_leaves_nothing(
    importer: Importer, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "GRACE_SECONDS", 0.3)
    found = importer.look(source(tmp_path, "photos"), CancelToken())
    path = source(tmp_path, name)
    found = Found(path, found.kind, name, "MIT", 1, 1)
    cancel = CancelToken()
    threading.Timer(0.5, cancel.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        importer.add(found, Wishes(), lambda stage, share: None, cancel)
    assert time.monotonic() - start < 10 and left(tmp_path) == set()


@pytest.mark.parametrize("stage", ["load", "unet parity", "checking", "copying"])
def test_it_can_be_cancelled_at_every_stage(importer: Importer, tmp_path: Path, tiny_package: Path, stage: str) -> None:
    cancel = CancelToken()

    def show(now: str, share: float) -> None:
        if now == stage:
            cancel.cancel()

    found = importer.look(tiny_package if stage == "copying" else source(tmp_path, "photos"), cancel)
    with pytest.raises(Cancelled):
        importer.add(found, Wishes(), show, cancel)
    assert left(tmp_path) == set()


def test_another_store_leaves_an_import_alone(importer: Importer, tmp_path: Path) -> None:
    seen: list[set[str]] = []

    def show(stage: str, share: float) -> None:
        ModelStore(tmp_path / "user", tmp_path / "bundled")
        seen.append(left(tmp_path))

    found = importer.look(source(tmp_path, "photos"), CancelToken())
    importer.add(found, Wishes(), show, CancelToken())
    assert all(any(name.startswith(".adding-") for name in names) for names in seen[:-1])
    assert left(tmp_path) == {"photos"}


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    importer = Importer(ModelStore(tmp_path / "user", tmp_path / "bundled"), ("/no/such/program",))
    with pytest.raises(PackageError, match="cannot be started"):
        importer.look(source(tmp_path, "photos"), CancelToken())


def test_fetching_asks_and_then_fetches(importer: Importer, tmp_path: Path) -> None:
    plan = importer.plan("hub:a/b", CancelToken())
    assert (plan.host, plan.name, plan.licence, plan.bytes, plan.files) == ("example.com", "b", "MIT", 2000, 1)
    folder = importing.download_folder(tmp_path / "downloads", "hub:a/b")
    told: list[tuple[str, float]] = []
    path = importer.fetch("hub:a/b", folder, lambda stage, share: told.append((stage, share)), CancelToken())
    assert path == folder / "b" and told == [("fetch a", 0.5)]
    assert importing.download_folder(tmp_path, "hub:a/b") != importing.download_folder(tmp_path, "hub:a-b")


@pytest.mark.parametrize(
    ("source", "host"),
    [("hub:a/b", "huggingface.co"), ("https://user@example.com:8/x", "example.com:8"), ("/a/b", ""), ("C:\\x", "")],
)
def test_what_is_on_the_network(source: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert importing.is_remote(source) == bool(host)
    if host:
        assert importing.host_of(source) == host
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert importing.host_of("hub:a/b") == "mirror.example"


@pytest.mark.parametrize("kind", ["finished", "photos"])
def test_a_model_that_was_added_is_made_ready(tmp_path: Path, kind: str) -> None:
    ready, store = list[Path](), ModelStore(tmp_path / "user", tmp_path / "bundled")
    importer = Importer(store, FAKE, lambda folder, cancel: ready.append(folder))
    path = write_tiny_package(tmp_path / "finished") if kind == "finished" else source(tmp_path, kind)
    told = add(importer, path)
    (package,) = store.list()
    assert ready == [package.folder]
    assert told[-2:] == [("ready", UNTOLD), ("done", 1.0)] and all(share >= 0 for _, share in told[:-2])


@pytest.mark.parametrize("error", [Cancelled(), PackageError("It does not fit."), OSError("no process")])
def test_one_that_does_not_get_ready_is_added_all_the_same(tmp_path: Path, error: Exception) -> None:
    def fail(folder: Path, cancel: CancelToken) -> None:
        raise error

    store = ModelStore(tmp_path / "user", tmp_path / "bundled")
    told = add(Importer(store, FAKE, fail), source(tmp_path, "photos"))
    assert len(store.list()) == 1 and told[-1] == ("done", 1.0)
