"""The layers of a document as Qt's item model: the highest first, groups with their children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from editor.core.changes.change import Change
from editor.core.changes.set_property import SetProperty
from editor.core.document import Document
from editor.core.layer import GroupLayer, Layer

EYE, LAYER, LOCK = range(3)
"""The columns."""
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


@dataclass(eq=False)
class _Node:
    layer: Layer
    parent: int
    row: int
    children: list[int] = field(default_factory=list[int])


class LayersModel(QAbstractItemModel):
    """Keeps its rows where only properties changed, so that nothing jumps; a changed stack resets it."""

    def __init__(self, do: Callable[[Change], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._do = do
        self._nodes: list[_Node] = []
        self._top: list[int] = []
        self._by_id: dict[str, int] = {}
        self.document: Document | None = None

    def show(self, document: Document | None) -> bool:
        """Follow the document; True where rows came, went or moved."""
        nodes, top = _nodes(document)
        same = _shape(nodes) == _shape(self._nodes)
        if not same:
            self.beginResetModel()
        before, self._nodes, self._top = self._nodes, nodes, top
        self._by_id = {node.layer.id: number for number, node in enumerate(nodes)}
        self.document = document
        if not same:
            self.endResetModel()
        else:
            self._tell(before)
        return not same

    def layer(self, index: Index) -> Layer | None:
        return self._nodes[index.internalId()].layer if index.isValid() else None

    def ids(self) -> tuple[str, ...]:
        """All layers, the lowest first."""
        return tuple(self._by_id)

    def at(self, id: str, column: int = LAYER) -> QModelIndex:
        """Where the layer is; an invalid index for an unknown id."""
        number = self._by_id.get(id)
        if number is None:
            return QModelIndex()
        return self.createIndex(self._nodes[number].row, column, number)

    def refresh(self, id: str) -> None:
        """Something about the layer that is not in it looks different now (its thumbnail, its stale dot)."""
        if id in self._by_id:
            self.dataChanged.emit(self.at(id, EYE), self.at(id, LOCK))

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        children = self._nodes[parent.internalId()].children if parent.isValid() else self._top
        if not (0 <= row < len(children) and 0 <= column <= LOCK):
            return QModelIndex()
        return self.createIndex(row, column, children[row])

    def parent(self, index: Index = _ROOT) -> Any:
        number = self._nodes[index.internalId()].parent if index.isValid() else -1
        return self.createIndex(self._nodes[number].row, 0, number) if number >= 0 else QModelIndex()

    def rowCount(self, parent: Index = _ROOT) -> int:
        if not parent.isValid():
            return len(self._top)
        return len(self._nodes[parent.internalId()].children) if parent.column() == 0 else 0

    def columnCount(self, parent: Index = _ROOT) -> int:
        return LOCK + 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == LAYER else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        layer = self.layer(index)
        if layer is None:
            return None
        column = index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return layer.name if column == LAYER else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return {
                EYE: "Hide" if layer.visible else "Show",
                LOCK: "Unlock" if layer.locked else "Lock",
                LAYER: layer.name,
            }[column]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _spoken(layer) if column == LAYER else self.data(index, Qt.ItemDataRole.ToolTipRole)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Renames through a change; an empty name leaves the old one."""
        layer, name = self.layer(index), str(value).strip()
        if layer is None or role != Qt.ItemDataRole.EditRole or not name or name == layer.name:
            return False
        self._do(SetProperty(layer.id, "name", name))
        return True

    def _tell(self, before: list[_Node]) -> None:
        for old, new in zip(before, self._nodes, strict=True):
            if old.layer is not new.layer:
                self.refresh(new.layer.id)


def _nodes(document: Document | None) -> tuple[list[_Node], list[int]]:
    nodes: list[_Node] = []
    top = _add(nodes, document.layers if document else (), -1)
    return nodes, top


def _add(nodes: list[_Node], layers: tuple[Layer, ...], parent: int) -> list[int]:
    """Appends the layers, the lowest first, and returns their numbers, the highest first."""
    numbers: list[int] = []
    for place, layer in enumerate(layers):
        number = len(nodes)
        nodes.append(_Node(layer, parent, len(layers) - 1 - place))
        numbers.append(number)
        if isinstance(layer, GroupLayer):
            nodes[number].children = _add(nodes, layer.children, number)
    return numbers[::-1]


def _shape(nodes: list[_Node]) -> list[tuple[str, int]]:
    return [(node.layer.id, node.parent) for node in nodes]


def _spoken(layer: Layer) -> str:
    parts = [layer.name, "group" if isinstance(layer, GroupLayer) else "layer"]
    parts += ["hidden"] * (not layer.visible) + ["locked"] * layer.locked
    return ", ".join(parts)
