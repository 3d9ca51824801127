from __future__ import annotations

import json

import pytest

from editor.tools.settings import ToolSettings, kept, restore


def test_options_come_back_as_they_were() -> None:
    before, after = ToolSettings(), ToolSettings()
    before.size, before.hardness, before.how, before.contiguous, before.tolerance = 123.5, 0.25, "add", False, 7
    restore(after, json.loads(json.dumps(kept(before))))
    assert kept(after) == kept(before)
    assert isinstance(after.tolerance, int) and isinstance(after.size, float)


@pytest.mark.parametrize(
    ("name", "value"),
    [("size", -5), ("size", "40"), ("size", float("nan")), ("how", "never"), ("contiguous", 1), ("hardness", True)],
)
def test_a_value_that_an_option_cannot_have_is_left_alone(name: str, value: object) -> None:
    settings = ToolSettings()
    before = kept(settings)
    restore(settings, {name: value})
    assert kept(settings) == before
