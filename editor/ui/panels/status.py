"""The status bar: zoom, size, profile, pointer, model and its state, a training, history, and a tick after saving."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from editor.core.document import Document
from editor.edits.open_document import OpenDocument
from editor.ui import theme
from editor.ui.widgets.labels import line

TICK_MS = 2000
ENGINE = {
    "": "",
    "starting": "starting",
    "ready": "ready",
    "busy": "working",
    "died": "stopped",
    "resting": "resting; the next edit starts it again",
}
WIDTHS = {"zoom": "3200 %", "size": "20000 × 20000 px", "profile": "sRGB 8 bit", "pointer": "20000, 20000"}
"""The longest text of each part, so that nothing jumps."""


_TITLES = {"openvino": "OpenVINO", "directml": "DirectML", "coreml": "Core ML"}
"""Of providers whose name is no abbreviation."""


class StatusBar(QStatusBar):
    """Every part keeps its room. profile_name: the name of an ICC profile's bytes, for documents that are not sRGB.

    model_clicked, work_clicked: the part about the model, or about a training, was clicked.
    """

    model_clicked = Signal()
    work_clicked = Signal()

    def __init__(
        self, profile_name: Callable[[bytes], str] = lambda _: "own profile", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._open: OpenDocument | None = None
        self._ends: list[Callable[[], object]] = []
        self._profile_name = profile_name
        self._zoom = 1.0
        self._lines: list[QWidget] = []
        self.setSizeGripEnabled(False)
        self.setAccessibleName("Status")
        self.zoom = self._part("Zoom", "zoom")
        self.size_text = self._part("Size of the picture", "size")
        self.profile = self._part("Colour profile", "profile")
        self.pointer = self._part("Pointer", "pointer")
        self.model = _Clickable(self)
        self.model.clicked.connect(self.model_clicked)
        self._part("Model", label=self.model)
        self.model.setToolTip("Model, and what it runs on; click to see what works on this machine")
        self.work = _Clickable(self)
        self.work.clicked.connect(self.work_clicked)
        self.work.setToolTip("What goes on beside your editing; click to see it")
        self.work.hide()
        self.saved = QLabel(self)
        self.history = QLabel(self)
        self._stand_right()
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(lambda: self.saved.setText(""))
        self.destroyed.connect(lambda: self._let_go())
        self.refresh()

    def show_document(self, opened: OpenDocument | None) -> None:
        """Switch to another tab, or to none."""
        self._let_go()
        self._open = opened
        self.saved.setText("")
        if opened is not None:
            self._ends = [
                opened.changed.connect(lambda name: self.refresh() if name == "document" else None),
                *(opened.edit.on(field, self.refresh) for field in ("model", "engine", "provider")),
            ]
        self.refresh()

    def set_zoom(self, scale: float) -> None:
        """scale: screen pixels per document pixel."""
        self._zoom = scale
        self.zoom.setText(zoom_text(scale) if self._open else "")

    def set_pointer(self, x: float | None, y: float | None) -> None:
        """Document pixels; None while the pointer is not over the canvas."""
        inside = self._open is not None and x is not None and y is not None
        self.pointer.setText(f"{int(x // 1)}, {int(y // 1)}" if inside and x is not None and y is not None else "")

    def show_work(self, text: str) -> None:
        """What goes on in another window; "" for nothing."""
        self.work.setText(text)
        self.work.setVisible(bool(text))

    def show_saved(self) -> None:
        """A tick for two seconds."""
        self.saved.setText("✓ Saved")
        self._tick.start()

    def refresh(self) -> None:
        """Show the document as it is now."""
        opened = self._open
        document = opened.document if opened else None
        for part in (self.zoom, *self._lines):
            part.setVisible(document is not None)
        self.zoom.setText(zoom_text(self._zoom) if document else "")
        self.size_text.setText(f"{document.width} × {document.height} px" if document else "No document")
        self.profile.setText(self._profile(document))
        self.model.setText(_model_text(opened))
        self.history.setText(f"history {bytes_text(opened.history.bytes_used)}" if opened else "")
        if document is None:
            self.set_pointer(None, None)

    def _profile(self, document: Document | None) -> str:
        if document is None:
            return ""
        return f"{self._profile_name(document.icc) if document.icc else 'sRGB'} 8 bit"

    def _part(self, title: str, width: str = "", label: QLabel | None = None) -> QLabel:
        label = label or QLabel(self)
        theme.set_role(label, "small")
        label.setAccessibleName(title)
        label.setToolTip(title)
        label.setContentsMargins(8, 0, 8, 0)
        if width:
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance(WIDTHS[width]) + 16)
        self.addWidget(label)
        self._lines.append(line(upright=True, parent=self))
        self.addWidget(self._lines[-1])
        return label

    def _stand_right(self) -> None:
        for label, title in ((self.work, "Work"), (self.saved, "Saved"), (self.history, "Memory of the history")):
            label.setAccessibleName(title)
            label.setContentsMargins(8, 0, 8, 0)
            self.addPermanentWidget(label)
        self.history.setToolTip("Memory that the history takes")
        theme.set_role(self.saved, "done")

    def _let_go(self) -> None:
        for end in self._ends:
            end()
        self._ends = []


class _Clickable(QLabel):
    """A label that tells when it is clicked."""

    clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()


def zoom_text(scale: float) -> str:
    """ "62 %", with a digit more where that matters."""
    percent = scale * 100
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"


def bytes_text(count: int) -> str:
    """ "38 MB", in powers of 1024."""
    if count < 1 << 20:
        return f"{count / (1 << 10):.0f} kB"
    if count < 1 << 30:
        return f"{count / (1 << 20):.0f} MB"
    return f"{count / (1 << 30):.1f} GB"


def provider_title(provider: str) -> str:
    """ "CPU" for "cpu": an abbreviation, a name of `_TITLES`, or one that has its capitals already."""
    return _TITLES.get(provider, provider.upper() if provider.islower() else provider)


def _model_text(opened: OpenDocument | None) -> str:
    if opened is None or not opened.edit.model:
        return ""
    provider = f" on {provider_title(opened.edit.provider)}" if opened.edit.provider else ""
    state = ENGINE.get(opened.edit.engine, opened.edit.engine)
    name = opened.edit.model[:1].upper() + opened.edit.model[1:]
    return f"{name} model{provider}{', ' + state if state else ''}"
