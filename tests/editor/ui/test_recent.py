"""The small pictures of recent files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from editor.ui import recent
from editor.ui.recent import SIDE, Thumbnails


def picture(width: int = 400, height: int = 200) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGBA8888)
    image.fill(QColor("red"))
    return image


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    return path


def test_a_picture_is_kept_small(qapp: QApplication, tmp_path: Path, file: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "kept")
    assert thumbnails.picture(file) is None
    thumbnails.keep(file, picture())
    kept = Thumbnails(tmp_path / "kept").picture(file)
    assert kept is not None and (kept.width(), kept.height()) == (SIDE, SIDE // 2)
    assert kept.toImage().pixelColor(5, 5) == QColor("red")
    assert thumbnails.picture(tmp_path / "b.jpg") is None


def test_a_file_that_changed_has_none(qapp: QApplication, tmp_path: Path, file: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "kept")
    thumbnails.keep(file, picture())
    os.utime(file, ns=(1, 1))
    assert thumbnails.picture(file) is None
    thumbnails.keep(file, picture())
    assert thumbnails.picture(file) is not None


def test_a_broken_one_counts_as_none(qapp: QApplication, tmp_path: Path, file: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "kept")
    thumbnails.keep(file, picture())
    next((tmp_path / "kept").iterdir()).write_bytes(b"\x89PNG broken")
    assert thumbnails.picture(file) is None


def test_only_the_newest_are_kept(
    qapp: QApplication, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "MOST", 3)
    thumbnails = Thumbnails(tmp_path / "kept")
    for name in "abcde":
        thumbnails.keep(tmp_path / name, picture())
    assert len(list((tmp_path / "kept").iterdir())) == 3


def test_a_folder_that_cannot_be_written_does_no_harm(qapp: QApplication, tmp_path: Path, file: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    thumbnails = Thumbnails(tmp_path / "kept")
    thumbnails.keep(file, picture())
    assert thumbnails.picture(file) is None
