"""What the user can ask of the edits of a document; each becomes a run that fills the strip of variants."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from editor.core.document import Document, find
from editor.core.errors import PalimpsestError
from editor.core.layer import RasterLayer
from editor.edits import messages
from editor.edits.apply import keep
from editor.edits.background import Background, InlineBackground
from editor.edits.open_document import OpenDocument
from editor.edits.plan import FindFacts, Plan
from editor.edits.recipe import recipe_of, region_again, settings_from
from editor.edits.region import Region, below, region_of
from editor.edits.run import Run
from editor.edits.runner import EditRunner
from editor.edits.session import EditSession
from editor.edits.settings import EditSettings, ModelFacts, for_model
from editor.edits.values import Message

# A random seed stays short enough to be typed again.
RANDOM_SEEDS = 2**32

# One nudge of a dial.
TEXT_NUDGE, IMAGE_NUDGE = 1.0, 0.15


class Generation:
    """The edits of one document. Use it on one thread; `close` it with the document.

    Nothing is raised to the window: what goes wrong becomes `session.message`, and the document is never touched but
    by `keep`. find: looks up what is known of a model, for the recipes of variants; from any thread.
    """

    def __init__(
        self,
        session: EditSession,
        document: OpenDocument,
        runner: EditRunner,
        background: Background | None = None,
        find: FindFacts | None = None,
    ) -> None:
        self.session, self.document, self.runner = session, document, runner
        self._background: Background = background if background is not None else InlineBackground()
        self._find = find
        self._run: Run | None = None
        self._last: Plan | None = None
        self._number = 0
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
        self._begin(Plan(source, region, tuple((dials, seed) for seed in seeds for dials in self._dials()), above))

    def cancel(self) -> None:
        """Stop the edit within one call of the model; finished variants stay."""
        if self._run is not None:
            self._run.cancel()

    def restart(self) -> None:
        """After the engine died: start it again, with the variants that it did not get to."""
        self.session.message = None
        plan = self._last
        if self._run is not None:
            return
        if plan is None:
            self.runner.prewarm(self.session.model)
            return
        items = self.session.variants
        done = {(item.settings, item.seed) for item in items if item.done and item.run == self._number}
        missing = tuple(wanted for wanted in plan.wanted if wanted not in done)
        self._begin(replace(plan, wanted=missing or plan.wanted))

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
        self._begin(Plan(below(document, layer_id), region, ((settings_from(recipe), recipe.seed),), layer_id))
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

    def again_with(self, id: str, other: ModelFacts, own: ModelFacts | None) -> None:
        """One more variant beside this one, of the same pixels, region, seed and instruction, made by another model.

        own: what is known of the model that made it, None if that is gone. The dials go over as `for_model` says.
        """
        item = self.session.variant(id)
        if item is not None and self._run is None:
            wanted = ((for_model(item.settings, own, other), item.seed),)
            self._begin(Plan(item.source, item.region, wanted, item.above, item.place, id if item.done else ""))

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
            run.close()

    def _dials(self) -> tuple[EditSettings, ...]:
        """Those of each model that is to make variants."""
        session, also = self.session, self.session.also
        settings = session.settings
        return (settings,) if also is None else (settings, for_model(settings, session.facts, also))

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
        wanted = ((settings or item.settings, item.seed if seed is None else seed),)
        self._begin(Plan(source, item.region, wanted, "" if place is None else place.id))

    def _begin(self, plan: Plan) -> None:
        session = self.session
        session.message = None
        session.discard(*(item.id for item in session.variants if item.state in ("failed", "cancelled")))
        self._number = 1 + max((self._number, *(item.run for item in session.variants)))
        self._last = plan
        self._run = Run(plan, self._number, session, self.document, self.runner, self._background, self._ended)
        self._run.begin(self._find)

    def _ended(self) -> None:
        self._run = None

    def _engine_changed(self, name: str) -> None:
        status = self.runner.status()
        self.session.engine, self.session.provider = status.state, status.provider
