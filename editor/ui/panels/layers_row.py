"""How one layer looks in the list, and where in its row what lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from editor.core.layer import GroupLayer, Layer, RasterLayer
from editor.ui import icons, theme
from editor.ui.panels.layers_model import EYE, LAYER, LayersModel
from editor.ui.panels.layers_thumbnails import Thumbnails
from editor.ui.theme import Theme
from editor.ui.widgets.checkerboard import checkerboard
from editor.ui.widgets.options import rect_of, state_of

THUMB = 40
ROW = THUMB + theme.GRID
SPARK = 16
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Parts:
    """Rectangles in the row of a layer; the mask's and the spark's are empty where there is none."""

    thumb: QRect
    mask: QRect
    spark: QRect
    name: QRect


def parts(rect: QRect, layer: Layer) -> Parts:
    """rect: of the row's middle column."""
    middle, gap = rect.center().y() + 1, theme.GRID // 2
    thumb = QRect(rect.left() + gap, middle - THUMB // 2, THUMB, THUMB)
    left = thumb.right() + 1 + gap
    mask = QRect(left, thumb.top(), THUMB, THUMB) if layer.mask is not None else QRect()
    left = mask.right() + 1 + gap if layer.mask is not None else left
    edited = isinstance(layer, RasterLayer) and layer.recipe is not None
    spark = QRect(rect.right() - SPARK - gap, middle - SPARK // 2, SPARK, SPARK) if edited else QRect()
    right = spark.left() if edited else rect.right()
    return Parts(thumb, mask, spark, QRect(left + gap, rect.top(), right - left - 2 * gap, rect.height()))


class LayerRow(QStyledItemDelegate):
    """stale: whether what lies below an edit layer has changed since. mask_target: whether tools work on the mask of
    the layer of this id, which then has the frame."""

    def __init__(
        self,
        model: LayersModel,
        thumbnails: Thumbnails,
        stale: Callable[[str], bool],
        mask_target: Callable[[str], bool],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._thumbnails = thumbnails
        self._stale = stale
        self._mask_target = mask_target

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(THUMB, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        layer, look = self._model.layer(index), theme.current()
        if layer is None:
            return
        place = rect_of(option)
        if state_of(option) & QStyle.StateFlag.State_Selected:
            painter.fillRect(place, look.colour("selected"))
        elif state_of(option) & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(place, look.colour("raised"))
        if index.column() == LAYER:
            self._paint_layer(painter, place, layer, look)
        elif index.column() == EYE:
            _paint_icon(painter, place, "eye" if layer.visible else "eye-off", "text" if layer.visible else "secondary")
        elif layer.locked:
            _paint_icon(painter, place, "lock", "text")
        if state_of(option) & QStyle.StateFlag.State_HasFocus:  # not the style's, which tints the pictures
            painter.setPen(look.colour("accent"))
            painter.drawRect(place.adjusted(0, 0, -1, -1))

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        layer = self._model.layer(index)
        if layer is not None:
            name = parts(rect_of(option), layer).name
            editor.setGeometry(name.adjusted(-theme.GRID // 2, 10, 0, -10))

    def _paint_layer(self, painter: QPainter, rect: QRect, layer: Layer, look: Theme) -> None:
        where = parts(rect, layer)
        on_mask = self._mask_target(layer.id)
        if isinstance(layer, GroupLayer):
            _paint_icon(painter, where.thumb, "folder", "secondary")
        else:
            self._paint_thumbnail(painter, where.thumb, self._thumbnails.get(layer.id), look)
        if layer.mask is not None:
            self._paint_mask(painter, where.mask, layer, on_mask, look)
        painter.setPen(look.colour("text" if layer.visible else "secondary"))
        alignment = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        name = two_lines(layer.name, QFontMetrics(painter.font()), where.name.width())
        painter.drawText(where.name, alignment, name)
        if not where.spark.isEmpty():
            self._paint_spark(painter, where.spark, layer, look)

    def _paint_thumbnail(self, painter: QPainter, rect: QRect, picture: QPixmap | None, look: Theme) -> None:
        size = picture.deviceIndependentSize().toSize() if picture is not None else rect.size()
        inside = QRect(0, 0, size.width(), size.height())
        inside.moveCenter(rect.center())
        painter.setBrushOrigin(inside.topLeft())
        painter.fillRect(inside, checkerboard(4))
        if picture is not None:
            painter.drawPixmap(inside.topLeft(), picture)

    def _paint_mask(self, painter: QPainter, rect: QRect, layer: Layer, active: bool, look: Theme) -> None:
        picture = self._thumbnails.get(layer.id, mask=True)
        size = picture.deviceIndependentSize().toSize() if picture is not None else rect.size()
        inside = QRect(0, 0, size.width(), size.height())
        inside.moveCenter(rect.center())
        painter.fillRect(inside, look.colour("field"))
        if picture is not None:
            painter.drawPixmap(inside.topLeft(), picture)
        painter.setPen(look.colour("accent" if active else "edge"))
        painter.drawRect(inside.adjusted(0, 0, -1, -1))
        if active:
            painter.drawRect(inside.adjusted(-1, -1, 0, 0))
        if layer.mask is not None and not layer.mask.enabled:
            painter.setPen(look.colour("error"))
            painter.drawLine(inside.bottomLeft(), inside.topRight())

    def _paint_spark(self, painter: QPainter, rect: QRect, layer: Layer, look: Theme) -> None:
        _paint_icon(painter, rect, "sparkle", "text", SPARK)
        if self._stale(layer.id):
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("mark"))
            painter.drawEllipse(QRect(rect.right() - 4, rect.top() - 2, 7, 7))
            painter.restore()


def two_lines(text: str, metrics: QFontMetrics, width: int) -> str:
    """The text broken at a space where one line has no room, the rest cut with "..."."""
    words, first = text.split(), ""
    while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= width:
        first = f"{first} {words.pop(0)}".strip()
    end = Qt.TextElideMode.ElideRight
    if not words or not first:
        return metrics.elidedText(text, end, width)
    return first + "\n" + metrics.elidedText(" ".join(words), end, width)


def _paint_icon(painter: QPainter, rect: QRect, name: str, tone: icons.Tone, side: int = theme.ICON) -> None:
    picture = icons.pixmap(name, side, painter.device().devicePixelRatio(), tone)
    place = QRect(0, 0, side, side)
    place.moveCenter(rect.center())
    painter.drawPixmap(place.topLeft(), picture)
