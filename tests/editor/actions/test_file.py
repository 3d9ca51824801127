"""The file menu, on real files."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from editor.actions import files as files_module
from editor.actions.ports import Export, Page
from editor.core.changes import Fill, SetProperty
from editor.core.compositor import composite
from editor.core.errors import Cancelled, OutputNotWritable
from editor.core.formats.opening import open_document
from editor.core.formats.saving import save_ora

RED = (255, 0, 0, 255)


def spoil(world: Any) -> None:
    world.desk.do(Fill(world.document.active, RED))


def project(world: Any, path: Path) -> None:
    """Save the current document as `path`."""
    world.dialogs.saves = path
    world.run("file.save_as")
    assert path.is_file()


def test_new_opens_a_page_that_needs_no_saving(world: Any) -> None:
    world.dialogs.page = Page(40, 30, 72.0)
    world.run("file.new")
    assert (world.document.width, world.document.height, world.document.dpi) == (40, 30, (72.0, 72.0))
    assert (world.look() == 255).all()
    assert not world.opened.modified
    world.run("file.close")
    assert world.desk.documents == () and world.dialogs.asked == []


def test_new_without_an_answer_opens_nothing(world: Any) -> None:
    world.run("file.new")
    assert world.desk.documents == ()


def test_open_shows_the_file_and_remembers_it(world: Any, photo: Path) -> None:
    world.dialogs.opens = [photo]
    world.run("file.open")
    assert (world.opened.path, world.opened.title, world.opened.modified) == (photo, "cat.jpg", False)
    assert np.array_equal(world.look()[..., :3], np.asarray(Image.open(photo)))
    assert world.desk.settings.recent[0] == str(photo)
    assert not world.desk.tasks


def test_the_dialog_begins_where_the_current_file_lies(world: Any, photo: Path) -> None:
    world.run("file.open", photo)
    world.run("file.open")
    assert world.dialogs.asked == [f"open in {photo.parent}"]


def test_opening_a_file_again_shows_its_tab(world: Any, photo: Path) -> None:
    world.run("file.open", photo)
    first = world.opened
    world.add()
    world.run("file.open", photo.parent / "nowhere" / ".." / "cat.jpg")
    assert world.opened is first
    assert len(world.desk.documents) == 2


def test_opening_a_file_twice_at_once_opens_one_tab(later: Any, photo: Path) -> None:
    later.run("file.open", photo, photo)
    later.run("file.open", photo)
    later.background.finish()
    assert len(later.desk.documents) == 1
    later.desk.remove(later.opened)
    later.run("file.open", photo)
    later.background.finish()
    assert len(later.desk.documents) == 1


def test_files_are_read_off_the_thread_of_the_window(later: Any, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object, **values: object) -> None:
        raise AssertionError("a file was touched on the thread of the window")

    with monkeypatch.context() as patched:
        for name in ("open", "stat", "exists", "is_file", "resolve"):
            patched.setattr(Path, name, forbidden)
        later.run("file.open", photo)
    later.background.finish()
    later.desk.show(later.desk.documents[0])
    with monkeypatch.context() as patched:
        for name in ("open", "stat", "exists", "is_file", "resolve"):
            patched.setattr(Path, name, forbidden)
        later.dialogs.saves = photo.parent / "cat.ora"
        later.run("file.save")
        later.dialogs.exports = None
        later.run("file.export")
    later.background.finish()
    assert not later.opened.modified


def test_several_files_open_at_once(world: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        Image.new("RGB", (8, 8)).save(path)
    world.run("file.open", *paths)
    assert [opened.path for opened in world.desk.documents] == paths
    assert world.opened.path == paths[-1]


def test_a_broken_file_is_told_and_opens_nothing(world: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    world.run("file.open", broken)
    assert world.desk.documents == () and not world.desk.tasks
    assert "broken.png" in world.message and world.message.endswith(".")
    world.run("file.open", broken)
    assert world.desk.documents == ()


def test_a_file_that_is_gone_is_told(world: Any, tmp_path: Path) -> None:
    world.run("file.open", tmp_path / "gone.png")
    assert "gone.png" in world.message
    assert world.desk.settings.recent == ()


def test_every_file_that_fails_is_told_beside_those_that_open(later: Any, tmp_path: Path, photo: Path) -> None:
    later.run("file.open", tmp_path / "gone.png", tmp_path / "lost.png", photo)
    later.background.finish()
    assert [opened.title for opened in later.desk.documents] == ["cat.jpg"]
    assert "gone.png" in later.message and "lost.png" in later.message
    later.run("file.open", tmp_path / "other.png")
    later.background.finish()
    assert "other.png" in later.message and "gone.png" not in later.message


def test_an_error_of_the_program_is_told_and_logged(
    world: Any, photo: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(files_module, "open_document", fail)
    world.run("file.open", photo)
    assert "unexpectedly" in world.message and "oops" in world.message
    assert "Opening cat.jpg" in caplog.text


def test_the_sample_is_a_copy_that_is_never_written_to(world: Any) -> None:
    world.run("help.sample")
    assert world.opened.path is None and world.opened.title == "photo.jpg"
    assert world.desk.settings.recent == ()
    world.run("file.save")
    assert world.dialogs.suggested == [Path.home() / "photo.ora"]


def test_trying_an_instruction_opens_the_sample_with_it(world: Any) -> None:
    world.run("start.try", "make it night")
    assert world.session.instruction == "make it night"
    world.run("help.sample")
    assert world.session.instruction == ""


def test_cancelling_opens_nothing(later: Any, photo: Path) -> None:
    later.run("file.open", photo)
    later.desk.cancel(later.desk.tasks[0])
    later.background.finish()
    assert later.desk.documents == () and later.desk.tasks == ()
    assert "cancelled" in later.message
    later.run("file.open", photo)
    later.background.finish()
    assert len(later.desk.documents) == 1


def test_saving_a_picture_asks_for_a_project_beside_it(world: Any, photo: Path) -> None:
    before = photo.read_bytes()
    world.run("file.open", photo)
    spoil(world)
    world.dialogs.saves = photo.with_suffix(".ora")
    world.run("file.save")
    assert world.dialogs.asked == ["Save project"] and world.dialogs.suggested == [photo.with_suffix(".ora")]
    assert (world.opened.path, world.opened.title) == (photo.with_suffix(".ora"), "cat.ora")
    assert not world.opened.modified
    assert photo.read_bytes() == before
    spoil_again = SetProperty(world.document.active, "opacity", 0.5)
    world.desk.do(spoil_again)
    world.run("file.save")
    assert world.dialogs.asked == ["Save project"]
    again = open_document(photo.with_suffix(".ora")).document
    assert np.array_equal(composite(again, again.rect), world.look())


def test_a_name_without_the_suffix_gets_it(world: Any, tmp_path: Path) -> None:
    world.add()
    world.dialogs.saves = tmp_path / "v1.2"
    world.run("file.save_as")
    assert (tmp_path / "v1.2.ora").is_file()


def test_a_suffix_in_capitals_stays_the_name_that_was_chosen(world: Any, tmp_path: Path) -> None:
    world.add()
    world.dialogs.saves = tmp_path / "A.ORA"
    world.run("file.save_as")
    assert [path.name for path in tmp_path.iterdir()] == ["A.ORA"]


def test_thinking_better_of_saving_changes_nothing(world: Any) -> None:
    world.add()
    spoil(world)
    world.run("file.save")
    assert world.opened.modified and world.opened.path is None and not world.desk.tasks


def test_what_is_done_while_saving_is_not_saved(later: Any, tmp_path: Path) -> None:
    later.add()
    spoil(later)
    later.dialogs.saves = tmp_path / "a.ora"
    later.run("file.save")
    later.desk.do(SetProperty(later.document.active, "opacity", 0.5))
    later.background.finish()
    assert later.opened.modified
    later.run("edit.undo")
    assert not later.opened.modified


def test_a_slider_moved_on_after_saving_does_not_replace_the_saved_step(world: Any, tmp_path: Path) -> None:
    world.add()
    world.desk.do(SetProperty(world.document.active, "opacity", 0.5))
    project(world, tmp_path / "a.ora")
    world.desk.do(SetProperty(world.document.active, "opacity", 0.2))
    assert world.opened.modified
    world.run("edit.undo")
    assert not world.opened.modified


def test_saving_while_saving_writes_the_newest_state_in_the_end(later: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.ora"
    later.add()
    spoil(later)
    later.dialogs.saves = path
    later.run("file.save_as")
    later.desk.do(SetProperty(later.document.active, "opacity", 0.5))
    later.run("file.save_as")
    later.run("file.save_as")
    assert len(later.background.waiting) == 1
    later.background.finish()
    assert not later.opened.modified and not later.desk.tasks
    assert open_document(path).document.layers[0].opacity == 0.5


def test_a_variant_that_arrives_while_saving_is_not_taken_for_saved(later: Any, tmp_path: Path) -> None:
    later.add()
    later.runner.hold = True
    later.generate(1)
    later.dialogs.saves = tmp_path / "a.ora"
    later.run("file.save")
    later.runner.release()
    later.background.finish()
    assert later.opened.modified
    later.run("file.save")
    later.background.finish()
    assert not later.opened.modified
    assert len(open_document(tmp_path / "a.ora").variants) == 1


def test_variants_stay_out_of_the_file_where_the_settings_say_so(world: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    world.add()
    world.generate(1)
    world.desk.settings = replace(world.desk.settings, keep_variants=False)
    project(world, tmp_path / "a.ora")
    assert open_document(tmp_path / "a.ora").variants == ()
    assert not world.opened.modified


def test_a_full_disk_is_told_and_the_document_stays_unsaved(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add()
    project(world, tmp_path / "a.ora")
    before = (tmp_path / "a.ora").read_bytes()
    spoil(world)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        world.run("file.save")
    assert "the disk is full" in world.message
    assert world.opened.modified and not world.desk.tasks
    assert [path.name for path in tmp_path.iterdir()] == ["a.ora"]
    assert (tmp_path / "a.ora").read_bytes() == before
    world.run("file.save")
    assert not world.opened.modified


def test_a_folder_that_is_not_there_is_told(world: Any, tmp_path: Path) -> None:
    world.add()
    spoil(world)
    world.dialogs.saves = tmp_path / "gone" / "a.ora"
    world.run("file.save")
    assert "its folder does not exist" in world.message
    assert world.opened.modified and world.opened.path is None


def test_a_project_is_not_written_over_one_in_another_tab(world: Any, tmp_path: Path) -> None:
    first = world.add()
    project(world, tmp_path / "a.ora")
    world.add(title="b")
    spoil(world)
    world.dialogs.saves = tmp_path / "a.ora"
    world.run("file.save")
    assert "open in another tab" in world.message
    assert world.opened.modified and world.opened.path is None and first.path == tmp_path / "a.ora"


def test_a_cancelled_save_leaves_the_file_and_the_next_one_waits_for_it(
    later: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ora"
    later.add()
    spoil(later)
    later.dialogs.saves = path
    inside, go_on = threading.Event(), threading.Event()
    busy: list[int] = []

    def slow(*arguments: Any) -> list[str]:
        busy.append(1)
        assert len(busy) == 1, "two saves of one document at once"
        inside.set()
        assert go_on.wait(20)
        busy.pop()
        return save_ora(*arguments)

    monkeypatch.setattr(files_module, "save_ora", slow)
    later.run("file.save")
    job, work, *_ = later.background.waiting[0]
    errors: list[Exception] = []

    def run() -> None:
        try:
            work(job)
        except Cancelled as error:
            errors.append(error)

    first = threading.Thread(target=run, daemon=True)
    first.start()
    assert inside.wait(20)
    later.desk.cancel(later.desk.tasks[0])
    later.background.waiting.clear()
    assert later.opened.modified and "cancelled" in later.message
    later.run("file.save")
    threading.Timer(0.05, go_on.set).start()
    later.background.step()
    assert not later.opened.modified and path.is_file()
    first.join(20)
    assert len(errors) == 1


def test_export_writes_a_flat_copy_and_leaves_the_document_unsaved(
    world: Any, tmp_path: Path, make_export: Callable[[Path], Export]
) -> None:
    world.add(title="harbour.ora")
    spoil(world)
    world.dialogs.exports = make_export(tmp_path / "out.png")
    world.run("file.export")
    assert world.dialogs.suggested[0].name == "harbour.png"
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png").convert("RGBA")), world.look())
    assert world.opened.modified and world.opened.path is None
    assert "Exported out.png." in world.message


def test_an_export_that_fails_is_told(world: Any, tmp_path: Path, make_export: Callable[[Path], Export]) -> None:
    world.add()
    world.dialogs.exports = make_export(tmp_path / "gone" / "out.png")
    world.run("file.export")
    assert "out.png was not written" in world.message and not world.desk.tasks


def test_export_layers_writes_a_photoshop_file(world: Any, tmp_path: Path, make_layer: Callable[..., Any]) -> None:
    world.add(make_layer("below"), make_layer("above", (0, 0, 255, 128)))
    world.dialogs.saves = tmp_path / "out.psd"
    world.run("file.export_psd")
    again = open_document(tmp_path / "out.psd").document
    assert [layer.name for layer in again.layers] == ["below", "above"]
    difference = composite(again, again.rect).astype(int) - world.look()
    assert np.abs(difference).max() <= 1
    assert "Exported out.psd." in world.message


def test_layers_cannot_be_exported_over_an_open_project(world: Any, tmp_path: Path) -> None:
    world.add()
    world.generate(1)
    project(world, tmp_path / "a.ora")
    before = (tmp_path / "a.ora").read_bytes()
    world.desk.files.export_layers(world.opened, tmp_path / "a.ora")
    assert "open project" in world.message
    assert (tmp_path / "a.ora").read_bytes() == before
    world.desk.files.export_layers(world.opened, tmp_path / "a.gif")
    assert "can be exported as" in world.message


def test_closing_what_is_saved_does_not_ask(world: Any) -> None:
    first, second = world.add(), world.add()
    world.run("file.close")
    assert world.desk.documents == (first,) and world.opened is first
    assert second not in world.desk.documents and world.dialogs.asked == []
    world.run("file.close")
    assert world.desk.current is None and not world.enabled("file.close")


@pytest.mark.parametrize("answer", ["save", "discard", "cancel"])
def test_closing_what_is_not_saved_asks(world: Any, tmp_path: Path, answer: Any) -> None:
    world.add(title="a")
    spoil(world)
    world.dialogs.unsaved_answers = [answer]
    world.dialogs.saves = tmp_path / "a.ora"
    world.run("file.close")
    assert world.dialogs.asked[0] == "unsaved a"
    assert (len(world.desk.documents) == 1) == (answer == "cancel")
    assert (tmp_path / "a.ora").exists() == (answer == "save")


def test_closing_stops_where_the_save_dialog_is_cancelled(world: Any) -> None:
    world.add()
    spoil(world)
    world.dialogs.unsaved_answers = ["save"]
    world.run("file.close")
    assert len(world.desk.documents) == 1 and world.opened.modified


def test_closing_stops_where_saving_fails(world: Any, tmp_path: Path) -> None:
    world.add()
    spoil(world)
    world.dialogs.unsaved_answers = ["save"]
    world.dialogs.saves = tmp_path / "gone" / "a.ora"
    world.run("file.close")
    assert len(world.desk.documents) == 1 and world.opened.modified
    assert "was not written" in world.message


def test_closing_while_saving_waits_for_it_and_does_not_ask(later: Any, tmp_path: Path) -> None:
    later.add()
    spoil(later)
    later.dialogs.saves = tmp_path / "a.ora"
    later.run("file.save")
    later.run("file.close")
    later.run("file.close")
    assert len(later.desk.documents) == 1
    later.background.finish()
    assert later.desk.documents == () and later.dialogs.asked == ["Save project"]


def test_closing_a_tab_in_the_back_shows_what_is_asked_about(world: Any) -> None:
    from editor.actions.file import close_document

    first = world.add(title="first")
    spoil(world)
    world.add(title="second")
    world.dialogs.unsaved_answers = ["cancel"]
    close_document(world.desk, first, lambda: None)
    assert world.opened is first


def test_quit_closes_the_window(world: Any) -> None:
    world.add(), world.add()
    world.run("file.quit")
    assert world.desk.documents == () and world.screen.done == ["close"]


def test_quit_cancelled_in_the_middle_keeps_everything(world: Any) -> None:
    first, saved, third = world.add(title="first"), world.add(title="saved"), world.add(title="third")
    for opened in (first, third):
        world.desk.show(opened)
        spoil(world)
    world.dialogs.unsaved_answers = ["discard", "cancel"]
    world.run("file.quit")
    assert world.dialogs.asked == ["unsaved first", "unsaved third"]
    assert world.desk.documents == (first, saved, third) and world.opened is third
    assert first.modified and third.modified and world.screen.done == []


def test_quit_saves_discards_and_leaves(later: Any, tmp_path: Path) -> None:
    later.add(title="first")
    spoil(later)
    later.add(title="second")
    spoil(later)
    later.dialogs.unsaved_answers = ["save", "discard"]
    later.dialogs.saves = tmp_path / "first.ora"
    later.run("file.quit")
    assert later.screen.done == [] and len(later.desk.documents) == 2
    later.run("file.quit")  # impatience
    later.background.finish()
    assert later.screen.done == ["close"] and later.desk.documents == ()
    assert [path.name for path in tmp_path.iterdir()] == ["first.ora"]


def test_quit_stops_where_saving_fails(world: Any, tmp_path: Path) -> None:
    world.add()
    spoil(world)
    world.dialogs.unsaved_answers = ["save"]
    world.dialogs.saves = tmp_path / "gone" / "a.ora"
    world.run("file.quit")
    assert world.screen.done == [] and world.opened.modified and "was not written" in world.message


def test_quit_waits_for_an_export(later: Any, tmp_path: Path, make_export: Callable[[Path], Export]) -> None:
    later.add()
    later.dialogs.exports = make_export(tmp_path / "out.png")
    later.run("file.export")
    later.run("file.quit")
    assert later.screen.done == [] and len(later.desk.documents) == 1
    later.background.finish()
    assert later.screen.done == ["close"] and (tmp_path / "out.png").is_file()


def test_quit_stays_where_an_export_fails(later: Any, tmp_path: Path, make_export: Callable[[Path], Export]) -> None:
    later.add()
    later.dialogs.exports = make_export(tmp_path / "gone" / "out.png")
    later.run("file.export")
    later.run("file.quit")
    later.background.finish()
    assert later.screen.done == [] and "was not written" in later.message


def test_an_opened_project_brings_its_variants_and_saves_without_asking(world: Any, tmp_path: Path) -> None:
    world.add()
    world.generate(2)
    project(world, tmp_path / "a.ora")
    world.run("file.close")
    world.run("file.open", tmp_path / "a.ora")
    assert [item.seed for item in world.session.done] == [3, 4]
    spoil(world)
    asked = list(world.dialogs.asked)
    world.run("file.save")
    assert world.dialogs.asked == asked and not world.opened.modified


def test_a_refused_name_of_an_export_names_the_reason(world: Any, tmp_path: Path) -> None:
    world.add()
    world.dialogs.saves = tmp_path
    world.run("file.save_as")
    with pytest.raises(OutputNotWritable):
        save_ora(tmp_path, world.document)
    assert world.opened.modified is False
