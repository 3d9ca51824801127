"""Using for training what was made here, each time that the user says so; nothing is collected otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from editor.actions.desk import Desk
from editor.core.errors import PalimpsestError
from editor.edits.background import Progress
from editor.edits.pairs import (
    FIRST,
    NewPair,
    Span,
    history_span,
    layer_span,
    pair_of,
    step_named,
    variant_span,
    why_not_history,
    why_not_layer,
)

SHOW = ("Show", "model.train")
HELP = "The model learns to make this change when it is told this."


def why_not_variant(desk: Desk) -> str:
    """Why no variant can be used, as a sentence; "" where one can."""
    chosen = desk.current is not None and bool(desk.current.edit.picked)
    return "" if chosen else "No finished variant is chosen: choose one in the strip first."


def why_not_active_layer(desk: Desk) -> str:
    return why_not_layer(desk.document)


def why_not_change(desk: Desk) -> str:
    """Of the change since the document was opened."""
    return why_not_history(desk.current.history if desk.current is not None else None)


def use_variants(desk: Desk) -> None:
    """Every chosen variant, with the instruction that it was made by."""
    opened = desk.current
    if opened is not None:
        step = opened.history.current
        _collect(desk, [variant_span(item, step, opened.title) for item in opened.edit.picked])


def use_layer(desk: Desk) -> None:
    """The active layer; for any but an edit layer the user is asked for the instruction."""
    opened = desk.current
    if opened is not None:
        _ask_and_collect(desk, layer_span(opened.document.active, opened.history.current, opened.title))


def use_change(desk: Desk, step_id: int = FIRST) -> None:
    """All that changed from a step to now; without one, since the document was opened."""
    opened = desk.current
    reason = why_not_history(opened.history if opened is not None else None, step_id)
    step = step_named(opened.history, step_id) if opened is not None else None
    if reason:
        desk.say(reason)
    elif opened is not None and step is not None:
        _ask_and_collect(desk, history_span(step, opened.history.current, opened.title))


def _ask_and_collect(desk: Desk, span: Span) -> None:
    instruction: str | None = span.instruction
    if not instruction:
        title, label = "Use for training", "Which instruction makes this change?"
        instruction = desk.ports.dialogs.text(title, label, span.suggestion, HELP)
    if instruction and instruction.strip():
        _collect(desk, [replace(span, instruction=instruction.strip())])


def _collect(desk: Desk, spans: Sequence[Span]) -> None:
    """Draw the pictures aside, and hand them to the user's pairs; leaving waits until they are kept."""
    words = "Making a pair for training" if len(spans) == 1 else f"Making {len(spans)} pairs for training"
    task = desk.begin(words, writes=True)

    def over() -> None:
        desk.end(task)
        desk.files.go_on()

    def kept(text: str, failed: bool) -> None:
        over()
        if text:
            desk.say(text, "warning" if failed else "info", SHOW)

    def made(result: tuple[list[NewPair], list[str]]) -> None:
        pairs, refused = result
        if refused:
            desk.say(refused[0], "warning")
        if pairs:
            desk.ports.pairs.add(pairs, kept)
        else:
            over()

    def failed(error: Exception) -> None:
        over()
        raise error  # a fault of the program: it goes where such faults are shown

    task.cancelled = desk.files.go_on
    task.job = desk.ports.background.run(
        lambda progress: _made(spans, progress), made, failed, lambda fraction: desk.advance(task, fraction)
    )


def _made(spans: Sequence[Span], progress: Progress) -> tuple[list[NewPair], list[str]]:
    """(the pairs, why others cannot be made)"""
    pairs: list[NewPair] = []
    refused: list[str] = []
    for index, span in enumerate(spans):
        try:
            pairs.append(pair_of(span, _Part(progress, index, len(spans))))
        except PalimpsestError as error:
            refused.append(str(error))
    return pairs, refused


@dataclass(frozen=True, eq=False)
class _Part:
    """The progress of one piece of several."""

    whole: Progress
    index: int
    count: int

    def __call__(self, fraction: float) -> None:
        self.whole((self.index + fraction) / self.count)

    @property
    def cancelled(self) -> bool:
        return self.whole.cancelled
