from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from editor.core.document import Document
from editor.core.history import History
from editor.edits.apply import Keep
from editor.edits.compare import difference, heat_map
from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.edits.suggest import suggest
from editor.edits.times import about


def test_choosing_discarding_and_stepping(bench: Any) -> None:
    session: EditSession = bench.session
    session.count = 4
    bench.generation.start()
    a, b, c, d = (item.id for item in session.variants)
    session.choose(b)
    session.choose(d, add=True)
    assert session.chosen == (d, b) and [item.id for item in session.picked] == [d, b]
    session.choose(d, add=True)
    assert session.chosen == (b,)
    session.step_choice(1)
    session.step_choice(1)
    assert session.chosen == (d,)
    session.step_choice(1)
    assert session.chosen == (a,)
    session.discard(a)
    assert session.chosen == (b,)
    session.compare = "grid"
    session.discard(b, c, d)
    assert session.variants == () and session.chosen == () and session.compare == ""


def test_the_oldest_are_prunable_but_never_the_chosen(bench: Any) -> None:
    session: EditSession = bench.session
    session.count = 3
    bench.generation.start()
    assert session.prunable == ()
    each = session.variants[0].bytes
    assert each > 301 * 203 * 4
    session.variant_budget = session.variant_bytes - each
    session.choose(session.variants[0].id)
    assert session.prunable == (session.variants[1],)


def test_own_instructions_each_once_newest_first() -> None:
    session = EditSession(own_instructions=("a", "b"))
    for text in ("b", "", "c"):
        session.remember(text)
    assert session.own_instructions == ("c", "b", "a")


def test_suggestions_prefix_then_words() -> None:
    own, known = ("make it snow", "add fog"), ("Make it night", "turn the sky red", "snow on the roof", "add fog")
    assert suggest("make", own, known) == ("make it snow", "Make it night")
    assert suggest("sno", own, known) == ("snow on the roof", "make it snow")
    assert suggest("the s", own, known) == ("turn the sky red", "snow on the roof")
    assert suggest("ADD FOG", own, known) == ()
    assert suggest("", own, known, most=2) == ("make it snow", "add fog")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "about 1 s"), (7.2, "about 8 s"), (41, "about 45 s"), (130, "about 2 min"), (9000, "about 2 h")],
)
def test_times(seconds: float | None, text: str) -> None:
    assert about(seconds) == text


def test_the_difference_map_is_on_one_scale_and_small() -> None:
    grey = np.full((40, 60, 3), 119, np.uint8)
    other = grey.copy()
    other[:20] = 255
    map = difference(grey, other)
    assert map.shape == (40, 60) and map.dtype == np.float32
    assert map[35].max() < 0.01 and 45 < map[5, 5] < 55
    heat = heat_map(map)
    assert tuple(heat[5, 5, :2]) == (255, 255) and heat[5, 5, 2] < 80 and not heat[35].any()
    steps = heat_map(np.array([[0, 2.3, 10, 40, 100, 180]], np.float32)).sum(axis=2)[0].tolist()
    assert steps[0] == 0 and steps[1] > 100  # the just noticeable shows
    assert steps == [*sorted(set(steps[:4])), 765, 765]
    assert difference(np.zeros((3000, 1500, 4), np.uint8), np.zeros((3000, 1500, 4), np.uint8)).size <= 2_000_000
    with pytest.raises(ValueError, match="compared"):
        difference(grey, other[:-1])


def test_an_open_document_tells_of_its_history(document: Document) -> None:
    history = History(document)
    opened = OpenDocument(history, Path("a.png"))
    told: list[str] = []
    opened.changed.connect(told.append)
    assert opened.title == "a.png" and not opened.modified
    history.look(replace(document, active=""))
    with pytest.raises(Exception, match="chosen"):
        opened.do(Keep(()))
    assert not opened.modified and "document" in told
    opened.saved_step = -1
    assert opened.modified
    opened.saved_at(history.current.id, Path("b.ora"), "OpenRaster")
    assert (opened.title, opened.modified, opened.format) == ("b.ora", False, "OpenRaster")
    opened.close()
