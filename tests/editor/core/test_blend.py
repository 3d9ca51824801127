"""The table of blend modes."""

from __future__ import annotations

import pytest
import skia

from editor.core.blend import BLENDS, Blend, blend_named
from editor.core.errors import UsageError
from editor.core.layer import NORMAL
from tests.editor.core.w3c import MIXES


def test_all_sixteen_modes_of_the_w3c_plus_and_atop_are_there() -> None:
    assert {blend.name for blend in BLENDS} == {*MIXES, "plus", "atop"}
    assert BLENDS[0].name == NORMAL


@pytest.mark.parametrize("field", ["name", "title", "ora", "psd", "skia"])
def test_no_two_modes_share_a_name(field: str) -> None:
    assert len({getattr(blend, field) for blend in BLENDS}) == len(BLENDS)


@pytest.mark.parametrize("blend", BLENDS, ids=lambda blend: blend.name)
def test_every_mode_is_found_by_its_name_and_known_to_skia(blend: Blend) -> None:
    assert blend_named(blend.name) is blend
    assert hasattr(skia.BlendMode, blend.skia)
    assert len(blend.psd) == (0 if blend.name == "atop" else 4)  # Photoshop has none
    assert ":" in blend.ora


def test_another_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'dissolve'.*normal, atop, multiply"):
        blend_named("dissolve")
