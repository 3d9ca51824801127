"""What the doctor found, as the window shows it, and what the window asks of whoever finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from editor.edits.background import Job

State = Literal["good", "warning", "bad", "info"]


@dataclass(frozen=True)
class Line:
    """state: "bad" keeps edits from working, "warning" could be better. advice: what to do, "" for nothing."""

    title: str
    state: State
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Checkup:
    """What is known so far. sections: lines by the title of their section, in order. models: names.

    used: what edits run on, "" while that is not known, or where nothing works. text: all of it, to be copied.
    done: nothing more will come.
    """

    sections: Mapping[str, tuple[Line, ...]]
    models: tuple[str, ...] = ()
    used: str = ""
    text: str = ""
    done: bool = False


class Doctor(Protocol):
    """Everything it is given is called on the thread of the window, and never after the job was cancelled."""

    def examine(self, found: Callable[[Checkup], None], failed: Callable[[str], None]) -> Job:
        """Look at the machine; `found` is called again whenever more is known. failed: with one sentence."""
        ...

    def measure(
        self,
        model: str,
        progress: Callable[[float, str], None],
        done: Callable[[str], None],
        failed: Callable[[str], None],
    ) -> Job:
        """Measure how fast a model runs. progress: (share in [0, 1], what is being done). done: the result in words."""
        ...
