"""An edit from the press of Generate to finished variants in the strip."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from editor.core.document import Document, find
from editor.core.errors import PalimpsestError
from editor.core.layer import RasterLayer
from editor.edits import messages
from editor.edits.apply import keep, layer_of
from editor.edits.background import Background, InlineBackground, Job, Progress
from editor.edits.mix import mixed, unmixed
from editor.edits.open_document import OpenDocument
from editor.edits.recipe import Recipe, mask_hash, recipe_of, region_again, settings_from
from editor.edits.region import Cut, Region, below, cut, in_own_colours, region_of, request_of
from editor.edits.runner import EditHandle, EditRunner
from editor.edits.session import EditSession
from editor.edits.settings import EditSettings
from editor.edits.values import Message, Running, VariantItem
from inference.errors import EngineError
from inference.types import EditRequest, Event, Notice, Preview, Variant
from inference.types import Progress as Step

# A random seed stays short enough to be typed again.
RANDOM_SEEDS = 2**32

# One nudge of a dial.
TEXT_NUDGE, IMAGE_NUDGE = 1.0, 0.15


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a run needs, taken on the thread of the window. above: as in VariantItem."""

    source: Document
    region: Region
    settings: EditSettings
    seeds: tuple[int, ...]
    above: str = ""


class _Run:
    """One edit on its way: the listener of the runner. Its items stand in the session's strip."""

    def __init__(self, owner: Generation, plan: Plan, ids: tuple[str, ...]) -> None:
        self.owner, self.plan, self.ids = owner, plan, ids
        self.cut: Cut | None = None
        self.hashes: tuple[str, str] = ("", "")
        self.handle: EditHandle | None = None
        self.preparing: Job | None = None
        self.finishing: set[str] = set()
        self.ended = False
        self.cancelled = False

    def on_event(self, event: Event) -> None:
        self.owner.event(self, event)

    def on_done(self) -> None:
        self.ended = True
        self.owner.settle(self)

    def on_error(self, text: str, kind: str) -> None:
        self.ended = True
        self.owner.failed(self, text, kind)


class Generation:
    """The edits of one document. Use it on one thread; `close` it with the document.

    Nothing is raised to the window: what goes wrong becomes `session.message`, and the document is never touched but
    by `keep`.
    """

    def __init__(
        self,
        session: EditSession,
        document: OpenDocument,
        runner: EditRunner,
        background: Background | None = None,
    ) -> None:
        self.session, self.document, self.runner = session, document, runner
        self._background: Background = background if background is not None else InlineBackground()
        self._run: _Run | None = None
        self._last: Plan | None = None
        self._runs = 1 + max((item.run for item in session.variants), default=0)
        self._ends = (
            runner.status().changed.connect(self._engine_changed),
            document.on("document", self._leave_again),
        )
        self._engine_changed("")

    @property
    def running(self) -> bool:
        return self._run is not None

    def start(self) -> None:
        """Make variants of the document as it is now, in the selection, or of the edit layer that is edited again."""
        session = self.session
        if self._run is not None or not self._ready():
            return
        if not session.seed_locked:
            session.seed = secrets.randbelow(RANDOM_SEEDS)
        seeds = tuple(session.seed + index for index in range(max(1, session.count)))
        try:
            source, region, above = self._source()
        except PalimpsestError as error:
            session.message = Message(str(error), "info")
            return
        session.remember(session.settings.instruction)
        self._begin(Plan(source, region, session.settings, seeds, above))

    def cancel(self) -> None:
        """Stop the edit within one call of the model; finished variants stay."""
        run = self._run
        if run is None:
            return
        run.cancelled = True
        if run.preparing is not None:
            run.preparing.cancel()
        if run.handle is not None:
            run.handle.cancel()
        elif run.preparing is not None:
            self.failed(run, "The edit was cancelled.", "Cancelled")

    def restart(self) -> None:
        """After the engine died: start it again, with the variants that it did not get to."""
        self.session.message = None
        plan = self._last
        if self._run is not None:
            return
        if plan is None:
            self.runner.prewarm(self.session.model)
            return
        done = {item.seed for item in self.session.variants if item.done and item.run == self._runs - 1}
        missing = tuple(seed for seed in plan.seeds if seed not in done)
        self._begin(replace(plan, seeds=missing or plan.seeds))

    def again(self, layer_id: str) -> None:
        """Run the recipe of an edit layer: the same pixels, if what lies below and the model are the same."""
        document = self.document.document
        layer = find(document, layer_id)
        recipe = recipe_of(layer)
        if self._run is not None or recipe is None or not isinstance(layer, RasterLayer):
            return
        region = region_again(document, layer, recipe)
        if region.rect.empty:
            self.session.message = Message("This layer lies outside the page: move it back to run it again.", "info")
            return
        self._begin(Plan(below(document, layer_id), region, settings_from(recipe), (recipe.seed,), layer_id))
        facts = self.session.facts
        if facts is not None and facts.name == recipe.model and facts.sha256 != recipe.model_sha256:
            self.session.message = messages.other_model(recipe.model)

    def again_variant(self, id: str) -> None:
        """One more variant with the same dials in the same region, of another seed."""
        self._repeat(id, seed=secrets.randbelow(RANDOM_SEEDS))

    def nudge(self, id: str, text: int = 0, image: int = 0) -> None:
        """One more variant with the same seed and a dial turned a little: text, image are steps up or down."""
        item = self.session.variant(id)
        if item is not None:
            dials = item.settings
            text_scale = max(0.0, round(dials.text_scale + text * TEXT_NUDGE, 2))
            image_scale = max(0.0, round(dials.image_scale + image * IMAGE_NUDGE, 2))
            self._repeat(id, replace(dials, text_scale=text_scale, image_scale=image_scale))

    def copy_settings(self, id: str) -> None:
        """Turn the dials as they were for a variant, with its seed locked."""
        item = self.session.variant(id)
        if item is not None:
            self.session.take(item.settings, item.seed)

    def edit_again(self, layer_id: str) -> None:
        """Fill the bar from an edit layer, so that the next Generate edits it again; "" ends that."""
        recipe = recipe_of(find(self.document.document, layer_id)) if layer_id else None
        self.session.again = layer_id if recipe is not None else ""
        if recipe is not None:
            self.session.take(settings_from(recipe), recipe.seed)
            self.session.seed_locked = False

    def _leave_again(self) -> None:
        """Another layer is active now: the next edit is of the whole picture again."""
        if self.session.again and self.document.document.active != self.session.again:
            self.session.again = ""

    def keep(self, ids: Sequence[str] = ()) -> bool:
        """Turn variants into layers in one step, those chosen if none are named; they stay in the strip.

        False where the document refused; the message says why.
        """
        items = [item for id in ids or self.session.chosen if (item := self.session.variant(id)) is not None]
        try:
            self.document.do(keep(item for item in items if item.done))
        except PalimpsestError as error:
            self.session.message = Message(str(error), "info")
            return False
        self.session.chosen = ()
        self.session.compare = ""
        self.session.again = ""
        return True

    def close(self) -> None:
        """End the edit, with the tab. Nothing is told afterwards."""
        run, self._run = self._run, None
        for end in self._ends:
            end()
        if run is not None:
            run.cancelled = True
            if run.preparing is not None:
                run.preparing.cancel()
            if run.handle is not None:
                run.handle.cancel()

    # What the run tells.

    def event(self, run: _Run, event: Event) -> None:
        if run is not self._run or run.cancelled:
            return
        if isinstance(event, Step):
            self._step(run, event)
        elif isinstance(event, Preview):
            self.session.change(run.ids[event.variant], preview=event.image)
        elif isinstance(event, Notice):
            self.session.message = messages.notice(event.text)
        else:
            self._variant(run, event)

    def failed(self, run: _Run, text: str, kind: str) -> None:
        if run is not self._run:
            return
        run.ended = True
        left = [item for item in self._items(run) if not item.done and item.id not in run.finishing]
        if kind == "Cancelled":
            self.session.discard(*(item.id for item in left))
            self.session.message = messages.cancelled(len(run.ids) - len(left), len(run.ids))
        else:
            for item in left:
                self.session.change(item.id, state="failed", seconds_left=None, preview=None)
            self.session.message = messages.failure(text, kind)
        self.settle(run)

    def settle(self, run: _Run) -> None:
        """End the run when the engine is done and every variant has its layer."""
        if run is self._run and run.ended and not run.finishing:
            self._end()

    def _end(self) -> None:
        self._run = None
        self.session.running = None

    def _ready(self) -> bool:
        if not self.session.instruction.strip():
            self.session.message = messages.NO_INSTRUCTION
        elif not self.session.model:
            self.session.message = messages.NO_MODEL
        else:
            return True
        return False

    def _source(self) -> tuple[Document, Region, str]:
        document, again = self.document.document, self.session.again
        layer = find(document, again) if again else None
        recipe = recipe_of(layer)
        if recipe is None or not isinstance(layer, RasterLayer):
            return document, region_of(document, self.session.size), ""
        region = region_again(document, layer, recipe)
        if document.selection is not None or region.rect.empty:
            region = region_of(document, self.session.size)
        return below(document, again), region, again

    def _repeat(self, id: str, settings: EditSettings | None = None, seed: int | None = None) -> None:
        item = self.session.variant(id)
        if item is None or self._run is not None:
            return
        document = self.document.document
        place = find(document, item.above) if item.above else None
        source = document if place is None else below(document, place.id)
        seeds = (item.seed if seed is None else seed,)
        self._begin(Plan(source, item.region, settings or item.settings, seeds, "" if place is None else place.id))

    def _begin(self, plan: Plan) -> None:
        session = self.session
        session.message = None
        session.discard(*(item.id for item in session.variants if item.state in ("failed", "cancelled")))
        items = tuple(_items(plan, self._runs))
        self._runs += 1
        session.variants = (*session.variants, *items)
        session.running = Running(0, len(items), "prepare", 0, plan.settings.steps)
        run = _Run(self, plan, tuple(item.id for item in items))
        self._run, self._last = run, plan
        run.preparing = self._background.run(
            lambda progress: _prepared(plan, progress),
            lambda prepared: self._ask(run, *prepared),
            lambda error: run.on_error(*_described(error)),
        )

    def _ask(self, run: _Run, source: Cut, hashes: tuple[str, str], request: EditRequest) -> None:
        if run is self._run and not run.cancelled:
            run.cut, run.hashes = source, hashes
            handle = self.runner.start(run.plan.settings.model, request, run)
            run.handle = handle

    def _step(self, run: _Run, step: Step) -> None:
        share = step.step / step.steps if step.steps else 0.0
        self.session.change(run.ids[step.variant], state="running", progress=share, seconds_left=step.seconds_left)
        self.session.running = Running(step.variant, len(run.ids), step.stage, step.step, step.steps, step.seconds_left)

    def _variant(self, run: _Run, variant: Variant) -> None:
        item, source = self.session.variant(run.ids[variant.index]), run.cut
        if item is None or source is None:  # discarded while it was made
            return
        recipe = self._recipe(run, variant.seed)
        run.finishing.add(item.id)
        self._background.run(
            lambda progress: finished(item, variant, source, recipe),
            lambda done: self._add(run, done),
            lambda error: self._lost(run, item.id, error),
        )

    def _add(self, run: _Run, done: VariantItem) -> None:
        run.finishing.discard(done.id)
        session = self.session
        if session.variant(done.id) is not None:
            session.variants = tuple(done if item.id == done.id else item for item in session.variants)
            self.document.variants_modified = True
            if not any(item.run == done.run for item in session.picked):
                session.choose(done.id)
            if done.outside_mask_changed:
                session.message = messages.outside(done.outside_mask_changed)
        self.settle(run)

    def _lost(self, run: _Run, id: str, error: Exception) -> None:
        run.finishing.discard(id)
        self.session.change(id, state="failed", preview=None)
        self.session.message = messages.failure(*_described(error))
        self.settle(run)

    def _recipe(self, run: _Run, seed: int) -> Recipe:
        settings, facts, status = run.plan.settings, self.session.facts, self.runner.status()
        known = facts if facts is not None and facts.name == settings.model else None
        return Recipe(
            **vars(settings),
            seed=seed,
            region=run.plan.region.rect,
            mask=run.hashes[1],
            source=run.hashes[0],
            model_sha256="" if known is None else known.sha256,
            precision="" if known is None else known.precision,
            provider=status.provider,
            library="" if known is None else known.library,
        )

    def _items(self, run: _Run) -> Iterator[VariantItem]:
        return (item for id in run.ids if (item := self.session.variant(id)) is not None)

    def _engine_changed(self, name: str) -> None:
        status = self.runner.status()
        self.session.engine, self.session.provider = status.state, status.provider


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


def _items(plan: Plan, run: int) -> Iterator[VariantItem]:
    for index, seed in enumerate(plan.seeds):
        id = uuid.uuid4().hex
        yield VariantItem(id, index, seed, plan.settings, plan.region, plan.source, above=plan.above, run=run)


def _prepared(plan: Plan, progress: Progress) -> tuple[Cut, tuple[str, str], EditRequest]:
    source = cut(plan.source, plan.region)
    progress(0.5)
    return source, (source.sha256, mask_hash(plan.region)), request_of(source, plan.settings, plan.seeds)


def _described(error: Exception) -> tuple[str, str]:
    if isinstance(error, EngineError | PalimpsestError):
        return str(error), type(error).__name__
    return f"The edit failed unexpectedly ({type(error).__name__}: {error}).", "Unexpected"
