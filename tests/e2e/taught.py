"""What a training looks like in the real window.

    python -m tests.benchmarks.training HOME && python -m tests.e2e.taught HOME SHOTS

keeps pictures of its pairs, its course and its result, and of both models beside each other.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from editor.core.paths import HOME_VARIABLE
from editor.ui.training.page import TrainingPage
from tests.benchmarks.training import BASE, INSTRUCTION, NAME
from tests.e2e.hand import Hand


def the_page(hand: Hand) -> None:
    """Pairs, a training that is done, its report."""
    program = hand.program
    page = TrainingPage(
        program.trainer, program.pairs, program.shelf, program.background, lambda: NAME, lambda name: None, hand.window
    )
    page.open_page()
    page.resize(960, 700)
    hand.wait(lambda: program.pairs.entries)
    shot(hand, page, "9-pairs")
    program.trainer.open(NAME)
    page.tabs.setCurrentWidget(page.train_tab)
    hand.wait(lambda: program.trainer.state.samples)
    shot(hand, page, "10-training")
    page.tabs.setCurrentWidget(page.result_tab)
    hand.wait(lambda: program.trainer.state.report)
    shot(hand, page, "11-result")
    page.close()


def both_models(hand: Hand) -> None:
    """One variant of each model, with a split between them."""
    edit, trigger = hand.document.edit, hand.window.commands.trigger
    trigger("model.choose", BASE)
    edit.instruction, edit.count, edit.seed, edit.seed_locked = INSTRUCTION, 1, 7, True
    trigger("model.also", NAME)
    trigger("edit.generate")
    hand.wait(lambda: len(edit.done) == 2 and edit.running is None)
    edit.chosen = (edit.done[0].id, edit.done[1].id)
    trigger("compare.split")
    hand.wait(lambda: hand.canvas.settled)
    hand.rest(1)
    hand.shot("12-models")


def shot(hand: Hand, widget: QWidget, name: str) -> None:
    assert hand.shots is not None
    hand.rest(1.5)
    widget.grab().save(str(hand.shots / f"{name}.jpg"), "JPEG", 85)


def main(home: Path, shots: Path) -> None:
    os.environ[HOME_VARIABLE] = str(home)
    shots.mkdir(parents=True, exist_ok=True)
    hand = Hand(QApplication(["palimpsest"]), shots)
    hand.start(home / "photo.png")
    hand.wait(lambda: hand.program.desk.current)
    the_page(hand)
    both_models(hand)
    hand.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
