"""The view and help menus, tools and colours, and the desk behind them."""

from __future__ import annotations

from typing import Any

import pytest

from editor.actions import action_named
from editor.tools import TOOLS


@pytest.mark.parametrize("what", ["zoom_in", "zoom_out", "fit", "actual"])
def test_the_view_is_asked(world: Any, what: str) -> None:
    assert not world.enabled(f"view.{what}")
    world.add()
    world.run(f"view.{what}")
    assert world.screen.done == [what]


@pytest.mark.parametrize("what", ["panels", "full_screen"])
def test_the_window_is_asked(world: Any, what: str) -> None:
    world.run(f"view.{what}")
    assert world.screen.done == [what]


def test_the_theme_is_turned_over(world: Any) -> None:
    assert world.desk.settings.theme == "dark"
    world.run("view.theme")
    assert world.desk.settings.theme == "light"
    world.run("view.theme")
    assert world.desk.settings.theme == "dark"


def test_the_tabs_go_around(world: Any) -> None:
    first = world.add()
    assert not world.enabled("view.next_tab") and not world.enabled("view.previous_tab")
    second, third = world.add(), world.add()
    world.run("view.next_tab")
    assert world.opened is first
    world.run("view.next_tab")
    assert world.opened is second
    world.run("view.previous_tab")
    world.run("view.previous_tab")
    assert world.opened is third


def test_every_tool_can_be_taken(world: Any) -> None:
    for tool in (make() for make in TOOLS):
        action = action_named(f"tool.{tool.id}")
        assert action.checked is not None
        world.run(action.id)
        assert world.desk.tool == tool.id and action.checked(world.desk)


def test_colours_and_brushes(world: Any) -> None:
    tools = world.desk.tools
    tools.foreground, tools.background = (1, 2, 3, 255), (4, 5, 6, 255)
    world.run("colour.swap")
    assert tools.foreground == (4, 5, 6, 255)
    world.run("colour.default")
    assert (tools.foreground, tools.background) == ((0, 0, 0, 255), (255, 255, 255, 255))
    size, hardness = tools.size, tools.hardness
    world.run("brush.larger")
    assert tools.size > size
    world.run("brush.smaller")
    world.run("brush.smaller")
    assert tools.size < size
    world.run("brush.softer")
    assert tools.hardness < hardness
    world.run("brush.harder")
    world.run("brush.harder")
    assert tools.hardness >= hardness


@pytest.mark.parametrize("page", ["palette", "keys", "about"])
def test_help_opens_its_page(world: Any, page: str) -> None:
    world.run(f"help.{page}")
    assert world.dialogs.asked == [page]


def test_the_desk_tells_of_a_tab_that_closes_in_an_order_that_shows_no_closed_one(world: Any) -> None:
    first, second = world.add(), world.add()
    seen: list[bool] = []
    world.desk.changed.connect(
        lambda name: seen.append(world.desk.current is None or world.desk.current in world.desk.documents)
    )
    world.desk.remove(second)
    world.desk.remove(first)
    assert seen and all(seen)


def test_what_was_said_before_a_document_opened_is_still_said(world: Any) -> None:
    world.desk.say("The model is missing.", "error")
    world.add()
    assert world.message == "The model is missing." and world.desk.message is None


def test_the_desk_ends_the_edits_with_itself(world: Any) -> None:
    world.add()
    world.runner.hold = True
    world.generate(1)
    world.desk.close()
    assert world.runner.cancelled == 1
