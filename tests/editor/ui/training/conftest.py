"""The training page over small stand-ins: pairs that are only listed, models that are only named, pictures at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from editor.core.observe import Observed
from editor.edits.background import InlineBackground
from editor.jobs.pairs import PairEntry, PairsShelf
from editor.jobs.shelf import Shelf
from editor.jobs.trainer import Trainer
from editor.ui import theme
from editor.ui.training.page import TrainingPage
from inference.store import ModelStore
from tests.tiny_package import write_tiny_package

FAKE = (sys.executable, str(Path(__file__).parents[2] / "jobs" / "fake_trainer.py"))
PATIENCE = 20_000


class Pairs(Observed):
    """What a `PairsShelf` shows; asked: what it was asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[PairEntry, ...] = ()
        self.problems: tuple[str, ...] = ()
        self.busy = False
        self.fraction = 0.0
        self.message = ""
        self.failed = False
        self.refused: tuple[object, ...] = ()
        self.removed: tuple[PairEntry, ...] = ()
        self.asked: list[tuple[object, ...]] = []

    def refresh(self) -> None:
        self.asked.append(("refresh",))

    def edit(self, id: str, instruction: str | None = None, enabled: bool | None = None) -> None:
        self.asked.append(("edit", id, instruction, enabled))

    def remove(self, ids: tuple[str, ...]) -> None:
        self.asked.append(("remove", *ids))

    def restore(self) -> None:
        self.asked.append(("restore",))

    def add_path(self, path: Path) -> None:
        self.asked.append(("add", path))

    def export(self, folder: Path, format: str) -> None:
        self.asked.append(("export", folder, format))


class Bench:
    """used: the name of the model in use."""

    def __init__(self, folder: Path, qtbot: QtBot) -> None:
        self.folder, self.qtbot = folder, qtbot
        write_tiny_package(folder / "bundled" / "starter", name="starter")
        self.store = ModelStore(folder / "user", folder / "bundled")
        self.missing = False
        self.used = "starter"
        self.pairs = Pairs()
        background = InlineBackground()
        self.trainer = Trainer(
            folder / "runs", folder / "pairs", lambda: self.store, FAKE, background, lambda: self.missing
        )
        self.page = self.another()
        qtbot.addWidget(self.page)

    def another(self) -> TrainingPage:
        """A page over the same things."""
        background = InlineBackground()
        models = Shelf(lambda: self.store, background)
        pairs = cast(PairsShelf, cast(Any, self.pairs))
        return TrainingPage(self.trainer, pairs, models, background, lambda: self.used, self._use)

    def pair(self, number: int, **values: Any) -> PairEntry:
        """A pair with its pictures."""
        paths = [self.folder / f"{number}{part}.png" for part in "ab"]
        for path, grey in zip(paths, (60, 180), strict=True):
            Image.fromarray(np.full((48, 64, 3), grey, np.uint8)).save(path)
        words = {"instruction": "make it a duotone", "group": f"photo{number % 2}", "width": 64, "height": 48}
        return PairEntry(**{"id": f"p{number}", "source_path": paths[0], "target_path": paths[1], **words, **values})

    def wait(self, test: Any) -> None:
        self.qtbot.waitUntil(test, timeout=PATIENCE)

    def train(self, name: str) -> None:
        """As by hand, from the form to the end."""
        form = self.page.train_tab.form
        self.page.tabs.setCurrentWidget(self.page.train_tab)
        form.name.setText(name)
        self.wait(form.start.isEnabled)
        form.start.click()

    def _use(self, name: str) -> None:
        self.used = name


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every training of the stand-in makes."""
    return write_tiny_package(tmp_path_factory.mktemp("finished") / "package", name="finished", text_length=18)


@pytest.fixture
def bench(
    tmp_path: Path, qtbot: QtBot, qapp: QApplication, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setenv("FAKE_PACKAGE", str(finished))
    theme.apply(qapp, "dark")
    made = Bench(tmp_path, qtbot)
    made.page.open_page()
    yield made
    made.trainer.close(5.0)
