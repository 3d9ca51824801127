"""Structural similarity to the target (Wang, Bovik, Sheikh and Simoncelli 2004), with the window of the paper."""

from __future__ import annotations

import cv2
import numpy as np

from training.metrics.base import Doubles, Judged, Metric, unit_range

WINDOW, SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def ssim(judged: Judged) -> float:
    """At most 1: the mean over the three channels, and over all places where the Gaussian window lies inside.

    Pictures narrower than the window are judged up to their edges, mirrored.
    """
    a, b = judged.result, judged.target
    # One after the other: a camera's picture would take gigabytes at once.
    return float(np.mean([_channel(unit_range(a[..., at]), unit_range(b[..., at])) for at in range(3)]))


def _channel(a: Doubles, b: Doubles) -> float:
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    both = _blurred(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    return float(np.mean(_inside(top / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)))))


def _blurred(values: Doubles) -> Doubles:
    return np.asarray(cv2.GaussianBlur(values, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT_101), np.float64)


def _inside(values: Doubles) -> Doubles:
    edge = WINDOW // 2
    return values if min(values.shape[:2]) < WINDOW else values[edge:-edge, edge:-edge]


METRIC = Metric("ssim", "SSIM", "higher", ssim)
