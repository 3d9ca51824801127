"""The fields of Qt's style options, which its type stubs leave out."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QStyle, QStyleOption


def rect_of(option: QStyleOption) -> QRect:
    """Where to paint."""
    return cast(QRect, cast(Any, option).rect)


def state_of(option: QStyleOption) -> QStyle.StateFlag:
    """Whether it is selected, under the pointer, and so on."""
    return cast(QStyle.StateFlag, cast(Any, option).state)
