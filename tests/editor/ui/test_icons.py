"""Icons: all that are named exist, all that exist are named, and they have the colours of the theme."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QApplication

import editor
from editor.tools import TOOLS
from editor.tools.settings import TOOL_OPTIONS
from editor.ui import icons, theme

CALLS = {"icon", "pixmap", "IconButton", "show_as"}
SIDE = QSize(20, 20)


def trees() -> Iterator[ast.AST]:
    for path in Path(editor.__file__).parent.rglob("*.py"):
        yield ast.parse(path.read_text(encoding="utf-8"))


def texts(node: ast.AST | None) -> set[str]:
    found = ast.walk(node) if node is not None else ()
    return {part.value for part in found if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def named(tree: ast.AST) -> set[str]:
    """What is certainly meant as an icon: icon="...", icon("..."), IconButton("...")."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("icon", "icon_name") and isinstance(node.value, ast.Constant):
            names |= texts(node.value)
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            names |= texts(node.args[0]) if called in CALLS else set()
    return names - {""}


def ink(picture: QPixmap) -> set[str]:
    """The colours of its opaque pixels."""
    image = picture.toImage()
    points = [(x, y) for x in range(image.width()) for y in range(image.height())]
    opaque = (image.pixelColor(x, y) for x, y in points)
    return {QColor(colour.rgb()).name() for colour in opaque if colour.alpha() == 255}


def test_every_icon_that_is_named_exists() -> None:
    wanted = set().union(*(named(tree) for tree in trees()))
    wanted |= {tool().icon for tool in TOOLS}
    wanted |= {icon for option in TOOL_OPTIONS for _, _, icon in option.choices if icon}
    assert len(wanted) > 30
    assert wanted - set(icons.names()) == set()


def test_no_icon_is_left_over() -> None:
    mentioned = set().union(*(texts(tree) for tree in trees()))
    assert set(icons.names()) - mentioned == set()


def test_the_licence_is_kept() -> None:
    assert "ISC License" in (icons.FOLDER / "LICENSE").read_text(encoding="utf-8")


def test_an_unknown_icon_is_an_error(qapp: QApplication) -> None:
    with pytest.raises(KeyError):
        icons.icon("no-such-icon")


def test_every_icon_draws_something(qapp: QApplication) -> None:
    for name in icons.names():
        assert ink(icons.pixmap(name, 96)), name


def test_icons_follow_the_theme(qapp: QApplication) -> None:
    icon = icons.icon("square")
    for look in theme.THEMES:
        theme.apply(qapp, look.name)
        assert look.text in ink(icon.pixmap(SIDE))
        assert look.disabled in ink(icon.pixmap(SIDE, QIcon.Mode.Disabled))
        assert look.accent in ink(icons.icon("square", "accent").pixmap(SIDE))
    theme.apply(qapp, "dark")


def test_icons_are_sharp_on_dense_screens(qapp: QApplication) -> None:
    picture = icons.icon("square").pixmap(SIDE, 2.0)
    assert picture.size() == QSize(40, 40)
    assert picture.devicePixelRatio() == 2
    assert icons.pixmap("square", 16, 1.5).size() == QSize(24, 24)


def test_a_copied_icon_still_draws(qapp: QApplication) -> None:
    copy = QIcon(icons.icon("square"))
    copy.addPixmap(QPixmap(1, 1))  # detaches, which clones the engine
    assert not copy.pixmap(SIDE).isNull()
