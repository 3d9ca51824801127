"""Normal noise from a stream that never changes: a function of (seed, step, element) and of nothing else.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and Box-Muller. numpy promises no
stable stream for its Generator, so both are written here. Logarithm, sine and cosine are written here too, from
operations that IEEE 754 rounds the same way everywhere: those of the C library and of numpy's vector units differ in
the last bit, and one bit of noise is enough for `replay` to find other pixels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]  # 32-bit words in 64-bit cells, so that a product of two fits

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

LN_2 = 0.6931471805599453
ATANH = tuple(1 / (2 * k + 1) for k in range(11))
COSINE = tuple((-1) ** k / math.factorial(2 * k) for k in range(9))
SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(9))


def normal(seed: int, step: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal noise, float32 of `shape`; step 0 starts an edit, step i is the fresh noise of step i.

    seed and step are in [0, 2**64). Elements are numbered in C order, and element n is the same in every shape.
    """
    count = math.prod(shape)
    index = np.arange((count + 3) // 4, dtype=np.uint64)
    steps = (np.full_like(index, step & 0xFFFFFFFF), np.full_like(index, step >> 32))
    words = philox((index & LOW, index >> HALF, *steps), (seed & 0xFFFFFFFF, seed >> 32))
    values = np.stack((*_box_muller(words[0], words[1]), *_box_muller(words[2], words[3])), axis=-1)
    return values.reshape(-1)[:count].astype(np.float32).reshape(shape)


def philox(counter: tuple[Words, Words, Words, Words], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Philox4x32-10 of many counters and one key; all words below 2**32."""
    a, b, c, d = counter
    left, right = key
    for _ in range(ROUNDS):
        first, second = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a = (second >> HALF) ^ b ^ np.uint64(left)
        c = (first >> HALF) ^ d ^ np.uint64(right)
        b, d = second & LOW, first & LOW
        left, right = (left + WEYL[0]) & 0xFFFFFFFF, (right + WEYL[1]) & 0xFFFFFFFF
    return a, b, c, d


def _box_muller(radial: Words, angular: Words) -> tuple[Floats, Floats]:
    """Two normals from two words; the first counts as (n + 1/2) / 2^32, which is never 0, so 6.76 is the largest."""
    radius = np.sqrt(-2.0 * _log((radial.astype(np.float64) + 0.5) * 2.0**-32))
    cosine, sine = _turn(angular.astype(np.float64) * 2.0**-32)
    return radius * cosine, radius * sine


def _log(x: Floats) -> Floats:
    """The natural logarithm of x in (0, 1), by atanh of (m - 1) / (m + 1) with m in [sqrt(1/2), sqrt(2))."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < math.sqrt(0.5)
    mantissa, exponent = np.where(small, 2 * mantissa, mantissa), exponent - small
    z = (mantissa - 1) / (mantissa + 1)
    return exponent * LN_2 + 2 * z * _series(ATANH, z * z)


def _turn(turns: Floats) -> tuple[Floats, Floats]:
    """Cosine and sine of 2 pi `turns`, turns in [0, 1): an angle of at most 1/8 turn, then exact quarter turns."""
    quarter = np.floor(4 * turns + 0.5)
    angle = (turns - quarter / 4) * (2 * math.pi)
    square = angle * angle
    cosine, sine = _series(COSINE, square), angle * _series(SINE, square)
    odd = quarter % 2 == 1
    cosine, sine = np.where(odd, -sine, cosine), np.where(odd, cosine, sine)
    back = (quarter % 4) >= 2
    return np.where(back, -cosine, cosine), np.where(back, -sine, sine)


def _series(coefficients: tuple[float, ...], x: Floats) -> Floats:
    """Horner's rule, one rounding per operation (no fused multiply-add)."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= x
        value += coefficient
    return value
