"""Saving where it cannot work: the older file stays, nothing new is left beside it, and the document stays unsaved."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from editor.actions.desk import Desk, Ports
from editor.actions.ports import Export
from editor.core.changes import AddLayer, Fill
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.formats.export_flat import ExportOptions
from editor.core.formats.opening import open_document
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.settings import Settings
from editor.core.tiles import TileMap
from editor.edits.background import InlineBackground
from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession

RED = (200, 0, 0, 255)


class Cancelling(InlineBackground):
    """The user cancels once `after` of the work is done; after 1 nobody does."""

    after = 1.0

    def run(self, work: Any, done: Any, failed: Any, progress: Any = None) -> Any:
        watch = _Watch(self.after)
        try:
            result = work(watch)
        except Exception as error:
            failed(error)
        else:
            done(result)
        return watch


class _Watch:
    def __init__(self, after: float) -> None:
        self._after, self.cancelled = after, False

    def __call__(self, fraction: float) -> None:
        self.cancelled |= self._after < fraction < 1

    def cancel(self) -> None:
        self.cancelled = True


class Saving:
    """A desk with one document that was saved as `path` and changed since."""

    def __init__(self, path: Path) -> None:
        self.background = Cancelling()
        nothing: Any = SimpleNamespace()
        ports = Ports(nothing, nothing, nothing, self.background, nothing, nothing)
        ended: Any = SimpleNamespace(close=lambda: None)
        self.desk = Desk(ports, Settings(), EditSession, lambda opened: ended)
        pixels = np.random.default_rng(1).integers(0, 256, (700, 600, 4), np.uint8)
        layer = RasterLayer(name="photo", plane=TileMap.of(pixels))
        self.opened = OpenDocument(History(Document(600, 700, (layer,), layer.id)), edit=EditSession())
        self.desk.add(self.opened)
        self.path = path
        self.save(path)
        assert self.opened.path == path and not self.opened.modified
        self.before = path.read_bytes()
        self.opened.do(AddLayer(RasterLayer(name="new", plane=TileMap.of(pixels[::-1].copy()))))

    def save(self, path: Path) -> None:
        self.desk.files.save(self.opened, path)

    @property
    def message(self) -> str:
        message = self.opened.edit.message
        return message.text if message is not None else ""

    def check_refused(self, why: str, folder: Path) -> None:
        """The older file is as it was and alone in its folder, the document unsaved, the reason told."""
        assert why in self.message and self.message.count("\n") == 0 and self.message.endswith(".")
        assert self.opened.modified and self.opened.path == self.path
        assert self.path.read_bytes() == self.before
        assert [path.name for path in folder.iterdir()] == [self.path.name]
        assert not self.desk.tasks and not self.desk.files.is_saving(self.opened)

    def check_saved(self, path: Path) -> None:
        assert not self.opened.modified and self.opened.path == path
        found, document = open_document(path).document, self.opened.document
        assert np.array_equal(composite(found, found.rect), composite(document, document.rect))


@pytest.fixture
def saving(tmp_path: Path) -> Iterator[Saving]:
    (tmp_path / "work").mkdir()
    saving = Saving(tmp_path / "work" / "a.ora")
    yield saving
    saving.opened.close()


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [1_000, 500_000, 2_500_000, 4_500_000])
def test_a_disk_that_fills_up(size: int, saving: Saving) -> None:
    with small_disk(size):
        saving.save(saving.path)
        saving.check_refused("larger than this disk or account allows", saving.path.parent)
        saving.desk.files.export_layers(saving.opened, saving.path.with_suffix(".psd"))
        saving.check_refused("larger than this disk", saving.path.parent)
        saving.desk.files.export(saving.opened, Export(saving.path.with_suffix(".png"), ExportOptions()))
        if size < 1_000_000:
            saving.check_refused("larger than this disk", saving.path.parent)
        saving.path.with_suffix(".png").unlink(missing_ok=True)
    saving.save(saving.path)
    saving.check_saved(saving.path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/dev/full", "device"),
        ("/dev/null", "device"),
        ("/proc/a.ora", "not written"),
        ("/sys/a.ora", "not written"),
        (".", "folder"),
        ("none/a.ora", "does not exist"),
        ("x" * 300 + ".ora", "name is too long"),
        ("a.ora/b.ora", "does not exist"),
    ],
)
def test_a_place_where_nothing_can_be_written(path: str, why: str, saving: Saving) -> None:
    saving.save(saving.path.parent / path)
    saving.check_refused(why, saving.path.parent)
    saving.save(saving.path)
    saving.check_saved(saving.path)


def test_a_folder_that_is_write_protected(saving: Saving, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if "x" in mode:  # the superuser, as whom tests may run, is allowed everything
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        saving.save(saving.path)
        saving.check_refused("not allowed; choose another folder", saving.path.parent)
    saving.save(saving.path)
    saving.check_saved(saving.path)


@pytest.mark.parametrize("name", ["Ünïcødé 猫 😀.ora", "  spaces and 'quotes' % #.ora", "-rf.ora", "x" * 251 + ".ora"])
def test_names_of_every_kind(name: str, saving: Saving) -> None:
    saving.save(saving.path.with_name(name))
    saving.check_saved(saving.path.with_name(name))


@pytest.mark.parametrize("meanwhile", ["removed", "emptied", "replaced", "folder"])
def test_a_file_that_changed_meanwhile(meanwhile: str, saving: Saving) -> None:
    path = saving.path
    changes: dict[str, Callable[[], object]] = {
        "removed": path.unlink,
        "emptied": lambda: path.write_bytes(b""),
        "replaced": lambda: path.write_bytes(saving.before[::-1]),
        "folder": lambda: shutil.rmtree(path.parent),
    }
    changes[meanwhile]()
    saving.save(path)
    if meanwhile == "folder":
        assert "its folder does not exist" in saving.message and saving.opened.modified
        path.parent.mkdir()
        saving.save(path)
    saving.check_saved(path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("after", [0.0, 0.4, 0.9])
def test_cancelling_in_the_middle(after: float, saving: Saving) -> None:
    saving.background.after = after
    saving.save(saving.path)
    saving.check_refused("was cancelled.", saving.path.parent)
    saving.background.after = min(after, 0.4)
    saving.desk.files.export_layers(saving.opened, saving.path.with_suffix(".psd"))
    saving.check_refused("was cancelled.", saving.path.parent)
    saving.background.after = 1.0
    saving.save(saving.path)
    saving.check_saved(saving.path)


@pytest.mark.parametrize("mode", ["16", "CMYK", "P", "animated"])
def test_what_a_file_did_not_give_is_told(mode: str, saving: Saving, tmp_path: Path) -> None:
    path, picture = tmp_path / "b.tif", Image.radial_gradient("L").resize((30, 20))
    if mode == "16":
        Image.fromarray(np.full((20, 30), 40_000, np.uint16)).save(path)
    elif mode == "CMYK":
        picture.convert("CMYK").save(path)
    elif mode == "P":
        path = tmp_path / "b.png"
        picture.convert("P").save(path)
    else:
        path = tmp_path / "b.gif"
        picture.save(path, save_all=True, append_images=[picture.rotate(90)])
    saving.desk.files.open(path)
    opened = saving.desk.current
    assert opened is not None and opened.title == path.name and not opened.modified
    expected = {"16": "16 bits", "CMYK": "CMYK was converted", "P": "", "animated": "first"}[mode]
    message = opened.edit.message.text if opened.edit.message is not None else ""
    assert expected in message and bool(message) == bool(expected)
    opened.close()


def fill(saving: Saving) -> None:
    saving.opened.do(Fill(saving.opened.document.active, RED))


def test_a_full_disk_after_many_saves(saving: Saving) -> None:
    """What the cache of the last save knows stays true after a failed one."""
    for size in (300_000, 900_000, 2_000_000):
        saving.save(saving.path)
        saving.check_saved(saving.path)
        saving.before = saving.path.read_bytes()
        fill(saving)
        with small_disk(size):
            saving.save(saving.path)
            if saving.opened.modified:
                saving.check_refused("larger than this disk", saving.path.parent)
        saving.opened.history.undo()
    saving.save(saving.path)
    saving.check_saved(saving.path)
