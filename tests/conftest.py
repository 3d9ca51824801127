"""Fixtures for every folder of tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # windows of tests stay off the screen, and need none

PackageWriter = Callable[..., Path]


def _load(name: str) -> ModuleType:
    """A helper module beside this file: tests have no packages, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module `tests/tiny_package.py`."""
    return _load("tiny_package")


@pytest.fixture
def write_tiny_package(tiny: ModuleType) -> PackageWriter:
    """`write_tiny_package(folder, **options) -> folder`."""
    return tiny.write_tiny_package


@pytest.fixture
def tiny_package(tmp_path: Path, write_tiny_package: PackageWriter) -> Path:
    """The folder of a fresh tiny model package that a test may change."""
    return write_tiny_package(tmp_path / "tiny")
