"""A progress bar on stderr where that is a terminal, else nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from inference.types import Progress

_STAGES = {"load": "loading the model", "encode": "looking at the picture", "denoise": "editing", "apply": "applying"}


@contextmanager
def edit_bar(variants: int) -> Generator[Callable[[Progress], None], None, None]:
    """Gives the function that shows a `Progress`."""
    with bar() as show:

        def step(progress: Progress) -> None:
            done = (progress.variant + progress.step / max(1, progress.steps)) / variants
            show(done, _label(progress, variants))

        yield step


@contextmanager
def bar() -> Generator[Callable[[float, str], None], None, None]:
    """Gives the function that shows a label and a share done in [0, 1], less than 0 for one that cannot be told."""
    if not sys.stderr.isatty():
        yield lambda share, label: None
        return
    # Imported here: a tenth of a second that a script need not pay.
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.fields[share]:>5}"), BarColumn(), TextColumn("{task.description}")
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=1.0, share="")

        def show(share: float, label: str) -> None:
            told = share >= 0
            text = f"{share * 100:.0f} %" if told else ""
            bars.update(task, completed=max(0.0, share), total=1.0 if told else None, description=label, share=text)

        yield show


def _label(progress: Progress, variants: int) -> str:
    label = _STAGES.get(progress.stage, progress.stage)
    if variants > 1:
        label += f", variant {progress.variant + 1} of {variants}"
    if progress.seconds_left is not None:
        label += f", {progress.seconds_left:.0f} s left"
    return label
