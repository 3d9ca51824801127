"""The engine in a child process: the same results, and no harm from its death."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from inference import client as client_module
from inference.client import EngineClient
from inference.engine import Engine
from inference.errors import Cancelled, EngineDied, EngineError, PackageError, ProviderError, RequestError
from inference.package import open_package
from inference.provider import Provider
from inference.providers import Chosen, provider_named
from inference.types import CancelToken, EditRequest, Event, Preview, Progress, Variant
from inference.worker import Worker

ROOT = Path(client_module.__file__).parents[1]
PATIENCE = 60.0  # for a busy machine; nothing waits that long when all is well
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def request_for(**changes: object) -> EditRequest:
    image = np.random.default_rng(5).integers(0, 255, (40, 61, 3), np.uint8)
    dials = {"steps": 3, "text_scale": 2.0, "image_scale": 1.5, "sampler": "euler_ancestral", "size": 32}
    return EditRequest(**({"image": image, "instruction": "make it red"} | dials | changes))


def endless() -> EditRequest:
    return request_for(steps=1000, seeds=tuple(range(1000)))


def wait_until(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def alive(pid: int) -> bool:
    """Whether any thread of the process runs; one that is dead but not collected by its parent does not."""
    states = []
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            states.append(task.read_text().rpartition(")")[2].split()[0])
    return any(state not in "ZX" for state in states)


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def client(tiny_package: Path) -> Iterator[EngineClient]:
    client = EngineClient(tiny_package, "cpu")
    yield client
    client.close()
    assert client.pid is None


def test_events_are_those_of_the_engine_in_this_process(
    client: EngineClient, tiny_package: Path, temporary_folder: Path
) -> None:
    mask = np.zeros((40, 61), np.uint8)
    mask[:, 20:] = 255
    request = request_for(seeds=(5, 2**63 - 1), mask=mask)
    engine = Engine.open(open_package(tiny_package), "cpu")
    here = list(engine.edit(request, CancelToken()))
    engine.close()
    there = list(client.edit(request, CancelToken()))
    assert [type(event) for event in there] == [type(event) for event in here]
    for one, other in zip(here, there, strict=True):
        if isinstance(one, Variant | Preview) and isinstance(other, Variant | Preview):
            assert np.array_equal(one.image, other.image)
            assert one.image.dtype == other.image.dtype
        if isinstance(one, Progress) and isinstance(other, Progress):
            assert (one.variant, one.stage, one.step, one.steps) == (
                other.variant,
                other.stage,
                other.step,
                other.steps,
            )
    assert client.provider == "cpu"
    assert list(temporary_folder.iterdir()) == []


def test_one_child_serves_many_requests_and_its_stderr_stays_empty(client: EngineClient) -> None:
    list(client.edit(request_for(), CancelToken(), previews=False))
    pid = client.pid
    (copy,) = client.edit(request_for(instruction=""), CancelToken())
    assert isinstance(copy, Variant)
    assert np.array_equal(copy.image, request_for().image)
    with pytest.raises(RequestError, match="heun"):
        list(client.edit(request_for(sampler="heun"), CancelToken()))
    assert client.pid == pid
    client.close()
    assert client.diagnosis == ""


def test_prepare_starts_the_child_that_the_first_edit_uses(client: EngineClient) -> None:
    client.prepare()
    pid = client.pid
    assert pid is not None and client.provider == "cpu"
    client.prepare()
    assert any(isinstance(event, Variant) for event in client.edit(request_for(), CancelToken()))
    assert client.pid == pid


def test_prepare_tells_why_a_child_cannot_start(tiny_package: Path) -> None:
    (tiny_package / "unet" / "model.onnx").unlink()
    client = EngineClient(tiny_package, "cpu")
    with pytest.raises(PackageError):
        client.prepare()
    client.close()


def test_a_model_is_made_ready_once_for_all_later_engines(tiny_package: Path, tmp_path: Path) -> None:
    """In a process of its own, as the window does it; here even a tiny model is worth it."""
    code = """
import time
from inference import kept, prepared
prepared.LEAST_BYTES = 0
publish = kept._publish
kept._publish = lambda part, target: (time.sleep(0.5), publish(part, target))
from inference.worker import main
main()
"""
    started = [sys.executable, "-c", code, str(tiny_package), "--provider", "cpu"]
    environment = os.environ | {"PALIMPSEST_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    message = json.dumps({"do": "make_ready", "job": 1}).encode() + b"\n"
    with subprocess.Popen(
        started, cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(message)
        child.stdin.flush()
        answers = iter(json.loads(line) for line in child.stdout)
        assert next(answer for answer in answers if answer["is"] in ("done", "error")) == {"is": "done", "job": 1}
        child.kill()
    assert {"text_encoder", "unet", "vae_encoder", "vae_decoder"} <= prepared_networks(tmp_path)


def prepared_networks(home: Path) -> set[str]:
    """The folders of the graphs that are prepared and have their names."""
    records = (home / "home" / "cache" / "made" / "onnxruntime").glob("*/whole.json")
    named = (json.loads(record.read_text()) for record in records if not record.parent.suffix)
    return {Path(source).parent.name for record in named for source in record["sources"]}


def test_make_ready_is_for_providers_that_prepare(client: EngineClient, tiny_package: Path) -> None:
    client.make_ready(CancelToken())
    assert client.provider == "cpu" and client.pid is not None
    engine = Engine(open_package(tiny_package), Chosen(replace(provider_named("cpu"), prepares=False), ()))
    engine.make_ready(CancelToken())
    assert not engine._models.loaded
    engine.close()


def test_making_ready_can_be_cancelled_and_fails_in_words(client: EngineClient, tiny_package: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        client.make_ready(cancel)
    (tiny_package / "vae_decoder" / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(PackageError, match="vae_decoder"):
        EngineClient(tiny_package, "cpu").make_ready(CancelToken())


def test_a_killed_child_gives_one_error_and_the_next_request_a_fresh_child(
    client: EngineClient, temporary_folder: Path
) -> None:
    events = client.edit(endless(), CancelToken())
    pid = 0
    with pytest.raises(EngineDied, match="SIGKILL" if KILL == 9 else ""):
        for event in events:
            if isinstance(event, Progress) and event.step == 2:
                pid = client.pid or 0
                os.kill(pid, KILL)
    assert pid
    assert list(events) == []
    assert list(temporary_folder.iterdir()) == []
    assert any(isinstance(event, Variant) for event in client.edit(request_for(), CancelToken()))
    assert client.pid not in (None, pid)


def test_a_child_killed_between_requests_is_replaced(client: EngineClient) -> None:
    list(client.edit(request_for(), CancelToken()))
    pid = client.pid
    assert pid
    os.kill(pid, KILL)
    assert wait_until(lambda: not alive(pid))
    assert any(isinstance(event, Variant) for event in client.edit(request_for(), CancelToken()))


def test_a_cancel_is_carried_over(client: EngineClient) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        for event in client.edit(endless(), cancel):
            if isinstance(event, Progress) and event.step == 1:
                cancel.cancel()
    pid = client.pid
    assert any(isinstance(event, Variant) for event in client.edit(request_for(), CancelToken()))
    assert client.pid == pid
    with pytest.raises(Cancelled):
        list(client.edit(request_for(), cancel))


def test_leaving_early_cancels_and_the_next_request_gets_its_own_answers(client: EngineClient) -> None:
    events = client.edit(endless(), CancelToken())
    for event in events:
        if isinstance(event, Progress) and event.step == 1:
            break
    events.close()
    found = [e for e in client.edit(request_for(seeds=(3, 4)), CancelToken()) if isinstance(e, Variant)]
    assert [variant.seed for variant in found] == [3, 4]


def test_a_second_edit_at_once_is_refused(client: EngineClient) -> None:
    events = client.edit(endless(), CancelToken())
    next(events)
    with pytest.raises(EngineError, match="at work"):
        list(client.edit(request_for(), CancelToken()))
    events.close()


def test_errors_of_the_start_keep_their_class(tiny_package: Path, tmp_path: Path) -> None:
    nowhere, abacus = EngineClient(tmp_path / "none", "cpu"), EngineClient(tiny_package, "abacus")
    for _ in range(2):
        with pytest.raises(PackageError, match="none"):
            list(nowhere.edit(request_for(), CancelToken()))
    with pytest.raises(ProviderError, match="abacus"):
        list(abacus.edit(request_for(), CancelToken()))
    assert nowhere.pid is None
    assert abacus.pid is None


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process is stopped by a signal")
def test_a_child_that_hangs_is_killed(tiny_package: Path) -> None:
    client = EngineClient(tiny_package, "cpu")
    pid = 0
    with pytest.raises(EngineDied, match="stopped answering"):
        for event in client.edit(endless(), CancelToken()):
            if not pid and isinstance(event, Progress) and event.step == 1:
                pid = client.pid or 0
                os.kill(pid, signal.SIGSTOP)
                client.silence = 1.5
    assert pid
    assert not alive(pid)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process is stopped by a signal")
def test_a_child_that_does_not_hear_a_cancel_is_killed(tiny_package: Path) -> None:
    client = EngineClient(tiny_package, "cpu", grace=0.5)
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        for event in client.edit(endless(), cancel):
            if not cancel.cancelled and isinstance(event, Progress) and event.step == 1:
                os.kill(client.pid or 0, signal.SIGSTOP)
                cancel.cancel()
    assert client.pid is None


PARENT = """
import sys
from pathlib import Path
import numpy as np
from inference.client import EngineClient
from inference.types import CancelToken, EditRequest, Progress
client = EngineClient(Path(sys.argv[1]), "cpu")
image, seeds = np.zeros((40, 60, 3), np.uint8), tuple(range(1000))
request = EditRequest(image, "make it red", 1000, 2.0, 1.5, "euler", 32, seeds=seeds)
for event in client.edit(request, CancelToken()):
    if isinstance(event, Progress) and event.step == 1 and event.variant == 0:
        print(client.pid, flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in Linux's proc")
def test_the_child_ends_when_its_parent_dies_and_takes_the_pixels_along(
    tiny_package: Path, temporary_folder: Path
) -> None:
    command = [sys.executable, "-c", PARENT, str(tiny_package)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    assert wait_until(lambda: not alive(child))
    assert wait_until(lambda: list(temporary_folder.glob("*.pixels")) == [])


class ScriptedChild:
    """Answers what a test tells it to."""

    pid, running, silent_seconds = 1, True, 0.0

    def __init__(self, answers: list[dict[str, object]]) -> None:
        self._answers = iter(answers)

    def send(self, message: object) -> None:
        """It has heard it."""

    def next_message(self, seconds: float) -> dict[str, object] | None:
        return next(self._answers)

    def end(self, seconds: float) -> str:
        return ""


def test_messages_of_an_unknown_job_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def progress(job: int, step: int) -> dict[str, object]:
        return {"is": "progress", "job": job, "variant": 0, "stage": "denoise", "step": step, "steps": 9}

    error = {"is": "error", "job": 99, "error": "RequestError", "text": "of another job"}
    answers = [
        progress(99, 1),
        progress(1, 2),
        error,
        {"is": "done", "job": 99},
        progress(1, 3),
        {"is": "done", "job": 1},
    ]
    monkeypatch.setattr(client_module, "Child", lambda *_: ScriptedChild(answers))
    events: list[Event] = list(EngineClient(tmp_path).edit(request_for(), CancelToken()))
    assert [event.step for event in events if isinstance(event, Progress)] == [2, 3]


def test_a_flood_on_stderr_and_noise_on_stdout_disturb_nobody(
    tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = "import os, sys\nos.write(2, b'driver: hello\\n' * 100_000)\nprint('hello from a library')\n"
    (tmp_path / "sitecustomize.py").write_text(noise)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = EngineClient(tiny_package, "cpu")
    assert any(isinstance(event, Variant) for event in client.edit(request_for(), CancelToken()))
    client.close()
    assert client.diagnosis.endswith("driver: hello\n")
    assert len(client.diagnosis) < 100_000


def test_a_worker_tells_its_provider_at_first_and_when_it_is_another() -> None:
    sink = io.BytesIO()
    worker = Worker(io.BytesIO(), sink)
    engine = SimpleNamespace(chosen=Chosen(Provider("cuda", "", "")))
    worker._tell_provider(engine)
    worker._tell_provider(engine)
    engine.chosen = Chosen(Provider("cpu", "", ""), (("cuda", "There was not enough memory for the edit."),))
    worker._tell_provider(engine)
    told = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert [message["provider"] for message in told] == ["cuda", "cpu"]
    assert told[1]["passed_over"] == [["cuda", "There was not enough memory for the edit."]]
