"""What the exporter's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.tiny_model import block_network, export_tiny
from training.export.exporter import ExportReport


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    block_network(monkeypatch)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def full(base: Path) -> ExportReport:
    """The tiny model exported as fp32."""
    return export_tiny(base, "fp32")


@pytest.fixture(scope="session")
def half(base: Path) -> ExportReport:
    """The tiny model exported as fp16."""
    return export_tiny(base, "fp16")
