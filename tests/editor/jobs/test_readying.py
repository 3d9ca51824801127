"""A new model's first load, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from editor.jobs import readying
from editor.jobs.readying import Readying
from inference.client import EngineClient
from inference.errors import Cancelled, PackageError
from inference.types import CancelToken


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[EngineClient]:
    """All that were made."""
    made = list[EngineClient]()

    def make(folder: Path, provider: str) -> EngineClient:
        made.append(EngineClient(folder, provider))
        return made[-1]

    monkeypatch.setattr(readying, "EngineClient", make)
    return made


def test_the_process_has_loaded_the_model_and_is_gone(tiny_package: Path, clients: list[EngineClient]) -> None:
    Readying("cpu")(tiny_package, CancelToken())
    (client,) = clients
    assert client.provider == "cpu" and client.pid is None


@pytest.mark.parametrize("error", [Cancelled, PackageError])
def test_it_is_gone_too_where_that_fails(
    tiny_package: Path, clients: list[EngineClient], error: type[Exception]
) -> None:
    cancel = CancelToken()
    if error is Cancelled:
        cancel.cancel()
    else:
        (tiny_package / "unet" / "model.onnx").unlink()
    with pytest.raises(error):
        Readying("cpu")(tiny_package, cancel)
    assert clients[0].pid is None
