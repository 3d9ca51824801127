from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageCms

from editor.core.changes.change import Change
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.formats.opening import open_document
from editor.core.formats.saving import save_ora
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.edits.apply import keep, shown
from editor.edits.recipe import recipe_from, recipe_of, stale
from editor.edits.stale import StaleWatch
from editor.edits.stored import restored, stored
from inference.errors import EngineDied, EngineMemoryError


def selected(document: Document) -> Document:
    return replace(document, selection=TileMap.of(np.full((41, 67), 180, np.uint8), 33, 27))


def test_generate_fills_the_strip_and_shows_the_first(bench: Any, document: Document) -> None:
    session = bench.session
    told: list[str] = []
    session.changed.connect(told.append)
    bench.generation.start()
    assert [item.state for item in session.variants] == ["done", "done"]
    assert [item.seed for item in session.variants] == [session.seed, session.seed + 1]
    assert session.shown is session.variants[0]
    assert session.running is None and session.message is None and session.own_instructions == ("make it snow",)
    assert all(item.changed_fraction > 0.5 and item.seconds == 0.5 for item in session.variants)
    assert {"running", "variants", "chosen", "engine"} <= set(told)
    assert (session.engine, session.provider) == ("ready", "cpu")
    assert bench.open.document is document and bench.open.modified


def test_a_locked_seed_stays_and_a_random_one_changes(bench: Any) -> None:
    session = bench.session
    session.seed, session.seed_locked, session.count = 41, True, 3
    bench.generation.start()
    assert [item.seed for item in session.variants] == [41, 42, 43]
    session.seed_locked = False
    bench.generation.start()
    assert session.seed != 41 and 0 <= session.seed < 2**32
    assert len(session.variants) == 6


@pytest.mark.parametrize(("field", "action"), [("instruction", "edit.focus_instruction"), ("model", "model.choose")])
def test_what_is_missing_is_said(bench: Any, field: str, action: str) -> None:
    setattr(bench.session, field, "")
    bench.generation.start()
    assert bench.session.message.buttons[0][1] == action
    assert bench.session.variants == () and bench.engine.requests == []


def test_progress_preview_and_cancel(make_bench: Callable[..., Any], document: Document) -> None:
    bench = make_bench(document, paced=True)
    session = bench.session
    bench.generation.start()
    bench.generation.start()
    assert len(session.variants) == 2 and bench.generation.running
    bench.runner.step()
    bench.runner.step()
    assert (session.running.variant, session.running.step, session.running.fraction) == (0, 1, 0.5)
    assert session.running.seconds_left == 1.0 and session.variants[0].progress == 0.5
    bench.runner.step()
    bench.runner.step()
    assert session.variants[0].preview.shape == (8, 8, 3)
    bench.runner.step()
    assert session.variants[0].done and session.chosen == (session.variants[0].id,)
    bench.runner.step()
    bench.generation.cancel()
    bench.runner.step()
    assert not bench.runner.step() and not bench.generation.running
    assert [item.done for item in session.variants] == [True]
    assert session.message.text == "Cancelled; 1 of 2 variants are ready." and session.running is None


def test_a_dead_engine_is_one_sentence_and_starts_again(bench: Any, document: Document) -> None:
    session = bench.session
    bench.engine.fail, bench.engine.fail_at = EngineDied("The engine's process ended."), 1
    bench.generation.start()
    assert [item.state for item in session.variants] == ["done", "failed"]
    assert session.message.text == "The engine's process ended."
    assert session.message.buttons == (("Start again", "engine.restart"),)
    assert session.engine == "died" and bench.open.document is document
    lost = session.variants[1].seed
    bench.engine.fail = None
    bench.generation.restart()
    assert [(item.state, item.seed) for item in session.variants] == [("done", lost - 1), ("done", lost)]
    assert session.message is None and session.engine == "ready"


@pytest.mark.parametrize("error", [EngineMemoryError("No memory: make room."), ValueError("odd")])
def test_other_errors_are_said_too(bench: Any, error: Exception) -> None:
    bench.engine.fail = error
    bench.generation.start()
    assert str(error) in bench.session.message.text and bench.session.message.kind == "error"
    assert not bench.generation.running


def test_what_is_tried_instead_is_said_while_the_edit_goes_on(bench: Any) -> None:
    bench.engine.notice = "Out of memory: trying one variant at a time."
    bench.generation.start()
    assert bench.session.message.text == bench.engine.notice and bench.session.message.kind == "warning"
    assert [item.state for item in bench.session.variants] == ["done", "done"]
    bench.engine.notice = ""
    bench.generation.start()
    assert bench.session.message is None


def test_keep_undo_and_variants_stay(bench: Any, document: Document) -> None:
    bench.generation.start()
    ids = bench.session.chosen
    assert bench.generation.keep()
    assert bench.session.chosen == () and len(bench.session.variants) == 2
    assert len(bench.open.document.layers) == 2
    bench.open.history.undo()
    assert bench.open.document is document and len(bench.session.variants) == 2
    assert not bench.generation.keep()
    assert "chosen" in bench.session.message.text
    bench.session.choose(ids[0])
    assert bench.session.shown.id == ids[0]


def test_a_recipe_run_again_gives_the_same_pixels(make_bench: Callable[..., Any], document: Document) -> None:
    bench = make_bench(selected(document))
    bench.session.text_scale, bench.session.image_scale = 3.3, 1.1
    bench.generation.start()
    bench.generation.keep()
    layer = bench.open.document.layers[-1]
    bench.session.reset()
    bench.generation.again(layer.id)
    item = bench.session.variants[-1]
    assert item.above == layer.id and item.done
    rect = Rect(0, 0, 300, 300)
    assert np.array_equal(item.layer.plane.read(rect), layer.plane.read(rect))
    assert item.layer.recipe == layer.recipe and (item.layer.x, item.layer.y) == (layer.x, layer.y)
    assert recipe_of(layer) == recipe_from(layer.recipe)
    bench.generation.edit_again(layer.id)
    assert (bench.session.again, bench.session.text_scale) == (layer.id, 3.3)


def test_stale_says_whether_what_lies_below_changed(make_bench: Callable[..., Any], document: Document) -> None:
    bench = make_bench(selected(document))
    bench.generation.start()
    bench.generation.keep()
    kept, layer = bench.open.document, bench.open.document.layers[-1]
    below = kept.layers[0]
    far = replace(below, plane=below.plane.with_pixels(np.zeros((2, 2, 4), np.uint8), 290, 190))
    near = replace(below, plane=below.plane.with_pixels(np.zeros((2, 2, 4), np.uint8), 40, 30))
    over = RasterLayer(name="over", plane=near.plane)
    watch = StaleWatch(bench.background)
    region = recipe_of(layer)
    assert region is not None
    for layers, expected in [
        ((below, layer), False),
        ((near, layer), True),
        ((below, layer, over), False),
        ((far, layer), document.rect == Rect(0, 0, 301, 203) and region.region.width >= 290),
    ]:
        changed = replace(kept, layers=layers)
        assert stale(changed, layer.id) is expected
        watch.look(changed)
        bench.background.run_pending()
        assert watch.stale == (frozenset({layer.id}) if expected else frozenset())
    assert not stale(kept, below.id)


def test_stale_waits_for_a_rest_and_forgets_what_is_gone(
    bench: Any, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.generation.start()
    bench.generation.keep()
    looked: list[str] = []
    monkeypatch.setattr("editor.edits.stale.stale", lambda document, id: looked.append(id) or True)
    watch = StaleWatch(bench.background)
    for _ in range(5):
        watch.look(bench.open.document)
    bench.background.run_pending()
    assert len(looked) == 1 and len(watch.stale) == 1
    watch.look(replace(bench.open.document, active="", selection=None))
    bench.background.run_pending()
    assert len(looked) == 1
    watch.look(document)
    assert watch.stale == frozenset()
    watch.close()


def test_variants_come_back_from_a_file(make_bench: Callable[..., Any], document: Document) -> None:
    bench = make_bench(selected(document))
    bench.generation.start()
    items = bench.session.variants
    back = restored(stored(items), document)
    for one, other in zip(items, back, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.region.mask, other.region.mask)
        assert (one.id, one.seed, one.settings, one.recipe, one.region.rect, one.run, one.index) == (
            other.id, other.seed, other.settings, other.recipe, other.region.rect, other.run, other.index,
        )  # fmt: skip
        assert other.layer is not None and one.layer is not None and other.layer.recipe == one.layer.recipe
    history = History(document)
    change: Change = keep(back)
    history.do(change)
    assert np.array_equal(composite(history.document, items[0].region.rect), items[0].pixels)
    history.close()


def test_a_stored_variant_that_cannot_be_read_is_left_out(bench: Any, document: Document) -> None:
    bench.generation.start()
    good = stored(bench.session.variants)
    bad = [replace(good[0], meta=dict(good[0].meta, **change)) for change in (
        {"format": 9}, {"recipe": None}, {"recipe": {}}, {"region": [0, 0, 1]}, {"region": [0, 0, 9999, 9]},
    )]  # fmt: skip
    assert restored(bad, document) == ()


def test_nudge_again_and_copied_dials(bench: Any) -> None:
    bench.generation.start()
    first = bench.session.variants[0]
    bench.generation.nudge(first.id, text=1, image=-1)
    nudged = bench.session.variants[-1]
    assert nudged.seed == first.seed
    assert (nudged.settings.text_scale, nudged.settings.image_scale) == (8.5, 1.35)
    bench.generation.again_variant(nudged.id)
    assert bench.session.variants[-1].settings == nudged.settings
    assert bench.session.variants[-1].seed != nudged.seed
    bench.generation.copy_settings(nudged.id)
    assert bench.session.text_scale == 8.5 and bench.session.seed_locked and bench.session.seed == first.seed


def test_a_closed_tab_hears_nothing(make_bench: Callable[..., Any], document: Document) -> None:
    bench = make_bench(document, paced=True)
    bench.generation.start()
    bench.generation.close()
    told: list[str] = []
    bench.session.changed.connect(told.append)
    while bench.runner.step():
        pass
    assert told == []


def test_a_saved_file_brings_layers_recipes_and_variants_back(
    make_bench: Callable[..., Any], document: Document, tmp_path: Path
) -> None:
    bench = make_bench(selected(document))
    bench.generation.start()
    bench.generation.keep()
    kept, layer = bench.open.document, bench.open.document.layers[-1]
    save_ora(tmp_path / "a.ora", kept, stored(bench.session.variants))
    opened = open_document(tmp_path / "a.ora")
    after = make_bench(opened.document)
    assert not stale(opened.document, layer.id)
    after.session.variants = restored(opened.variants, opened.document)
    assert [item.id for item in after.session.variants] == [item.id for item in bench.session.variants]
    rect = Rect(0, 0, 300, 300)
    for one, other in zip(after.session.variants, bench.session.variants, strict=True):
        assert np.array_equal(one.layer.plane.read(rect), other.layer.plane.read(rect))
        assert np.array_equal(one.pixels, composite(shown(kept, other), one.region.rect))
    after.generation.again(layer.id)
    again = after.session.variants[-1]
    assert np.array_equal(again.layer.plane.read(rect), layer.plane.read(rect))
    assert again.layer.recipe == layer.recipe


def test_a_soft_selection_in_a_document_with_a_profile_shows_exactly(
    make_bench: Callable[..., Any], document: Document
) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    ramp = np.tile(np.linspace(0, 255, 131).round().astype(np.uint8), (77, 1))
    source = replace(document, icc=swapped, selection=TileMap.of(ramp, 51, 33))
    bench = make_bench(source)
    bench.generation.start()
    before = composite(source, source.rect)
    for item in bench.session.variants:
        after = composite(shown(source, item), source.rect)
        assert np.array_equal(after[item.region.rect.slices], item.pixels)
        outside = source.selection.read(source.rect)[..., 0] == 0
        assert np.array_equal(after[outside], before[outside])
