"""The two themes of the window: neutral greys, one accent colour, Fusion with our own palette and a stylesheet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Literal, cast

from PySide6.QtGui import QColor, QFont, QPalette, QPixmapCache
from PySide6.QtWidgets import QApplication, QWidget

import resources

ThemeName = Literal["dark", "light"]
FOLDER = Path(resources.__file__).resolve().parent / "themes"
PROPERTY = "palimpsest.theme"
TEXT_SIZE = "palimpsest.text-size"

SMALL, NORMAL, LARGE = 9, 10, 13
"""The three sizes of text, in points."""
GRID = 8
"""All distances are multiples of this many pixels, inside controls of half of it."""
CONTROL = 28
"""The height of a control in pixels."""
ICON = 20
"""The side of an icon in pixels."""


@dataclass(frozen=True)
class Theme:
    """Colours as "#rrggbb". Text colours have at least 4.5:1 on panel, field, surround and raised.

    surround: around the page. panel: behind controls. raised: buttons. hover, pressed: buttons under the pointer.
    line: between parts. edge: around fields. selected: rows and checked buttons, with `text` on them. accent: focus
    and the main button, with `on_accent` on it. mark: dots.
    check_light, check_dark: the checkerboard behind transparent pixels.
    """

    name: ThemeName
    surround: str
    panel: str
    field: str
    raised: str
    hover: str
    pressed: str
    line: str
    edge: str
    text: str
    secondary: str
    disabled: str
    selected: str
    accent: str
    accent_hover: str
    on_accent: str
    error: str
    warning: str
    done: str
    mark: str
    check_light: str
    check_dark: str

    def colour(self, token: str) -> QColor:
        """The colour of this field, for painters. KeyError for an unknown token."""
        return QColor(cast("dict[str, str]", asdict(self))[token])


DARK = Theme(
    name="dark",
    surround="#2b2b2b",
    panel="#363636",
    field="#262626",
    raised="#404040",
    hover="#4a4a4a",
    pressed="#2f2f2f",
    line="#2a2a2a",
    edge="#555555",
    text="#e4e4e4",
    secondary="#b0b0b0",
    disabled="#787878",
    selected="#2f4a75",
    accent="#5b9dff",
    accent_hover="#7db1ff",
    on_accent="#101010",
    error="#ff9a8f",
    warning="#f2b94b",
    done="#83cf8e",
    mark="#f2b94b",
    check_light="#8a8a8a",
    check_dark="#6c6c6c",
)
LIGHT = Theme(
    name="light",
    surround="#cdcdcd",
    panel="#ececec",
    field="#ffffff",
    raised="#f8f8f8",
    hover="#ffffff",
    pressed="#d6d6d6",
    line="#c6c6c6",
    edge="#a6a6a6",
    text="#1c1c1c",
    secondary="#4c4c4c",
    disabled="#969696",
    selected="#c3d9fb",
    accent="#1a62d6",
    accent_hover="#134fb0",
    on_accent="#ffffff",
    error="#a3180c",
    warning="#6b4700",
    done="#1a5c27",
    mark="#b06a00",
    check_light="#ffffff",
    check_dark="#d4d4d4",
)
THEMES: tuple[Theme, ...] = (DARK, LIGHT)


def named(name: str) -> Theme:
    """The theme of this name. KeyError for an unknown one."""
    return {theme.name: theme for theme in THEMES}[cast("ThemeName", name)]


def current() -> Theme:
    """The theme that was applied to the running program; dark before that."""
    app = QApplication.instance()
    name = cast("object", app.property(PROPERTY)) if app is not None else None
    return named(name) if isinstance(name, str) else DARK


def apply(app: QApplication, name: ThemeName, percent: int | None = None) -> Theme:
    """Give the whole program this theme; everything that is open follows. KeyError for an unknown name.

    percent: of the usual size of all text; None leaves it as it is.
    """
    theme = named(name)
    if percent is not None:
        app.setProperty(TEXT_SIZE, percent)
    app.setProperty(PROPERTY, name)
    QPixmapCache.clear()
    app.setStyle("Fusion")
    app.setFont(sized(app.font(), NORMAL))
    app.setPalette(palette(theme))
    app.setStyleSheet(stylesheet(theme))
    return theme


def sized(font: QFont, points: int, bold: bool = False) -> QFont:
    """A copy of the font in another size, of the three at 100 %."""
    copy = QFont(font)
    copy.setPointSizeF(_points(points))
    copy.setBold(bold)
    return copy


def set_role(widget: QWidget, role: str) -> None:
    """What the stylesheet calls the widget: "main" (the one main button), "flat", "secondary", "title", "small",
    "panel", "error", "warning"."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def palette(theme: Theme) -> QPalette:
    """What Fusion draws with; the stylesheet covers the rest."""
    result = QPalette()
    roles = QPalette.ColorRole
    colours = {
        roles.Window: theme.panel,
        roles.WindowText: theme.text,
        roles.Base: theme.field,
        roles.AlternateBase: theme.panel,
        roles.Text: theme.text,
        roles.Button: theme.raised,
        roles.ButtonText: theme.text,
        roles.BrightText: theme.error,
        roles.ToolTipBase: theme.field,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.secondary,
        roles.Highlight: theme.selected,
        roles.HighlightedText: theme.text,
        roles.Link: theme.accent,
        roles.LinkVisited: theme.accent,
        roles.Accent: theme.accent,
        roles.Light: theme.hover,
        roles.Midlight: theme.raised,
        roles.Mid: theme.line,
        roles.Dark: theme.line,
        roles.Shadow: theme.surround,
    }
    for role, colour in colours.items():
        result.setColor(role, QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.disabled))
    result.setColor(QPalette.ColorGroup.Disabled, roles.Highlight, QColor(theme.line))
    return result


def stylesheet(theme: Theme) -> str:
    """The stylesheet `resources/themes/window.qss` with the tokens of the theme filled in."""
    values = {
        **cast("dict[str, str]", asdict(theme)),
        "images": (FOLDER / theme.name).as_posix(),
        "small": f"{_points(SMALL):g}pt",
        "normal": f"{_points(NORMAL):g}pt",
        "large": f"{_points(LARGE):g}pt",
    }
    return Template((FOLDER / "window.qss").read_text(encoding="utf-8")).substitute(values)


def _points(points: int) -> float:
    app = QApplication.instance()
    percent = cast("object", app.property(TEXT_SIZE)) if app is not None else None
    return points * (percent if isinstance(percent, int) else 100) / 100


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two "#rrggbb" colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
