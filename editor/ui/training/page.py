"""The training page: pairs, training, result, in a window that stays open beside the main one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QPushButton, QTabWidget, QWidget

from editor.edits.background import Background
from editor.jobs.pairs import PairsShelf
from editor.jobs.shelf import Shelf
from editor.jobs.trainer import Trainer
from editor.ui.dialogs.base import Notice
from editor.ui.training.pairs_tab import PairsTab
from editor.ui.training.pictures import Pictures
from editor.ui.training.result_tab import ResultTab
from editor.ui.training.train_tab import TrainTab


class TrainingPage(Notice):
    """background: reads pictures. in_use: the name of the model in use, or "". choose: uses a model by its name."""

    def __init__(
        self,
        trainer: Trainer,
        pairs: PairsShelf,
        models: Shelf,
        background: Background,
        in_use: Callable[[], str],
        choose: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Training", parent)
        self._trainer, self._shelf, self._models, self._in_use = trainer, pairs, models, in_use
        self._phase = trainer.state.phase
        pictures = Pictures(background)
        self.tabs = QTabWidget(self)
        self.pairs_tab = PairsTab(pairs, trainer, pictures, self)
        self.train_tab = TrainTab(trainer, pairs, models, pictures, self)
        self.result_tab = ResultTab(trainer, pictures, in_use, choose, self)
        for tab, title in ((self.pairs_tab, "1. Pairs"), (self.train_tab, "2. Train"), (self.result_tab, "3. Result")):
            self.tabs.addTab(tab, title)
        self.body.addWidget(self.tabs)
        self.pairs_tab.next.connect(lambda: self.tabs.setCurrentWidget(self.train_tab))
        self.train_tab.see.connect(lambda: self.tabs.setCurrentWidget(self.result_tab))
        self.tabs.currentChanged.connect(lambda: self.result_tab.refresh())  # another model may be in use by now
        end = trainer.on("state", self._trainer_changed)
        self.destroyed.connect(lambda: (end(), pictures.close()))
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return in a field must not press just any of them
        cast("QApplication", QApplication.instance()).focusChanged.connect(self._focus_moved)
        self.resize(960, 760)

    def open_page(self) -> None:
        """Come to the front, and look again at everything."""
        self._shelf.refresh()
        self._models.refresh()
        self._trainer.refresh()
        self.show()
        self.raise_()
        self.activateWindow()
        (self.pairs_tab.list if self._shelf.entries else self.tabs.tabBar()).setFocus()

    def _trainer_changed(self) -> None:
        before, self._phase = self._phase, self._trainer.state.phase
        if self._phase == "installed" and before == "installing":
            self._models.refresh()  # one more to train further

    def _focus_moved(self, old: QWidget | None, new: QWidget | None) -> None:
        """A button that is hidden or shut hands the focus on: not to Close, where Space would shut the page."""
        lost = old is not None and self.tabs.isAncestorOf(old) and not (old.isVisible() and old.isEnabled())
        if lost and new in self.buttons.buttons():
            self.tabs.tabBar().setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.train_tab.form.prepare(self._in_use())
        self.result_tab.refresh()
