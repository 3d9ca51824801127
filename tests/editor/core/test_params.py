from __future__ import annotations

import pytest

from editor.core.params import Param, Value, checked

WHOLE = Param("w", "W", "whole", 5, 1, 9)
NUMBER = Param("n", "N", "number", 0.5, 0, 1)
FLAG = Param("f", "F", "flag", True)
CHOICE = Param("c", "C", "choice", "a", choices=(("a", "A"), ("b", "B")))
TEXT = Param("t", "T", "text", "x")


@pytest.mark.parametrize(
    ("param", "given", "expected"),
    [
        (WHOLE, 7, 7), (WHOLE, 7.6, 8), (WHOLE, 100, 9), (WHOLE, -1, 1), (WHOLE, "7", 5), (WHOLE, True, 5),
        (WHOLE, float("nan"), 5), (WHOLE, float("inf"), 5), (NUMBER, 1, 1.0), (NUMBER, 0.25, 0.25), (NUMBER, None, 0.5),
        (FLAG, False, False), (FLAG, 0, True), (CHOICE, "b", "b"), (CHOICE, "z", "a"), (CHOICE, ["a"], "a"),
        (TEXT, "yes", "yes"), (TEXT, 3, "x"),
    ],
)  # fmt: skip
def test_what_fits_is_kept_and_the_rest_becomes_the_default(param: Param, given: object, expected: Value) -> None:
    assert param.checked(given) == expected
    assert type(param.checked(given)) is type(expected)


def test_all_at_once() -> None:
    assert checked((WHOLE, FLAG), {"w": 3, "unknown": 1}) == {"w": 3, "f": True}
