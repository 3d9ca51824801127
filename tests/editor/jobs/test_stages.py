"""What an import is doing, in words."""

from __future__ import annotations

import pytest

from editor.jobs.stages import in_words
from training.export.components import COMPONENTS


@pytest.mark.parametrize("part", COMPONENTS)
def test_every_part_has_its_words(part: str) -> None:
    assert in_words(part).startswith("Converting the part that ")
    assert in_words(f"{part} weights").startswith("Storing the part that ")
    assert in_words(f"{part} fused").startswith("Speeding up the part that ")
    assert in_words(f"{part} parity").startswith("Comparing the part that ")


def test_other_stages_have_theirs_or_stand_for_themselves() -> None:
    assert in_words("load") == "Reading the weights"
    assert in_words("fetch unet/a.safetensors") == "Fetching unet/a.safetensors"
    assert in_words("something new") == "something new"
