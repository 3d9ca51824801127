from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import noise
from inference.noise import normal, philox

SEEDS = st.integers(0, 2**63 - 1)
STEPS = st.integers(0, 2**32)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_known_answers_of_random123(counter: str, key: str, expected: str) -> None:
    a, b, c, d = (np.array([int(word, 16)], np.uint64) for word in counter.split())
    left, right = (int(word, 16) for word in key.split())
    assert [f"{int(word[0]):08x}" for word in philox((a, b, c, d), (left, right))] == expected.split()


def test_the_stream_never_changes() -> None:
    assert normal(0, 0, (4,)).tolist() == [float(np.float32(x)) for x in FIRST]
    digest = hashlib.sha256()
    for seed, step in ((0, 0), (1, 0), (0, 1), (2**63 - 1, 1000), (2**32, 7)):
        digest.update(normal(seed, step, (4, 64, 64)).astype("<f4").tobytes())
    assert digest.hexdigest() == DIGEST


def test_key_and_counter_hold_seed_step_and_element() -> None:
    seed, step, element = 0x0123456789ABCDEF, 0x1_0000_0003, 5
    counter = (element // 4, 0, step & 0xFFFFFFFF, step >> 32)
    words = philox(
        tuple(np.array([word], np.uint64) for word in counter), (seed & 0xFFFFFFFF, seed >> 32)
    )  # element 5 is the second of its four: the sine of the first pair
    u, v = (int(words[0][0]) + 0.5) / 2**32, int(words[1][0]) / 2**32
    expected = math.sqrt(-2 * math.log(u)) * math.sin(2 * math.pi * v)
    assert normal(seed, step, (6,))[element] == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(SEEDS, STEPS, st.integers(1, 70), st.integers(1, 70))
def test_an_element_is_the_same_in_every_shape(seed: int, step: int, short: int, long: int) -> None:
    short, long = sorted((short, long))
    np.testing.assert_array_equal(normal(seed, step, (short,)), normal(seed, step, (1, long)).ravel()[:short])


@settings(deadline=None, max_examples=40)
@given(SEEDS, STEPS)
def test_seeds_and_steps_have_streams_of_their_own(seed: int, step: int) -> None:
    here = normal(seed, step, (64,))
    for other in (normal(seed + 1, step, (64,)), normal(seed, step + 1, (64,)), normal(seed ^ 2**62, step, (64,))):
        assert abs(np.corrcoef(here, other)[0, 1]) < 0.75


def test_moments_and_tails_are_normal() -> None:
    x = normal(3, 0, (1000, 1000)).astype(np.float64)
    assert abs(x.mean()) < 4e-3
    assert abs(x.var() - 1) < 6e-3
    assert abs((x**3).mean()) < 1.6e-2
    assert abs((x**4).mean() - 3) < 4e-2
    for bound in (0.5, 1, 2, 3):
        expected = math.erfc(bound / math.sqrt(2))
        assert abs((np.abs(x) > bound).mean() - expected) < 5 * math.sqrt(expected / x.size)
    assert abs((x.ravel()[:-1] * x.ravel()[1:]).mean()) < 5e-3


def test_shape_and_type() -> None:
    assert normal(1, 0, (1, 4, 3, 5)).shape == (1, 4, 3, 5)
    assert normal(1, 0, (7,)).dtype == np.float32
    assert normal(1, 0, (0, 4)).shape == (0, 4)


def test_own_logarithm_and_circle_are_exact_to_a_few_bits() -> None:
    u = (np.arange(0, 2**32, 99991, dtype=np.float64) + 0.5) / 2**32
    np.testing.assert_allclose(noise._log(u), np.log(u), rtol=1e-15)
    cosine, sine = noise._turn(u - 0.5 / 2**32)
    angle = 2 * np.pi * (u - 0.5 / 2**32)
    np.testing.assert_allclose(cosine, np.cos(angle), atol=2e-15)
    np.testing.assert_allclose(sine, np.sin(angle), atol=2e-15)


def test_extreme_words_stay_finite() -> None:
    ends = np.array([0, 2**32 - 1], np.uint64)
    for pair in noise._box_muller(ends, ends[::-1]):
        assert np.isfinite(pair).all()
        assert np.abs(pair).max() < 6.77


FIRST = (0.991137683391571, -0.9246625900268555, -0.6176089644432068, -0.48206859827041626)
DIGEST = "482fa2ab2b133a207a1fb9be96ed3961dd112a17570b2868d8ec5c8a42b6c7d3"
