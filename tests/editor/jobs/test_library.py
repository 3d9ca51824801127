"""The model packages, as the window chooses among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from editor.jobs.library import Library
from inference.errors import PackageError
from tests.tiny_package import write_tiny_package


@pytest.fixture
def prewarmed() -> list[str]:
    """What was made ready."""
    return []


@pytest.fixture
def library(tmp_path: Path, prewarmed: list[str]) -> Library:
    """Two packages, and one that is broken."""
    write_tiny_package(tmp_path / "bundled" / "tiny", name="tiny")
    write_tiny_package(tmp_path / "user" / "other", name="other", manifest=False)
    broken = write_tiny_package(tmp_path / "user" / "broken", name="broken")
    next(broken.rglob("*.onnx")).unlink()
    return Library(tmp_path / "user", tmp_path / "bundled", prewarmed.append)


def test_names_are_those_that_can_be_used(library: Library) -> None:
    assert library.names == ("tiny", "other")
    assert library.problem == ""


def test_the_bundled_model_is_chosen_at_first(library: Library, prewarmed: list[str]) -> None:
    chosen = library.chosen()
    assert chosen is not None and chosen.name == "tiny" and prewarmed == []


def test_choosing_makes_a_model_ready_for_new_documents(library: Library, prewarmed: list[str]) -> None:
    library.choose("other")
    assert prewarmed == ["other"]
    chosen = library.chosen()
    assert chosen is not None and chosen.name == "other"


@pytest.mark.parametrize("name", ["nobody", "broken"])
def test_a_model_that_cannot_be_used_is_refused_and_the_old_one_stays(
    library: Library, prewarmed: list[str], name: str
) -> None:
    library.choose("other")
    for ask in (library.choose, library.facts, library.folder):
        with pytest.raises(PackageError):
            ask(name)
    chosen = library.chosen()
    assert chosen is not None and chosen.name == "other" and prewarmed == ["other"]


def test_facts_are_those_of_the_package(library: Library) -> None:
    facts = library.facts("other")
    assert facts.name == "other" and len(facts.sha256) == 64 and facts.steps > 0
    assert library.facts("other") is facts
    assert library.folder("other").name == "other"


def test_without_a_model_the_problem_is_a_sentence(tmp_path: Path) -> None:
    library = Library(tmp_path / "user", tmp_path / "bundled", lambda name: None)
    assert library.names == () and library.chosen() is None
    assert library.problem.startswith("No model is installed")


@pytest.mark.parametrize(("before", "now"), [("other", "other"), ("gone", "tiny"), ("", "tiny")])
def test_the_model_used_before_is_used_again_or_the_bundled_one(
    library: Library, tmp_path: Path, before: str, now: str
) -> None:
    chosen = Library(tmp_path / "user", tmp_path / "bundled", lambda name: None, before).chosen()
    assert chosen is not None and chosen.name == now
