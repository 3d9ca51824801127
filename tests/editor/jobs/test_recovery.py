"""Records of open documents, over the end of one program and the start of the next."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from editor.core.changes import Fill, SetProperty
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.journal import Journal, Recovered, recoverable
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.edits.apply import layer_of, shown
from editor.edits.background import InlineBackground
from editor.edits.open_document import OpenDocument
from editor.edits.recipe import Recipe
from editor.edits.region import Region
from editor.edits.settings import EditSettings
from editor.edits.stored import restored
from editor.edits.values import VariantItem
from editor.jobs.background import Background
from editor.jobs.recovery import Recovery

RECT = Rect(0, 0, 120, 90)
RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)


class Program:
    """What recovery needs of one."""

    def __init__(self, folder: Path, background: Any = None, seconds: float = 0.02) -> None:
        self.folder, self.background = folder, background or InlineBackground()
        self.recovery = Recovery(folder, self.background, seconds)
        self.documents: tuple[OpenDocument, ...] = ()
        self.recovery.watch(lambda: self.documents)

    def open(self, title: str = "a.ora") -> OpenDocument:
        pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 4), np.uint8)
        layer = RasterLayer(name="photo", plane=TileMap.of(pixels))
        opened = OpenDocument(History(Document(120, 90, (layer,), layer.id)), Path("/home/a") / title)
        self.documents = (*self.documents, opened)
        return opened

    def close(self, opened: OpenDocument) -> None:
        self.documents = tuple(other for other in self.documents if other is not opened)
        opened.close()

    def find(self) -> list[Recovered]:
        found: list[Recovered] = []
        self.recovery.find(found.extend)
        return found

    def adopt(self, recovered: Recovered) -> OpenDocument:
        opened = OpenDocument(recovered.history, recovered.path, recovered.title, saved=False)
        self.recovery.adopt(opened, recovered)
        self.documents = (*self.documents, opened)
        return opened

    def crash(self) -> None:
        self.recovery.close(discard=False)

    @property
    def records(self) -> int:
        return len(list(self.folder.glob("*/index.json"))) if self.folder.exists() else 0


def paint(opened: OpenDocument, colour: tuple[int, int, int, int] = RED) -> None:
    opened.do(Fill(opened.document.active, colour))


def finished_variant(document: Document) -> VariantItem:
    """The negative of the picture, as the engine would have given it."""
    region = Region(RECT, None)
    source = composite(document, RECT)
    pixels = np.concatenate([255 - source[..., :3], source[..., 3:]], axis=2)
    settings = EditSettings("invert it", 6, 1.5, 1.0, "ddim", 192, "starter")
    recipe = Recipe(
        **vars(settings),
        seed=5,
        region=RECT,
        mask="",
        source="",
        model_sha256="",
        precision="fp16",
        provider="cpu",
        library="",
    )
    layer = layer_of(source, pixels, region, "invert it", recipe)
    return VariantItem(
        uuid.uuid4().hex, 0, 5, settings, region, document, "done", pixels=pixels, recipe=recipe, layer=layer
    )


def look(opened: OpenDocument) -> np.ndarray:
    return composite(opened.document, opened.document.rect)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    made: list[Program] = []

    def make(background: Any = None, seconds: float = 0.02) -> Program:
        made.append(Program(tmp_path / "recovery", background, seconds))
        return made[-1]

    yield make
    for program in made:
        program.recovery.close()
        for opened in program.documents:
            opened.close()


def test_what_is_not_modified_needs_no_record(programs: Callable[..., Program]) -> None:
    program = programs()
    program.open()
    program.recovery.look()
    assert program.records == 0


def test_a_crash_loses_neither_the_document_nor_its_undo(programs: Callable[..., Program]) -> None:
    program = programs()
    opened = program.open()
    before = look(opened)
    paint(opened)
    program.recovery.look()
    paint(opened, BLUE)
    program.recovery.look()
    after = look(opened)
    assert program.records == 1
    program.crash()

    second = programs()
    (recovered,) = second.find()
    again = second.adopt(recovered)
    assert (again.title, again.path, again.modified) == ("a.ora", Path("/home/a/a.ora"), True)
    assert np.array_equal(look(again), after)
    again.history.undo()
    again.history.undo()
    assert np.array_equal(look(again), before) and not again.history.can_undo
    again.history.redo()
    assert (look(again) == RED).all()


def test_what_runs_is_not_recovered_by_another_program(programs: Callable[..., Program]) -> None:
    program = programs()
    paint(program.open())
    program.recovery.look()
    assert programs().find() == []


def test_a_clean_end_leaves_nothing(programs: Callable[..., Program]) -> None:
    program = programs()
    paint(program.open())
    program.recovery.look()
    program.recovery.close()
    assert program.records == 0 and programs().find() == []


def test_closing_a_document_drops_its_record(programs: Callable[..., Program]) -> None:
    program = programs()
    first, second = program.open("first"), program.open("second")
    paint(first), paint(second)
    program.recovery.look()
    assert program.records == 2
    program.close(first)
    program.recovery.look()
    assert [found.title for found in recoverable(program.folder)] == [] and program.records == 1
    program.crash()
    assert [found.title for found in recoverable(program.folder)] == ["second"]


def test_saving_drops_the_record_at_once(programs: Callable[..., Program]) -> None:
    program = programs()
    opened = program.open()
    paint(opened)
    program.recovery.look()
    opened.saved_at(opened.history.current.id, Path("/home/a/a.ora"))
    assert program.records == 0
    program.recovery.look()
    assert program.records == 0
    paint(opened, BLUE)
    program.recovery.look()
    assert program.records == 1
    opened.saved_at(opened.history.current.id, Path("/home/a/a.ora"))
    program.close(opened)
    program.recovery.look()
    assert program.records == 0


def test_nothing_is_written_twice(programs: Callable[..., Program], monkeypatch: pytest.MonkeyPatch) -> None:
    program = programs()
    counts: list[int] = []
    record = Journal.record
    monkeypatch.setattr(Journal, "record", lambda *arguments: (counts.append(1), record(*arguments)))
    opened = program.open()
    paint(opened)
    for _ in range(3):
        program.recovery.look()
    assert len(counts) == 1
    opened.do(SetProperty(opened.document.active, "opacity", 0.5))
    program.recovery.look()
    assert len(counts) == 2


def test_an_adopted_record_goes_once_it_is_recorded_again(programs: Callable[..., Program]) -> None:
    first = programs()
    paint(first.open())
    first.recovery.look()
    first.crash()
    second = programs()
    (recovered,) = second.find()
    again = second.adopt(recovered)
    assert recovered.folder.exists()
    second.recovery.look()
    assert not recovered.folder.exists() and second.records == 1
    second.crash()
    third = programs()
    assert [found.title for found in third.find()] == [again.title]


def test_a_crash_before_the_next_look_keeps_the_adopted_record(programs: Callable[..., Program]) -> None:
    first = programs()
    paint(first.open())
    first.recovery.look()
    first.crash()
    second = programs()
    (recovered,) = second.find()
    second.adopt(recovered)
    second.crash()
    recovered.claim.release()  # as the end of a process does
    assert len(programs().find()) == 1


@pytest.mark.parametrize("saves", [False, True])
def test_an_adopted_document_that_is_saved_or_closed_leaves_no_record(
    programs: Callable[..., Program], saves: bool
) -> None:
    first = programs()
    paint(first.open())
    first.recovery.look()
    first.crash()
    second = programs()
    (recovered,) = second.find()
    again = second.adopt(recovered)
    if saves:
        again.saved_at(again.history.current.id, Path("/home/a/a.ora"))
    else:
        second.close(again)
        second.recovery.look()
    assert not recovered.folder.exists() and second.records == 0


def test_one_that_cannot_be_recorded_does_not_keep_the_others_from_it(
    programs: Callable[..., Program], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from editor.core.errors import OutputNotWritable

    program = programs()
    bad, good = program.open("bad"), program.open("good")
    paint(bad), paint(good)
    record = Journal.record

    def record_or_fail(journal: Journal, history: History, path: Path | None, title: str, *more: Any) -> None:
        if title == "bad":
            raise OutputNotWritable("The disk is full.")
        record(journal, history, path, title, *more)

    monkeypatch.setattr(Journal, "record", record_or_fail)
    program.recovery.look()
    assert program.records == 1 and "The disk is full." in caplog.text
    monkeypatch.setattr(Journal, "record", record)
    program.recovery.look()
    assert program.records == 2


def test_a_damaged_record_does_not_keep_the_others_from_coming_back(
    programs: Callable[..., Program], caplog: pytest.LogCaptureFixture
) -> None:
    program = programs()
    paint(program.open("first")), paint(program.open("second"))
    program.recovery.look()
    program.crash()
    (first,) = [found for found in recoverable(program.folder) if found.title == "first"]
    for tiles in first.folder.glob("tiles-*.bin"):
        tiles.write_bytes(b"")
    assert [found.title for found in programs().find()] == ["second"]
    assert first.folder.exists() and "first" in caplog.text


def test_a_damaged_record_of_any_kind_is_passed_over(programs: Callable[..., Program]) -> None:
    program = programs()
    folder = program.folder / "broken"
    folder.mkdir(parents=True)
    (folder / "index.json").write_bytes(b"\x00nothing")
    assert program.find() == []


# With threads, as in the window.


@pytest.fixture
def background(qapp: QApplication) -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


def wait(qapp: QApplication, done: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        qapp.processEvents()
        time.sleep(0.002)


def test_it_looks_by_itself(qapp: QApplication, background: Background, programs: Callable[..., Program]) -> None:
    program = programs(background)
    opened = program.open()
    paint(opened)
    wait(qapp, lambda: program.records == 1)
    opened.saved_at(opened.history.current.id, Path("/home/a/a.ora"))
    wait(qapp, lambda: program.records == 0)
    program.recovery.close()


def test_saving_while_it_is_recorded_leaves_no_record(
    qapp: QApplication, background: Background, programs: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    record = Journal.record

    def slow(journal: Journal, *what: Any) -> None:
        inside.set()
        assert go_on.wait(10)
        record(journal, *what)

    monkeypatch.setattr(Journal, "record", slow)
    program = programs(background)
    opened = program.open()
    paint(opened)
    wait(qapp, inside.is_set)
    opened.saved_at(opened.history.current.id, Path("/home/a/a.ora"))
    go_on.set()
    for _ in range(20):
        qapp.processEvents()
        time.sleep(0.005)
    assert program.records == 0
    program.recovery.close()


def test_the_end_does_not_forget_a_record_that_no_thread_came_to(programs: Callable[..., Program]) -> None:
    class Stuck(InlineBackground):
        stuck = False

        def run(self, work: Any, done: Any, failed: Any, progress: Any = None) -> Any:
            return None if self.stuck else super().run(work, done, failed, progress)

    stuck = Stuck()
    program = programs(stuck)
    opened = program.open()
    paint(opened)
    program.recovery.look()
    stuck.stuck = True
    opened.saved_at(opened.history.current.id, Path("/home/a/a.ora"))
    assert program.records == 1
    program.recovery.close()
    assert program.records == 0


def test_variants_that_were_neither_kept_nor_thrown_away_come_back(programs: Callable[..., Program]) -> None:
    program = programs()
    opened = program.open()
    item = finished_variant(opened.document)
    opened.edit.variants = (item,)
    opened.variants_modified = True
    program.recovery.look()
    program.crash()
    (found,) = programs().find()
    (back,) = restored(found.variants, found.history.document)
    assert (back.id, back.seed, back.settings) == (item.id, item.seed, item.settings)
    assert np.array_equal(
        composite(shown(found.history.document, back), RECT), composite(shown(opened.document, item), RECT)
    )


def test_a_variant_is_written_once_and_goes_when_it_is_thrown_away(programs: Callable[..., Program]) -> None:
    program = programs()
    opened = program.open()
    opened.edit.variants = (finished_variant(opened.document), finished_variant(opened.document))
    paint(opened)
    program.recovery.look()
    files = {path: path.stat().st_mtime_ns for path in program.folder.glob("*/variant-*")}
    assert len(files) == 2
    paint(opened, BLUE)
    program.recovery.look()
    assert {path: path.stat().st_mtime_ns for path in program.folder.glob("*/variant-*")} == files
    opened.edit.discard(opened.edit.variants[0].id)
    program.recovery.look()
    assert len(list(program.folder.glob("*/variant-*"))) == 1


def test_a_damaged_variant_costs_nothing_else(programs: Callable[..., Program]) -> None:
    program = programs()
    opened = program.open()
    opened.edit.variants = (finished_variant(opened.document), finished_variant(opened.document))
    paint(opened)
    program.recovery.look()
    program.crash()
    first = next(iter(program.folder.glob("*/variant-*")))
    first.write_bytes(first.read_bytes()[:200])
    (found,) = programs().find()
    assert len(found.variants) == 1
    assert np.array_equal(composite(found.history.document, RECT), look(opened))
