"""Pairs that the training does not see, as the model edits them: before, at the start, now, wanted."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from editor.jobs.training_runs import Sample
from editor.ui import theme
from editor.ui.training.pairs_list import paint_inside
from editor.ui.training.pictures import Pictures

LEAST, MOST, GAP = 80, 224, 8
WAITING = "Pictures that the training does not see are edited at the start and again as it goes on. They come here."


class Strips(QWidget):
    """A row for each pair; in a scroll area it is as wide as that and as high as it needs."""

    def __init__(self, pictures: Pictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self._samples: tuple[Sample, ...] = ()
        self._step = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Pictures before, at the start, now, and as they are wanted")
        end = pictures.ready.connect(self._came)
        self.destroyed.connect(lambda: end())

    @property
    def titles(self) -> tuple[str, str, str, str]:
        """Of the columns."""
        return "Before", "At the start", f"Now (step {self._step:,})" if self._step else "Now", "Wanted"

    def show_samples(self, samples: tuple[Sample, ...], step: int) -> None:
        if samples is not self._samples or step != self._step:
            self._samples, self._step = samples, step
            self._resize()
            self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._top + max(1, len(self._samples)) * (self._high(width) + self._line + 2 * GAP)

    def sizeHint(self) -> QSize:
        return QSize(4 * 128 + 3 * GAP, self.heightForWidth(max(self.width(), 4 * 128)))

    def minimumSizeHint(self) -> QSize:
        return QSize(4 * LEAST + 3 * GAP, self.heightForWidth(max(self.width(), 4 * LEAST)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), theme.current()
        painter.setPen(look.colour("secondary"))
        if not self._samples:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, WAITING)
            return
        wide = self._wide(self.width())
        for column, title in enumerate(self.titles):
            place = QRect(column * (wide + GAP), 0, wide, self._line)
            text = self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, wide)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, text)
        for row, sample in enumerate(self._samples):
            self._paint_row(painter, row, sample, wide)

    def _paint_row(self, painter: QPainter, row: int, sample: Sample, wide: int) -> None:
        high = self._high(self.width())
        top = self._top + row * (high + self._line + 2 * GAP)
        scale = self.devicePixelRatioF()
        for column, path in enumerate((sample.source, sample.start, sample.now, sample.target)):
            place = QRect(column * (wide + GAP), top, wide, high)
            picture = self._pictures.get(path, MOST, scale) if isinstance(path, Path) else None
            painter.fillRect(place, theme.current().colour("field"))
            if picture is not None:
                paint_inside(painter, place, picture)
        painter.setPen(theme.current().colour("secondary"))
        text = self.fontMetrics().elidedText(sample.instruction, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRect(0, top + high + 4, self.width(), self._line), 0, text)

    @property
    def _line(self) -> int:
        return self.fontMetrics().lineSpacing()

    @property
    def _top(self) -> int:
        return self._line + GAP

    def _wide(self, width: int) -> int:
        return max(LEAST, min(MOST, (width - 3 * GAP) // 4))

    def _high(self, width: int) -> int:
        return self._wide(width) * 3 // 4

    def _came(self, path: Path) -> None:
        self.update()

    def _resize(self) -> None:
        self.updateGeometry()
        self.setMinimumHeight(self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(self.heightForWidth(self.width()))
