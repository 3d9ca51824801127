from __future__ import annotations

import threading

from pytestqt.qtbot import QtBot

from editor.jobs.background import Background, Progress


def test_results_progress_and_errors_come_on_this_thread(qtbot: QtBot) -> None:
    background = Background()
    here, told = threading.get_ident(), list[tuple[str, object, int]]()

    def tell(what: str) -> object:
        return lambda value: told.append((what, value, threading.get_ident()))

    def work(progress: Progress) -> int:
        progress(0.5)
        return threading.get_ident()

    def broken(progress: Progress) -> int:
        raise ValueError("broken")

    background.run(work, tell("done"), tell("failed"), tell("progress"))
    qtbot.waitUntil(lambda: len(told) == 2)
    background.run(broken, tell("done"), tell("failed"))
    qtbot.waitUntil(lambda: len(told) == 3)
    assert [what for what, _, _ in told] == ["progress", "done", "failed"]
    assert {thread for _, _, thread in told} == {here}
    assert told[1][1] != here and str(told[2][1]) == "broken"
    assert background.close()


def test_nothing_is_delivered_after_cancel_and_the_work_is_asked_to_stop(qtbot: QtBot) -> None:
    background = Background()
    started, told = threading.Event(), list[object]()

    def work(progress: Progress) -> None:
        started.set()
        while not progress.cancelled:
            progress(0.1)

    job = background.run(work, told.append, told.append)
    assert started.wait(5)
    job.cancel()
    assert background.close()
    qtbot.wait(20)
    assert told == []


def test_later_comes_later_unless_cancelled(qtbot: QtBot) -> None:
    background = Background()
    told = list[str]()
    background.later(0.01, lambda: told.append("no")).cancel()
    background.later(0.02, lambda: told.append("yes"))
    assert told == []
    qtbot.waitUntil(lambda: bool(told))
    assert told == ["yes"]
    assert background.close()
