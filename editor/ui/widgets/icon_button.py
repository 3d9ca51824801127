"""A flat button with an icon, for rows of buttons."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QToolButton, QWidget

from editor.ui import theme
from editor.ui.icons import Tone, icon


class IconButton(QToolButton):
    """28 x 28 px. title: for the tooltip and screen readers. key: its shortcut, as Qt writes it, shown only."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        key: str = "",
        *,
        checkable: bool = False,
        tone: Tone = "text",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setIconSize(QSize(theme.ICON, theme.ICON))
        self.setFixedSize(theme.CONTROL, theme.CONTROL)
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_as(icon_name, title, key, tone)

    def show_as(self, icon_name: str, title: str, key: str = "", tone: Tone = "text") -> None:
        """Another icon and title. KeyError for an unknown icon."""
        self.setIcon(icon(icon_name, tone))
        self.setAccessibleName(title)
        self.setToolTip(with_key(title, key))


def with_key(title: str, key: str) -> str:
    """ "Brush (B)"; the title alone where there is no shortcut."""
    shown = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) if key else ""
    return f"{title} ({shown})" if shown else title
