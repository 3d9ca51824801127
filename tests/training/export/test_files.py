"""A package folder appears complete or not at all, and an old one stays until the new one is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.export.errors import ExportTargetError
from training.export.files import check_target, folder_sizes, staged


def fill(folder: Path, text: str) -> None:
    (folder / "unet").mkdir()
    (folder / "unet" / "model.onnx").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_finished_folder_takes_the_name(tmp_path: Path) -> None:
    with staged(tmp_path / "model") as stage:
        fill(stage, "new")
        assert not (tmp_path / "model").exists()
    assert names(tmp_path) == ["model"]
    assert folder_sizes(tmp_path / "model") == {"unet": 3}


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "model") as stage:
        fill(stage, "new")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_an_old_package_gives_way_when_the_new_one_is_complete(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    fill(tmp_path / "model", "old")
    with pytest.raises(KeyboardInterrupt), staged(tmp_path / "model") as stage:
        fill(stage, "new")
        raise KeyboardInterrupt
    assert (tmp_path / "model" / "unet" / "model.onnx").read_text() == "old"
    with staged(tmp_path / "model") as stage:
        fill(stage, "new")
    assert (tmp_path / "model" / "unet" / "model.onnx").read_text() == "new"
    assert names(tmp_path) == ["model"]


def test_the_old_package_comes_back_when_the_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    fill(tmp_path / "model", "old")
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ExportTargetError, match="Permission denied"), staged(tmp_path / "model") as stage:
        fill(stage, "new")
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model" / "unet" / "model.onnx").read_text() == "old"


def test_targets_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportTargetError, match="does not exist"):
        check_target(tmp_path / "missing" / "model", replace=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportTargetError, match="is no folder"):
        check_target(tmp_path / "file", replace=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportTargetError, match="is no folder"):
        check_target(tmp_path / "link", replace=True)
    (tmp_path / "full").mkdir()
    fill(tmp_path / "full", "mine")
    with pytest.raises(ExportTargetError, match="not empty"):
        check_target(tmp_path / "full", replace=False)
    check_target(tmp_path / "full", replace=True)
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty", replace=False)


def test_a_folder_that_takes_no_file_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_target(tmp_path / "model", replace=False)
    assert list(tmp_path.iterdir()) == []

    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(ExportTargetError, match=r"Nothing can be written in .* \(Permission denied\)"):
        check_target(tmp_path / "model", replace=False)
