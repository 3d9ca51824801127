"""What a new training needs: a model, a recipe, a name; and what it will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from editor.edits.times import about
from editor.jobs.pairs import PairsShelf
from editor.jobs.shelf import Shelf
from editor.jobs.trainer import Trainer
from editor.jobs.trainer_state import Offer
from editor.jobs.training_plan import Plan, Wish
from editor.ui import theme
from editor.ui.dialogs.models_adding import Problem
from editor.ui.training.facts import Facts, room
from editor.ui.training.pairs_tab import count
from editor.ui.widgets.labels import line, secondary

DELAY_MS = 250
"""How long a choice has to rest before it is asked what it would take."""
INTRO = "A training makes a new model out of one that you have. The one that you have stays as it is."
INSTALL = "Training needs packages that are not installed. Install them, then open this page again:"
NO_PAIRS = "There are no pairs to train on yet: make some first."
ROWS = ("Pairs", "Time", "Memory", "Disk")
DEVICES = {"cpu": "the processor", "cuda": "the graphics card", "mps": "the graphics card"}


class TrainForm(QWidget):
    """started: the user has begun a training."""

    started = Signal()

    def __init__(self, trainer: Trainer, pairs: PairsShelf, models: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trainer, self._pairs, self._models = trainer, pairs, models
        self._preferred = ""
        self._named = False
        self.base, self.recipe = QComboBox(self), QComboBox(self)
        self.about = secondary("", self)
        self.name = QLineEdit(self)
        self.facts = Facts(ROWS, self)
        self.problem = Problem(self)
        self.start = QPushButton("Start training", self)
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(DELAY_MS)
        self._lay_out()
        self._connect()
        self._fill_bases()
        self._fill_recipes()
        self.refresh()

    @property
    def wish(self) -> Wish:
        """What is chosen."""
        base, recipe = self.base.currentData(), self.recipe.currentData()
        return Wish(str(base or ""), str(recipe or ""), self.name.text().strip())

    def prepare(self, in_use: str) -> None:
        """Somebody looks at it. in_use: the model to begin with unless another one was chosen."""
        self._preferred = in_use
        self._fill_bases()
        self._suggest()
        self.ask()

    def ask(self) -> None:
        """See what the choice would take, once it rests."""
        self._waiting.start()

    def refresh(self) -> None:
        """What the trainer knows by now."""
        offer, wish = self._trainer.offer, self.wish
        self.facts.show_values(rows(offer.plan, offer.planning))
        text, command = self._why_not(offer)
        plan = offer.plan
        advice = " ".join(plan.problems) if plan is not None and not text else ""
        self.problem.show_text(text or advice, command)
        theme.set_role(self.problem.text, "error" if text and not command else "warning")
        same = offer.wish.same_plan == wish.same_plan
        ready = plan is not None and plan.can_start and same and not offer.planning
        self.start.setEnabled(ready and not text and not self._trainer.state.busy)

    def _why_not(self, offer: Offer) -> tuple[str, str]:
        """(why it cannot start, the command that helps)"""
        error = self._trainer.state.error if self._trainer.state.phase == "idle" else ""
        if offer.install:
            return INSTALL, offer.install
        if self._trainer.state.busy:
            return "Another training is going on: wait for it, or stop it first.", ""
        if offer.error or error:
            return offer.error or error, ""
        if offer.plan is not None and not offer.plan.can_start:
            return " ".join(dict.fromkeys((*offer.plan.problems, offer.plan.why))) or NO_PAIRS, ""
        return self._trainer.name_problem(self.name.text().strip()), ""

    def _lay_out(self) -> None:
        intro = secondary(INTRO, self)
        intro.setWordWrap(True)
        self.about.setWordWrap(True)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # nothing jumps with a longer one
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        fields = (("Model", self.base), ("Recipe", self.recipe), ("", self.about), ("Name", self.name))
        for row, (title, widget) in enumerate(fields):
            grid.addWidget(QLabel(title, self), row, 0)
            grid.addWidget(widget, row, 1)
            if title:
                widget.setAccessibleName(title)
        title = QLabel("What it takes", self)
        theme.set_role(title, "title")
        theme.set_role(self.start, "main")
        held = QWidget(self)  # keeps the place of what is said
        held.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        inside = QVBoxLayout(held)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.problem)
        inside.addStretch(1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.start)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(intro)
        column.addLayout(grid)
        column.addWidget(line(parent=self))
        column.addWidget(title)
        column.addWidget(self.facts)
        column.addWidget(held)
        column.addStretch(1)
        column.addLayout(buttons)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_room()

    def _keep_room(self) -> None:
        """For every line of the texts: a page that is too low would take it from the gaps between them."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumHeight(layout.minimumHeightForWidth(self.width()))

    def _connect(self) -> None:
        self.base.currentIndexChanged.connect(lambda: self._base_changed())
        self.base.activated.connect(lambda: setattr(self, "_preferred", self.wish.base))
        self.recipe.currentIndexChanged.connect(lambda: self._recipe_changed())
        self.name.textEdited.connect(self._name_edited)
        self.name.textChanged.connect(lambda: self.refresh())
        self.start.clicked.connect(self._start)
        self._waiting.timeout.connect(self._ask_now)
        ends = [
            self._models.on("entries", self._fill_bases),
            self._pairs.on("entries", self._pairs_changed),
            self._trainer.on("recipes", self._fill_recipes),
            self._trainer.on("recipe", self._choose_recipe),
            self._trainer.on("offer", self.refresh),
            self._trainer.on("runs", self._suggest),
            self._trainer.on("state", self.refresh),
        ]
        self.destroyed.connect(lambda: [end() for end in ends])

    def _ask_now(self) -> None:
        wish = self.wish
        if wish.base and wish.recipe:
            self._trainer.ask(wish)

    def _start(self) -> None:
        self._trainer.start(self.wish)
        if self._trainer.state.busy:
            self._named = False
            self.started.emit()

    def _fill_bases(self) -> None:
        before = self.wish.base or self._preferred
        names = [entry.name for entry in self._models.entries if not entry.problem]
        if [self.base.itemData(row) for row in range(self.base.count())] == names:
            return
        self.base.blockSignals(True)
        _fill(self.base, [(name, name) for name in names], before)
        self.base.blockSignals(False)
        self._base_changed()

    def _base_changed(self) -> None:
        if self.wish.base:
            self._trainer.ask_recipes(self.wish.base)
            self.refresh()
            self.ask()

    def _fill_recipes(self) -> None:
        self.recipe.blockSignals(True)
        _fill(self.recipe, [(each.name, each.name) for each in self._trainer.recipes], self.wish.recipe)
        self.recipe.blockSignals(False)
        self._recipe_changed()

    def _choose_recipe(self) -> None:
        self.recipe.setCurrentIndex(max(0, self.recipe.findData(self._trainer.recipe)))

    def _recipe_changed(self) -> None:
        chosen = next((each for each in self._trainer.recipes if each.name == self.wish.recipe), None)
        self.about.setText(chosen.about if chosen is not None else "")
        self._keep_room()
        self.refresh()
        self.ask()

    def _pairs_changed(self) -> None:
        self._suggest()
        self.refresh()
        self.ask()

    def _name_edited(self, text: str) -> None:
        self._named = bool(text)

    def _suggest(self) -> None:
        """A name, as long as the user has not given one."""
        if not self._named:
            words = [entry.instruction for entry in self._pairs.entries if entry.enabled]
            self.name.setText(self._trainer.suggested_name(words))


def rows(plan: Plan | None, planning: bool) -> Sequence[tuple[str, str, str]]:
    """What a plan says, as titles and texts; the places are kept where nothing is known."""
    if plan is None:
        return [(title, "looking..." if planning else "-", "secondary") for title in ROWS]
    device = DEVICES.get(plan.device, plan.device)
    kept = f", and {plan.held_out:,} kept for judging" if plan.held_out else ""
    where = f" on {device}" if device else ""
    time = about(plan.seconds)
    steps = count(plan.steps, "step")
    free = f"; {room(plan.memory_free)} are free" if plan.memory_free is not None else ""
    return [
        ("Pairs", f"{count(plan.pairs, 'pair')} to learn from{kept}", ""),
        ("Time", f"{time}{where}, {steps}" if time else f"{steps}{where}: the time shows after the first ones", ""),
        ("Memory", f"about {room(plan.memory_bytes)}{free}", "error" if plan.too_large else ""),
        ("Disk", f"about {room(plan.disk_bytes)}", ""),
    ]


def _fill(box: QComboBox, items: Sequence[tuple[str, str]], chosen: str) -> None:
    box.clear()
    for title, data in items:
        box.addItem(title, data)
    box.setCurrentIndex(max(0, box.findData(chosen)) if items else -1)
