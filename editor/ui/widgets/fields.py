"""Fields for numbers."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QAbstractSpinBox

Box = TypeVar("Box", bound=QAbstractSpinBox)


def padded(box: Box) -> Box:
    """Gives the number room at the edges: Qt leaves the stylesheet's padding of spin boxes out."""
    box.lineEdit().setTextMargins(6, 0, 4, 0)
    return box
