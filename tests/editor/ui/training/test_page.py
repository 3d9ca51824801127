"""The training page of the whole program: opened from the menu, beside the window, and heard when it is shut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from editor.app import Program
from editor.core.paths import HOME_VARIABLE
from editor.jobs.trainer_state import TrainerState
from editor.ui import theme
from tests.editor.ui.training.conftest import Bench


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    made = Program(qapp)
    made.start([])
    yield made
    qapp.aboutToQuit.disconnect(made.close)
    made.close()
    made.window.close_now()
    made.window.deleteLater()


def test_it_opens_from_the_menu_and_tells_when_it_is_shut(program: Program) -> None:
    program.window.commands.trigger("model.train")
    page = program._training_page
    assert page is not None and page.isVisible() and not page.isModal()
    program.trainer.state = TrainerState("failed", "blue", error="seen on the page")
    assert program.desk.message is None
    page.close()
    program.trainer.state = TrainerState("running", "blue")
    program.trainer.state = TrainerState("failed", "blue", error="It ended.")
    message = program.desk.message
    assert message is not None and (message.text, message.kind) == ("It ended.", "error")
    assert message.buttons == (("Show", "model.train"),)
    program.trainer.state = TrainerState("running", "blue")
    program.trainer.state = TrainerState("done", "blue")
    assert program.desk.message is not None and program.desk.message.text == "The training blue is done."


@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_word_is_allowed_and_everything_has_a_name(bench: Bench, qapp: QApplication, name: str) -> None:
    theme.apply(qapp, cast("theme.ThemeName", name))
    page = bench.page
    words = " ".join(
        [label.text() for label in page.findChildren(QLabel)]
        + [button.text() for button in page.findChildren(QPushButton)]
    ).lower()
    for word in ("prompt", "inference", "sampling", "latent", "tensor", "epoch", "onnx"):
        assert word not in words
    unnamed = [button for button in page.findChildren(QPushButton) if not button.text() and not button.accessibleName()]
    assert unnamed == []


def test_a_page_that_is_gone_is_not_called(bench: Bench) -> None:
    page = bench.another()
    page.open_page()
    shiboken6.delete(page)
    bench.pairs.entries = (bench.pair(0),)
    bench.trainer.state = TrainerState("done", "blue")  # raises where a slot still holds a widget
    bench.trainer.refresh()


def test_the_tabs_can_be_walked_with_the_keyboard(bench: Bench) -> None:
    bench.pairs.entries = (bench.pair(0),)
    tab = bench.page.pairs_tab
    reached: list[QWidget] = [tab.list]
    widget = tab.list.nextInFocusChain()
    while widget is not None and widget is not tab.list and len(reached) < 200:
        reached.append(widget)
        widget = widget.nextInFocusChain()
    order = [
        reached.index(each) for each in (tab.undo, tab.add_folder, tab.add_file, tab.remove, tab.export, tab.train)
    ]
    assert order == sorted(order)
