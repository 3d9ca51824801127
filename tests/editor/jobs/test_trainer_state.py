"""What is said of a training to somebody who does not look at its page."""

from __future__ import annotations

import pytest

from editor.jobs.trainer_state import Phase, TrainerState, at_work


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("idle", ""),
        ("running", "Training gold, 33 %"),
        ("paused", "Training gold, paused"),
        ("stopping", "Training gold, stopping"),
        ("stopped", ""),
        ("failed", ""),
        ("done", ""),
        ("packaging", "Checking gold"),
        ("reporting", "Checking gold"),
        ("installing", "Installing gold"),
        ("installed", ""),
    ],
)
def test_what_goes_on_is_said_in_a_few_words(phase: Phase, said: str) -> None:
    assert at_work(TrainerState(phase, "gold", step=100, steps=300)) == said


def test_before_the_first_step_there_is_no_share() -> None:
    assert at_work(TrainerState("running", "gold")) == "Training gold"
