"""The recipe panel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.edits.open_document import OpenDocument
from editor.edits.recipe import Recipe
from editor.ui.panels.recipe import NONE, STALE, UNREADABLE, RecipePanel

RECIPE = Recipe(
    instruction="make it <b>snow</b>",
    steps=12,
    text_scale=7.5,
    image_scale=1.25,
    sampler="ddim",
    size=384,
    full_res=True,
    seed=77,
    region=Rect(0, 0, 8, 8),
    mask="",
    source="abc",
    model="Starter",
    model_sha256="f" * 64,
    provider="cpu",
)


@pytest.fixture
def opened() -> OpenDocument:
    layers = (
        RasterLayer(name="paper", id="paper"),
        RasterLayer(name="snow", id="snow", recipe=RECIPE.as_json()),
        RasterLayer(name="strange", id="strange", recipe={"format": 99}),
    )
    return OpenDocument(History(Document(8, 8, layers, active="snow")))


def activate(opened: OpenDocument, id: str) -> None:
    opened.history.look(replace(opened.document, active=id))


def test_the_recipe_of_the_active_layer_shows(qtbot: QtBot, opened: OpenDocument) -> None:
    triggered: list[str] = []
    panel = RecipePanel(triggered.append)
    qtbot.addWidget(panel)
    panel.show_document(opened)
    assert panel._pages.currentIndex() == 0
    assert panel.instruction.text() == "“make it <b>snow</b>”"
    texts = [value.text() for value in panel.values.values()]
    assert texts == ["7.5", "1.25", "12", "77", "384 px", "yes", "Exact", "Starter", "CPU"]
    panel.again.click()
    assert triggered == ["layer.run_again"]


def test_its_settings_go_into_the_bar(qtbot: QtBot, opened: OpenDocument) -> None:
    panel = RecipePanel(print)
    qtbot.addWidget(panel)
    panel.show_document(opened)
    panel.copy.click()
    edit = opened.edit
    assert (edit.instruction, edit.text_scale, edit.steps, edit.seed) == (RECIPE.instruction, 7.5, 12, 77)


def test_stale_says_so(qtbot: QtBot, opened: OpenDocument) -> None:
    stale: set[str] = set()
    panel = RecipePanel(print, lambda id: id in stale)
    qtbot.addWidget(panel)
    panel.show_document(opened)
    assert panel.note.isHidden()
    stale.add("snow")
    panel.refresh()
    assert not panel.note.isHidden()
    assert panel.note.text() == STALE


def test_other_layers_say_why_there_is_nothing(qtbot: QtBot, opened: OpenDocument) -> None:
    panel = RecipePanel(print)
    qtbot.addWidget(panel)
    assert panel.empty.text() == "No document"
    panel.show_document(opened)
    for id, sentence in (("paper", NONE), ("strange", UNREADABLE), ("", "No layer is active.")):
        activate(opened, id)
        assert panel._pages.currentIndex() == 1
        assert panel.empty.text() == sentence
    activate(opened, "snow")
    assert panel._pages.currentIndex() == 0
