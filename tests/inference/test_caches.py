"""Content keys and the small cache."""

from __future__ import annotations

import numpy as np
import pytest

from inference.caches import LruCache, content_key


def test_equal_content_has_one_key() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert content_key(image, 64) == content_key(image.copy(), 64)
    wide = np.zeros((2, 8, 3), np.uint8)
    wide[:, ::2] = image
    assert content_key(wide[:, ::2], 64) == content_key(image, 64)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a",), ("b",)),
        (("ab", "c"), ("a", "bc")),
        (("1",), (1,)),
        ((np.zeros((2, 3), np.uint8),), (np.zeros((3, 2), np.uint8),)),
        ((np.zeros(4, np.uint8),), (np.zeros(2, np.uint16),)),
        ((np.zeros(4, np.uint8), 64), (np.zeros(4, np.uint8), 65)),
    ],
)
def test_other_content_has_another_key(one: tuple, other: tuple) -> None:
    assert content_key(*one) != content_key(*other)


def test_the_least_used_value_goes_first() -> None:
    made: list[str] = []
    cache: LruCache[str] = LruCache(2)

    def get(key: str) -> str:
        return cache.get_or_make(key, lambda: made.append(key) or key)

    for key in ("a", "b", "a", "c", "a", "b"):
        assert get(key) == key
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2


def test_what_could_not_be_made_is_not_kept() -> None:
    cache: LruCache[int] = LruCache(2)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("a", lambda: 1 // 0)
    assert len(cache) == 0
    assert cache.get_or_make("a", lambda: 7) == 7
    cache.clear()
    assert len(cache) == 0
