"""The metrics against scikit-image, and against the published CIEDE2000 pairs."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from skimage import color
from skimage import metrics as reference

import training.metrics
from training.metrics import METRICS, Judged, measure
from training.metrics.base import Metric
from training.metrics.ciede2000 import _ROWS, ciede2000, difference, lab
from training.metrics.psnr import CEILING
from training.starter.photos import photo

# Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", 2005, table 1: L1 a1 b1 L2 a2 b2 and the difference.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_every_file_is_in_the_listing() -> None:
    names = {module.name for module in pkgutil.iter_modules(training.metrics.__path__)} - {"base"}
    modules = [importlib.import_module(f"training.metrics.{name}") for name in names]
    assert {module.METRIC for module in modules} == set(METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS) == len(names)


def pictures() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A photo and a clearly different version of it, of odd sizes."""
    image = photo("chelsea.png", 151)
    noise = np.random.default_rng(1).normal(0, 12, image.shape)
    return image, np.clip(image[:, ::-1] * 0.3 + image * 0.6 + noise, 0, 255).astype(np.uint8)


def named(name: str) -> Metric:
    return next(metric for metric in METRICS if metric.name == name)


def value(name: str, result: NDArray[np.uint8], target: NDArray[np.uint8]) -> float:
    measured = named(name).measure(Judged(result, target, result))
    assert measured is not None
    return measured


def test_psnr_l1_and_l2_are_the_references() -> None:
    a, b = pictures()
    assert value("psnr", a, b) == pytest.approx(reference.peak_signal_noise_ratio(b, a), abs=1e-9)
    assert value("l2", a, b) == pytest.approx(reference.mean_squared_error(b / 255, a / 255), abs=1e-12)
    differences = [abs(int(x) - int(y)) for x, y in zip(a.flat, b.flat, strict=True)]
    assert value("l1", a, b) == pytest.approx(np.mean(differences) / 255)


def test_equal_pictures_are_as_near_as_can_be() -> None:
    a, _ = pictures()
    scores = measure(Judged(a, a, a))
    assert scores["psnr"] == CEILING
    assert scores["ssim"] == pytest.approx(1)
    assert scores["l1"] == scores["l2"] == scores["ciede2000"] == 0


@pytest.mark.parametrize("side", [151, 64, 11])
def test_ssim_is_the_reference_with_the_papers_window(side: int) -> None:
    a, b = (picture[:side, :side] for picture in pictures())
    wanted = reference.structural_similarity(
        a / 255, b / 255, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert value("ssim", a, b) == pytest.approx(wanted, abs=1e-6)


def test_ssim_of_a_sliver_is_still_a_number() -> None:
    a, b = (picture[:5] for picture in pictures())
    assert -1 <= value("ssim", a, b) < 1


def test_ciede2000_is_the_reference() -> None:
    a, b = pictures()
    wanted = color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b))
    assert np.abs(difference(lab(a), lab(b)) - wanted).max() < 1e-6
    assert value("ciede2000", a, b) == pytest.approx(wanted.mean(), abs=1e-6)


def test_ciede2000_goes_through_a_large_picture_in_parts() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 256, (2, _ROWS // 2 + 7, 3), dtype=np.uint8) for _ in range(2))
    assert ciede2000(Judged(a, b, a)) == pytest.approx(difference(lab(a), lab(b)).mean(), abs=1e-9)


@pytest.mark.parametrize("row", SHARMA.strip().splitlines())
def test_ciede2000_gives_the_published_differences(row: str) -> None:
    numbers = np.array([float(number) for number in row.split()])
    one, other = numbers[None, :3], numbers[None, 3:6]
    assert difference(one, other)[0] == pytest.approx(numbers[6], abs=5e-5)
    assert difference(other, one)[0] == pytest.approx(numbers[6], abs=5e-5)


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.uint8, (4, 6, 3)), arrays.arrays(np.uint8, (4, 6, 3)))
def test_distances_are_symmetric_and_finite(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> None:
    for name in ("psnr", "ssim", "ciede2000", "l1", "l2"):
        assert value(name, a, b) == pytest.approx(value(name, b, a), abs=1e-9)
        assert np.isfinite(value(name, a, b))


def test_what_lies_outside_of_the_mask_is_compared_with_the_source() -> None:
    source = np.full((10, 10, 3), 100, np.uint8)
    mask = np.zeros((10, 10), np.uint8)
    mask[:, 5:] = 255
    result = source.copy()
    result[:, 5:] = 0  # asked for
    result[0, 0, 1] += 51  # changed
    result[1, 0, 2] += 2  # within rounding
    scores = measure(Judged(result, source, source, mask))
    assert scores["preserved"] == pytest.approx(49 / 50)
    assert scores["outside_change"] == pytest.approx((51 + 2) / 255 / 150)


@pytest.mark.parametrize("mask", [None, np.full((10, 10), 255, np.uint8), np.full((10, 10), 1, np.uint8)])
def test_where_nothing_lies_outside_preservation_is_not_given(mask: NDArray[np.uint8] | None) -> None:
    source = np.zeros((10, 10, 3), np.uint8)
    scores = measure(Judged(source, source, source, mask))
    assert scores["preserved"] is None
    assert scores["outside_change"] is None


def test_pictures_that_do_not_fit_each_other_are_refused() -> None:
    a, b = np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="one size"):
        Judged(a, b, a)
    with pytest.raises(ValueError, match="mask"):
        Judged(a, a, a, np.zeros((5, 4), np.uint8))


def test_gain_is_positive_where_it_is_better() -> None:
    assert named("psnr").gain(20, 25) == 5
    assert named("l1").gain(0.2, 0.1) == pytest.approx(0.1)
    assert named("l1").gain(0.1, 0.2) < 0
