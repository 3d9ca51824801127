"""What a training says while it works: JSON, one object a line, or a picture of it on a terminal. Without PyTorch."""

from __future__ import annotations

import atexit
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

Event = Mapping[str, object]
Say = Callable[[Event], None]
"""Takes an event: {"event": kind, ...}, see `train_command`."""


def as_lines(stream: TextIO) -> Say:
    """Says events as JSON lines. Whoever reads may go away: then nothing is said any more."""

    def say(event: Event) -> None:
        try:
            stream.write(json.dumps(dict(event)) + "\n")
            stream.flush()
        except BrokenPipeError:
            # What is still to be written goes nowhere, also when the interpreter ends.
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())

    return say


def on_terminal(stream: TextIO) -> Say:
    """Shows events to a person: a bar that moves on a terminal, and otherwise the notes and the end alone."""
    return Terminal(stream).show if stream.isatty() else Plain(stream).show


def quiet(event: Event) -> None:
    """Says nothing: of several ranks one speaks."""


def sentence(event: Event) -> str:
    """What is worth a line of its own."""
    match event["event"]:
        case "note":
            return str(event["text"])
        case "checkpoint":
            return f"Saved {event['path']}"
        case "paused":
            return f"Paused at step {event['step']}"
        case "stopped":
            return f"Stopped at step {event['step']}; go on with --resume"
        case "done":
            run = shlex.quote(str(event["run"]))
            commands = f"palimpsest package {run}\n  palimpsest report {run}"
            steps = "1 step" if event["step"] == 1 else f"{event['step']} steps"
            return f"Done after {steps}: {event['run']}\nNext:\n  {commands}"
        case _:
            return ""


class Plain:
    """Lines: what lasts, and where the training is whenever it is saved."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._where = stream, ""

    def show(self, event: Event) -> None:
        if event["event"] == "step":
            self._where = _step_text(cast("Mapping[str, Any]", event))
        text = sentence(event)
        if event["event"] == "checkpoint" and self._where:
            text = f"{self._where}  {text}"
        if text:
            print(text, file=self._stream, flush=True)


class Terminal:
    """One bar for what is going on now, lines above it for what has been."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(file=stream)
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1.0, said="")
        self._progress.start()
        atexit.register(self._progress.stop)  # also where something goes wrong, or the cursor would stay hidden

    def show(self, event: Event) -> None:
        values = cast("Mapping[str, Any]", event)
        match values["event"]:
            case "stage":
                self._bar(str(values["stage"]), float(values["fraction"]), "")
            case "step":
                self._bar("training", values["step"] / values["steps"], _step_text(values))
            case "stopped" | "done":
                self._progress.stop()
                self._print(sentence(event))
            case _ if sentence(event):
                self._print(sentence(event))
            case _:
                pass

    def _print(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _bar(self, what: str, fraction: float, said: str) -> None:
        self._progress.update(self._task, description=what, completed=fraction, said=said)


def _step_text(values: Mapping[str, Any]) -> str:
    left = int(values["seconds_left"] or 0)
    time = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
    return f"{values['step']}/{values['steps']}  loss {values['loss']:.4f}  {time} left"


def standard(events: bool) -> Say:
    """As JSON on standard output, or for a person on standard error."""
    return as_lines(sys.stdout) if events else on_terminal(sys.stderr)
