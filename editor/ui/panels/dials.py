"""The popover with the dials: how much to change, how much to keep, and what else can change a result."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from editor.edits.session import EditSession
from editor.ui import theme
from editor.ui.bind import Binding, bind, watch
from editor.ui.panels.dial_pad import DialPad
from editor.ui.panels.saving_choice import SavingChoice
from editor.ui.widgets.icon_button import IconButton
from editor.ui.widgets.labels import line, secondary
from editor.ui.widgets.number_box import number_box, whole_box
from editor.ui.widgets.number_slider import NumberSlider

TEXT_RANGE, IMAGE_RANGE = (1.0, 15.0), (0.8, 3.0)
SIZES = (128, 192, 256, 384, 512, 640, 768, 1024)
SAMPLER_TITLES = {
    "euler": "Euler",
    "euler_ancestral": "Euler, ancestral",
    "ddim": "DDIM",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M, Karras spacing",
    "lcm": "Latent consistency (LCM)",
}
HINT = "Too little changed: more Follow or less Keep. Too much: the other way."
LARGEST_SEED = 2**53
"""A seed is shown by a field of floating point numbers, which are exact up to here."""
DRAWN_SEEDS = 2**32
CHOICES = ("sampler", "samplers", "size", "model", "also")
NO_OTHER = "no other model"


class DialsPopover(QFrame):
    """models: the names that may be chosen. trigger: "model.choose" is run with the name that was chosen, and
    "model.also" with that of a second one, or ""."""

    def __init__(
        self, models: Callable[[], tuple[str, ...]], trigger: Callable[..., object], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._models, self._trigger = models, trigger
        self._session: EditSession | None = None
        self._bindings: list[Binding] = []
        theme.set_role(self, "popover")
        self.setAccessibleName("Dials")
        self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)  # a click on its button closes it, and no more
        self._make()
        self._lay_out()
        self._connect()

    def show_session(self, session: EditSession | None) -> None:
        """Turn the dials of another tab."""
        for binding in self._bindings:
            binding.end()
        self._session, self._bindings = session, []
        self.saving.show_session(session)
        self.setEnabled(session is not None)
        if session is None:
            return
        # The lists first: a value that is not in its list would be taken for no choice.
        self._bindings = [watch(session, name, self, self._refill) for name in CHOICES]
        fields = {
            "text_scale": self.follow,
            "image_scale": self.keep,
            "steps": self.steps,
            "sampler": self.sampler,
            "seed_locked": self.lock,
            "size": self.size_box,
            "full_res": self.full_res,
        }
        self._bindings += [bind(session, name, widget) for name, widget in fields.items()]
        self._bindings.append(watch(session, "seed", self, self._show_seed))
        self.pad.show_session(session)

    def open_above(self, button: QWidget) -> None:
        """Show it over a button, its right edges aligned, inside the screen."""
        if self._session is not None:
            self._fill(self._session)
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - self.width(), -self.height() - theme.GRID))
        area = button.screen().availableGeometry()
        self.move(max(area.left(), corner.x()), max(area.top(), corner.y()))
        self.show()
        self.follow.slider.setFocus()

    def _make(self) -> None:
        self.follow = NumberSlider("Follow the instruction", *TEXT_RANGE, decimals=1, help=_tip("text scale"))
        self.keep = NumberSlider("Keep the original", *IMAGE_RANGE, decimals=2, help=_tip("image scale"))
        self.pad = DialPad(TEXT_RANGE, IMAGE_RANGE, self)
        self.steps = whole_box(1, 200, parent=self)
        self.sampler, self.size_box, self.model = QComboBox(self), QComboBox(self), QComboBox(self)
        self.also = QComboBox(self)
        self.seed = number_box(0, LARGEST_SEED, decimals=0, parent=self)
        self.lock = IconButton("lock-open", "Use this seed again", checkable=True, parent=self)
        self.die = IconButton("dices", "Draw another seed", parent=self)
        self.saving = SavingChoice(self)
        self.full_res = QCheckBox("Full resolution", self)
        self.full_res.setToolTip("Carry the edit over to the photo's own pixels, so that its grain and detail stay")
        self.reset = QPushButton("Reset", self)
        self.reset.setToolTip("All dials as the model likes them")

    def _refill(self, _: object) -> None:
        if self._session is not None:
            self._fill(self._session)

    def _fill(self, session: EditSession) -> None:
        """The choices that depend on the model."""
        _choices(self.sampler, {name: SAMPLER_TITLES.get(name, name) for name in session.samplers}, session.sampler)
        sizes = sorted({*SIZES, session.size})
        _choices(self.size_box, {size: f"{size} px" for size in sizes}, session.size)
        names = self._models()
        _choices(self.model, {name: name for name in names}, session.model)
        also = session.also.name if session.also is not None else ""
        others = {name: name for name in (*names, also) if name and name != session.model}
        _choices(self.also, {"": NO_OTHER, **others}, also)
        self._form.setRowVisible(self.also, bool(others))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for title, slider in (("Follow the instruction", self.follow), ("Keep the original", self.keep)):
            column.addWidget(secondary(title, self))
            column.addWidget(slider)
        hint = secondary(HINT, self)
        hint.setWordWrap(True)
        hint.setFixedWidth(200)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.pad)
        row.addWidget(hint)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(line(parent=self))
        column.addLayout(self._rest())
        column.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignRight)
        self.setFixedWidth(360)

    def _rest(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form = form
        seed = QHBoxLayout()
        seed.setSpacing(4)
        seed.addWidget(self.seed, 1)
        seed.addWidget(self.lock)
        seed.addWidget(self.die)
        named = (("Steps", self.steps), ("Sampler", self.sampler), ("Size", self.size_box), ("Model", self.model))
        for title, widget in named:
            widget.setAccessibleName(title)
            form.addRow(title, widget)
        self.seed.setAccessibleName("Seed")
        self.size_box.setToolTip("The longer side of the picture, as the model sees it")
        form.insertRow(2, "Seed", seed)
        self.also.setAccessibleName("Second model")
        self.also.setToolTip("Make every variant with this model too, beside the other, to compare them")
        form.addRow("Compare with", self.also)
        form.addRow("Speed", self.saving)
        form.addRow("", self.full_res)
        return form

    def _connect(self) -> None:
        self.lock.toggled.connect(self._locked)
        self.die.clicked.connect(self._draw)
        self.seed.valueChanged.connect(self._seed_typed)
        self.reset.clicked.connect(self._reset)
        self.model.activated.connect(lambda: self._trigger("model.choose", self.model.currentData()))
        self.also.activated.connect(lambda: self._trigger("model.also", self.also.currentData()))

    def _locked(self, locked: bool) -> None:
        title = "This seed is used again; press for a new one each time" if locked else "Use this seed again"
        self.lock.show_as("lock" if locked else "lock-open", title)

    def _show_seed(self, seed: int) -> None:
        if round(self.seed.value()) != seed:
            self.seed.setValue(seed)

    def _seed_typed(self, value: float) -> None:
        if self._session is not None and self._session.seed != round(value):
            self._session.seed = round(value)

    def _draw(self) -> None:
        if self._session is not None:
            self._session.seed = secrets.randbelow(DRAWN_SEEDS)

    def _reset(self) -> None:
        if self._session is not None:
            self._session.reset()


def _tip(name: str) -> str:
    return f"{HINT} (In the paper: {name}.)"


def _choices(box: QComboBox, titles: dict[str, str] | dict[int, str], now: str | int) -> None:
    """Fill without telling anybody; what is chosen stays chosen."""
    box.blockSignals(True)
    box.clear()
    for value, title in titles.items():
        box.addItem(title, value)
    box.setCurrentIndex(box.findData(now))
    box.blockSignals(False)
