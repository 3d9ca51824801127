"""One run on its way: from its plan to finished variants in the strip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from editor.core.errors import PalimpsestError
from editor.edits import messages
from editor.edits.apply import layer_of
from editor.edits.background import Background, Job
from editor.edits.mix import mixed, unmixed
from editor.edits.open_document import OpenDocument
from editor.edits.plan import FindFacts, Leg, Plan, Prepared, items, legs, prepared
from editor.edits.recipe import Recipe
from editor.edits.region import Cut, in_own_colours
from editor.edits.runner import EditHandle, EditRunner
from editor.edits.session import EditSession
from editor.edits.values import Running, VariantItem, placed
from inference.errors import EngineError
from inference.types import Event, Notice, Preview, Progress, Variant

LOADED = ("starting", "ready", "busy")
"""States of an engine that holds its model."""


class Run:
    """Listens to the engine; its items stand in the session's strip. `ended` is called once, with the run.

    Several models take turns: the engine holds one at a time, so each makes all of its variants in one go.
    """

    def __init__(
        self,
        plan: Plan,
        number: int,
        session: EditSession,
        document: OpenDocument,
        runner: EditRunner,
        background: Background,
        ended: Callable[[], None],
    ) -> None:
        self.plan, self.session, self.document = plan, session, document
        self._runner, self._background, self._tell_ended = runner, background, ended
        new = tuple(items(plan, number))
        self.ids = tuple(item.id for item in new)
        session.variants = placed(session.variants, new)
        self._legs = legs(plan, runner.status().model if runner.status().state in LOADED else "")
        self._turn = -1
        self._prepared: Prepared | None = None
        self._handle: EditHandle | None = None
        self._preparing: Job | None = None
        self._finishing: set[str] = set()
        self._engine_ended = False
        self._cancelled = False
        self._closed = False
        session.running = self._running("prepare", self._legs[0])

    def begin(self, find: FindFacts | None) -> None:
        """find: looks a model up, for its recipes."""
        plan, session = self.plan, self.session
        known = {facts.name: facts for facts in (session.facts, session.also) if facts is not None}
        self._preparing = self._background.run(
            lambda progress: prepared(plan, self._legs, known, find, progress),
            self._ask,
            lambda error: self.on_error(*described(error)),
        )

    def cancel(self) -> None:
        """Stop within one call of the model; finished variants stay."""
        self._cancelled = True
        if self._preparing is not None:
            self._preparing.cancel()
        if self._handle is not None:
            self._handle.cancel()
        elif self._preparing is not None:
            self.on_error("The edit was cancelled.", "Cancelled")

    def close(self) -> None:
        """End it; nothing is told afterwards."""
        self._closed = self._cancelled = True
        if self._preparing is not None:
            self._preparing.cancel()
        if self._handle is not None:
            self._handle.cancel()

    # What the engine tells.

    def on_event(self, event: Event) -> None:
        if self._cancelled:
            return
        leg = self._legs[self._turn]
        if isinstance(event, Notice):
            self.session.message = messages.notice(event.text)
        elif isinstance(event, Progress):
            self._step(leg, event)
        elif isinstance(event, Preview):
            self.session.change(self.ids[leg.places[event.variant]], preview=event.image)
        else:
            self._variant(leg, event)

    def on_done(self) -> None:
        if self._closed:
            return
        if self._cancelled and self._left():
            self.on_error("The edit was cancelled.", "Cancelled")
        elif self._turn + 1 < len(self._legs) and self._prepared is not None:
            self._ask(self._prepared)
        else:
            self._engine_ended = True
            self._settle()

    def on_error(self, text: str, kind: str) -> None:
        if self._closed:
            return
        self._engine_ended = True
        left = self._left()
        if kind == "Cancelled":
            self.session.discard(*(item.id for item in left))
            self.session.message = messages.cancelled(len(self.ids) - len(left), len(self.ids))
        else:
            for item in left:
                self.session.change(item.id, state="failed", seconds_left=None, preview=None)
            self.session.message = messages.failure(text, kind)
        self._settle()

    def _settle(self) -> None:
        """End when the engine is done and every variant has its layer."""
        if self._engine_ended and not self._finishing and not self._closed:
            self._closed = True
            self.session.running = None
            self._tell_ended()

    def _ask(self, prepared: Prepared) -> None:
        """Let the next model have its turn."""
        if self._cancelled:
            return
        self._prepared = prepared
        self._turn += 1
        leg = self._legs[self._turn]
        if self._turn:
            self.session.running = self._running("load", leg)
        # An engine that answers at once may have gone on to the next turn before its handle is here.
        turn = self._turn
        handle = self._runner.start(leg.settings.model, prepared.requests[turn], self)
        if self._turn == turn:
            self._handle = handle

    def _running(self, stage: str, leg: Leg, variant: int = 0, step: int = 0, left: float | None = None) -> Running:
        """variant: its place in the leg."""
        before = sum(len(leg.places) for leg in self._legs[: max(0, self._turn)])
        other = len(self._legs) > 1 or leg.settings.model != self.session.model
        model = leg.settings.model if other else ""
        return Running(before + variant, len(self.ids), stage, step, leg.settings.steps, left, model)

    def _step(self, leg: Leg, step: Progress) -> None:
        share = step.step / step.steps if step.steps else 0.0
        id = self.ids[leg.places[step.variant]]
        self.session.change(id, state="running", progress=share, seconds_left=step.seconds_left)
        running = self._running(step.stage, leg, step.variant, step.step, step.seconds_left)
        self.session.running = replace(running, steps=step.steps)

    def _variant(self, leg: Leg, variant: Variant) -> None:
        item, ready = self.session.variant(self.ids[leg.places[variant.index]]), self._prepared
        if item is None or ready is None:  # discarded while it was made
            return
        recipe = ready.recipe(leg.settings, variant.seed, self._runner.status().provider)
        self._finishing.add(item.id)
        self._background.run(
            lambda progress: finished(item, variant, ready.source, recipe),
            self._add,
            lambda error: self._lost(item.id, error),
        )

    def _add(self, done: VariantItem) -> None:
        self._finishing.discard(done.id)
        session = self.session
        if session.variant(done.id) is not None:
            session.variants = tuple(done if item.id == done.id else item for item in session.variants)
            self.document.variants_modified = True
            if not any(item.run == done.run for item in session.picked):
                beside = (self.plan.beside,) if session.variant(self.plan.beside) is not None else ()
                session.chosen = (done.id, *beside)
            if done.outside_mask_changed:
                session.message = messages.outside(done.outside_mask_changed)
        self._settle()

    def _lost(self, id: str, error: Exception) -> None:
        self._finishing.discard(id)
        self.session.change(id, state="failed", preview=None)
        self.session.message = messages.failure(*described(error))
        self._settle()

    def _left(self) -> list[VariantItem]:
        """The engine has not finished them."""
        present = (self.session.variant(id) for id in self.ids if id not in self._finishing)
        return [item for item in present if item is not None and not item.done]


def finished(item: VariantItem, variant: Variant, source: Cut, recipe: Recipe) -> VariantItem:
    """The item with its result: pixels in the document's colours, and the layer that gives them. May take a while."""
    region = source.region
    pixels = in_own_colours(source, variant.image)
    if region.mask is not None and source.srgb is not source.pixels:
        # Converted, a mixture is no longer one: the nearest that a layer and its mask can give takes its place.
        pixels = mixed(source.pixels, unmixed(source.pixels, pixels, region.mask), region.mask)
    layer = layer_of(source.pixels, pixels, region, item.settings.instruction, recipe)
    return replace(
        item,
        state="done",
        progress=1.0,
        seconds_left=None,
        preview=None,
        pixels=pixels,
        layer=layer,
        recipe=recipe,
        seconds=variant.seconds,
        changed_fraction=variant.changed_fraction,
        outside_mask_changed=variant.outside_mask_changed,
    )


def described(error: Exception) -> tuple[str, str]:
    """A sentence for the user, and the kind of the error."""
    if isinstance(error, EngineError | PalimpsestError):
        return str(error), type(error).__name__
    return f"The edit failed unexpectedly ({type(error).__name__}: {error}).", "Unexpected"
