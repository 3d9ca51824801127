"""The user's pairs as Qt's lists ask for them: the instruction to edit, the switch, and the pair itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from editor.jobs.pairs import PairEntry

ENTRY = Qt.ItemDataRole.UserRole
ROOT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex
Edit = Callable[[str, str | None, bool | None], object]
"""Takes the id of a pair, its new instruction and whether it takes part; None for what stays."""


class PairsModel(QAbstractListModel):
    """edit: carries out what the user changes."""

    def __init__(self, edit: Edit, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._edit = edit
        self._entries: tuple[PairEntry, ...] = ()

    def show(self, entries: Sequence[PairEntry]) -> None:
        """The newest first. Rows that stay keep what is chosen among them."""
        entries = tuple(reversed(entries))
        same = [entry.id for entry in entries] == [entry.id for entry in self._entries]
        if same:
            self._entries = entries
            if entries:
                self.dataChanged.emit(self.index(0), self.index(len(entries) - 1))
            return
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def entry(self, index: Index) -> PairEntry | None:
        return self._entries[index.row()] if index.isValid() and index.row() < len(self._entries) else None

    def row_of(self, id: str) -> int:
        """-1 where there is none."""
        return next((row for row, entry in enumerate(self._entries) if entry.id == id), -1)

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entry(index)
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return entry.instruction
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if entry.enabled else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{entry.instruction}, {'takes part' if entry.enabled else 'left out'}"
            case Qt.ItemDataRole.ToolTipRole:
                return f"{entry.instruction}\n{about(entry)}"
            case _:
                return entry if role == ENTRY else None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        entry = self.entry(index)
        if entry is None:
            return False
        if role == Qt.ItemDataRole.CheckStateRole:
            self._edit(entry.id, None, Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        text = " ".join(str(value).split())
        if role == Qt.ItemDataRole.EditRole and text and text != entry.instruction:
            self._edit(entry.id, text, None)
            return True
        return False


def about(entry: PairEntry) -> str:
    """Where it came from and how large the change is: "harbour.ora, 34 % changed, 1024 x 768"."""
    origin = next((entry.origin[key] for key in ("document", "file", "name") if entry.origin.get(key)), "")
    parts = [origin] if origin else []
    parts += [f"{entry.changed_fraction * 100:.0f} % changed"] if entry.changed_fraction else []
    parts += [f"{entry.width} x {entry.height}"] if entry.width else []
    parts += ["in part of the picture"] if entry.mask_path is not None else []
    parts += ["learnt by an installed model"] if entry.earlier else []
    return ", ".join(parts)
