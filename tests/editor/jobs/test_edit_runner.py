from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from editor.core.document import Document
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.jobs.background import Background
from editor.jobs.edit_runner import ProcessEditRunner
from editor.jobs.models import facts_of
from inference.errors import PackageError
from inference.package import ModelPackage, open_package
from inference.types import EditRequest, Event, Progress, Variant

BUNDLED = Path(__file__).parents[3] / "resources" / "models" / "starter"
PATIENCE = 60_000
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Listener:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ended: list[tuple[str, str]] = []
        self.threads: set[int] = set()

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self.threads.add(threading.get_ident())

    def on_done(self) -> None:
        self.ended.append(("", "done"))

    def on_error(self, text: str, kind: str) -> None:
        self.ended.append((text, kind))


def request(**changes: object) -> EditRequest:
    image = np.random.default_rng(5).integers(0, 255, (40, 61, 3), np.uint8)
    dials = {"steps": 2, "text_scale": 2.0, "image_scale": 1.5, "sampler": "euler", "size": 32}
    return EditRequest(**({"image": image, "instruction": "make it red"} | dials | changes))


def endless() -> EditRequest:
    return request(steps=1000, seeds=tuple(range(1000)))


@pytest.fixture
def runner(tiny_package: Path) -> Iterator[ProcessEditRunner]:
    before = threading.active_count()

    def find(name: str) -> Path:
        if name != "tiny":
            raise PackageError("There is no such model.")
        return tiny_package

    runner = ProcessEditRunner(find, "cpu")
    yield runner
    runner.close()
    assert runner.pid is None
    assert threading.active_count() <= before


def test_edits_follow_each_other_in_one_process_and_tell_this_thread(runner: ProcessEditRunner, qtbot: QtBot) -> None:
    states: list[str] = []
    runner.status().on("state", lambda: states.append(runner.status().state))
    one, two, bad = Listener(), Listener(), Listener()
    runner.start("tiny", request(), one)
    runner.start("tiny", request(seeds=(1, 2)), two)
    runner.start("nobody", request(), bad)
    qtbot.waitUntil(lambda: bool(bad.ended), timeout=PATIENCE)
    assert one.ended == two.ended == [("", "done")]
    assert bad.ended == [("There is no such model.", "PackageError")]
    assert [type(event) for event in two.events].count(Variant) == 2
    assert one.threads == two.threads == {threading.get_ident()}
    assert states[:3] == ["starting", "busy", "ready"] and runner.status().provider == "cpu"


def test_cancel_a_queued_and_a_running_edit(runner: ProcessEditRunner, qtbot: QtBot) -> None:
    running, queued, after = Listener(), Listener(), Listener()
    first = runner.start("tiny", endless(), running)
    second = runner.start("tiny", endless(), queued)
    qtbot.waitUntil(lambda: any(isinstance(e, Progress) and e.step for e in running.events), timeout=PATIENCE)
    pid = runner.pid
    second.cancel()
    first.cancel()
    runner.start("tiny", request(), after)
    qtbot.waitUntil(lambda: bool(after.ended), timeout=PATIENCE)
    assert running.ended == queued.ended == [("The edit was cancelled.", "Cancelled")]
    assert queued.events == [] and after.ended == [("", "done")] and runner.pid == pid


def test_prewarm_starts_the_process_that_the_edit_then_uses(runner: ProcessEditRunner, qtbot: QtBot) -> None:
    runner.prewarm("nobody")
    runner.prewarm("tiny")
    qtbot.waitUntil(lambda: runner.status().state == "ready", timeout=PATIENCE)
    pid, listener = runner.pid, Listener()
    assert pid is not None and runner.status().provider == "cpu"
    runner.start("tiny", request(), listener)
    qtbot.waitUntil(lambda: bool(listener.ended), timeout=PATIENCE)
    assert listener.ended == [("", "done")] and runner.pid == pid


def test_an_idle_engine_ends_and_the_next_edit_starts_it_again(tiny_package: Path, qtbot: QtBot) -> None:
    runner = ProcessEditRunner(lambda name: tiny_package, "cpu", idle=0.3)
    states: list[str] = []
    runner.status().on("state", lambda: states.append(runner.status().state))
    try:
        runner.prewarm("tiny")
        qtbot.waitUntil(lambda: runner.pid is not None, timeout=PATIENCE)
        pid = runner.pid or 0
        qtbot.waitUntil(lambda: runner.status().state == "resting", timeout=PATIENCE)
        assert runner.pid is None and runner.status().model == "tiny" and runner.status().provider == "cpu"
        with pytest.raises(ProcessLookupError):  # it is gone, and nothing is left of it
            os.kill(pid, 0)
        listener = Listener()
        runner.start("tiny", request(), listener)
        qtbot.waitUntil(lambda: bool(listener.ended), timeout=PATIENCE)
        assert listener.ended == [("", "done")]
        qtbot.waitUntil(lambda: states.count("resting") == 2, timeout=PATIENCE)
        assert runner.pid is None
    finally:
        runner.close()


def test_an_engine_at_work_does_not_rest(tiny_package: Path, qtbot: QtBot) -> None:
    runner, listener = ProcessEditRunner(lambda name: tiny_package, "cpu", idle=0.2), Listener()
    states: list[str] = []
    runner.status().on("state", lambda: states.append(runner.status().state))
    try:
        handle = runner.start("tiny", endless(), listener)
        qtbot.waitUntil(lambda: any(isinstance(e, Progress) and e.step for e in listener.events), timeout=PATIENCE)
        qtbot.wait(600)
        assert runner.pid is not None and "resting" not in states
        handle.cancel()
        qtbot.waitUntil(lambda: bool(listener.ended), timeout=PATIENCE)
    finally:
        runner.close()


def test_with_no_limit_the_engine_stays(tiny_package: Path, qtbot: QtBot) -> None:
    runner = ProcessEditRunner(lambda name: tiny_package, "cpu", idle=0)
    try:
        runner.prewarm("tiny")
        qtbot.waitUntil(lambda: runner.status().state == "ready", timeout=PATIENCE)
        qtbot.wait(300)
        assert runner.pid is not None and runner.status().state == "ready"
    finally:
        runner.close()


def test_close_in_the_middle_of_an_edit_tells_nothing_more(runner: ProcessEditRunner, qtbot: QtBot) -> None:
    listener = Listener()
    runner.start("tiny", endless(), listener)
    qtbot.waitUntil(lambda: bool(listener.events), timeout=PATIENCE)
    runner.close()
    seen = len(listener.events)
    qtbot.wait(50)
    assert listener.ended == [] and len(listener.events) == seen


def test_facts_are_those_of_the_package(tiny_package: Path) -> None:
    package: ModelPackage = open_package(tiny_package)
    facts = facts_of(package)
    assert (facts.name, facts.sha256, facts.size) == (package.name, package.sha256, package.dials.size)
    assert facts.library.startswith("onnxruntime")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that kills")
def test_the_bundled_model_killed_in_the_middle_leaves_the_document_and_works_again(qtbot: QtBot) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (70, 90, 4), np.uint8)
    pixels[..., 3] = 255
    layer = RasterLayer(name="photo", plane=TileMap.of(pixels))
    document = Document(90, 70, (layer,), active=layer.id)
    session = EditSession(facts_of(open_package(BUNDLED)))
    session.instruction, session.count, session.steps, session.size = "make it darker", 1, 60, 64
    opened = OpenDocument(History(document), edit=session)
    runner, background = ProcessEditRunner(lambda name: BUNDLED, "cpu"), Background()
    generation = Generation(session, opened, runner, background)
    try:
        generation.start()
        qtbot.waitUntil(lambda: session.running is not None and session.running.step > 0, timeout=PATIENCE)
        os.kill(runner.pid or 0, KILL)
        qtbot.waitUntil(lambda: session.message is not None, timeout=PATIENCE)
        assert session.message is not None and "process ended" in session.message.text
        assert session.message.buttons == (("Start again", "engine.restart"),)
        assert session.engine == "died" and opened.document is document and session.variants[0].state == "failed"
        session.steps = 2
        generation.start()
        qtbot.waitUntil(lambda: session.shown is not None and not generation.running, timeout=PATIENCE)
        assert session.engine == "ready" and session.message is None and opened.document is document
    finally:
        generation.close()
        runner.close()
        assert background.close()
        opened.close()
