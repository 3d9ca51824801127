from __future__ import annotations

from pathlib import Path

import pytest

import inference.package_memory
from inference.errors import PackageError
from inference.package import ModelPackage, open_package
from inference.package_memory import PackageMemory


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was really opened."""
    seen: list[Path] = []

    def count(folder: Path) -> ModelPackage:
        seen.append(folder)
        return open_package(folder)

    monkeypatch.setattr(inference.package_memory, "open_package", count)
    return seen


def test_a_package_is_opened_once_while_nothing_changes(tiny_package: Path, opened: list[Path]) -> None:
    memory = PackageMemory()
    assert memory(tiny_package) is memory(tiny_package)
    assert memory(tiny_package).sha256 == open_package(tiny_package).sha256
    assert opened == [tiny_package]


def test_every_change_of_a_file_is_seen(tiny_package: Path, opened: list[Path]) -> None:
    memory = PackageMemory()
    memory(tiny_package)
    (tiny_package / "notes.txt").write_text("new")
    memory(tiny_package)
    assert len(opened) == 2
    graph = tiny_package / "unet/model.onnx"
    data = graph.read_bytes()
    graph.unlink()
    for _ in range(2):
        with pytest.raises(PackageError, match="missing"):
            memory(tiny_package)
    graph.write_bytes(data)
    assert memory(tiny_package).name == "tiny"


def test_a_link_that_leads_nowhere_is_refused_each_time(tiny_package: Path) -> None:
    memory = PackageMemory()
    (tiny_package / "gone").symlink_to("nowhere")
    for _ in range(2):
        with pytest.raises(PackageError):
            memory(tiny_package)
