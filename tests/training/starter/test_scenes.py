from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.starter import scenes
from training.starter.scenes import SCENES, Scene, make_scene, scene_at
from training.starter.scenes.arrays import blur, dab, ellipse_mask, over, ramp, spaced, to_bytes, unit
from training.starter.scenes.camera import photograph
from training.starter.scenes.landscape import landscape
from training.starter.scenes.noise import MATERIALS, fractal
from training.starter.scenes.palette import VIVID, Palette, vivid

SHARED = {"__init__", "arrays", "backdrop", "camera", "noise", "palette"}
"""Files of the folder that are no kind of scene."""

KINDS = [pytest.param(scene, id=name) for name, scene, _ in SCENES]

HUES = {
    "red": (350, 12, 0.55),
    "orange": (18, 40, 0.6),
    "yellow": (46, 64, 0.5),
    "green": (85, 155, 0.4),
    "cyan": (170, 196, 0.4),
    "blue": (208, 246, 0.5),
    "purple": (262, 292, 0.4),
    "pink": (312, 345, 0.3),
}
"""Where each named colour lies: hue in degrees from, to, and the least saturation."""


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def gallery() -> NDArray[np.uint8]:
    return np.stack([scene_at(11, index, 96) for index in range(160)])


def luminance(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return images.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / 255


def spectrum_slope(images: NDArray[np.uint8]) -> float:
    """Exponent of the mean power spectrum over spatial frequency, from 3 cycles a picture to 3/4 of Nyquist."""
    size = images.shape[1]
    grey = luminance(images)
    window = np.hanning(size)[:, None] * np.hanning(size)
    power = (np.abs(np.fft.fft2((grey - grey.mean((1, 2), keepdims=True)) * window)) ** 2).mean(axis=0)
    line = np.fft.fftfreq(size) * size
    radius = np.hypot(line[:, None], line)
    rings = np.arange(3, int(0.375 * size))
    means = [power[(radius >= ring) & (radius < ring + 1)].mean() for ring in rings]
    return float(np.polyfit(np.log(rings + 0.5), np.log(means), 1)[0])


def coverage(images: NDArray[np.uint8], low: float, high: float, least: float) -> NDArray[np.float64]:
    """Per picture, the share of pixels in a range of hue that are saturated and not dark."""
    shares: list[float] = []
    for image in images:
        hue, saturation, value = cv2.split(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV))
        inside = (hue >= low) & (hue <= high) if low < high else (hue >= low) | (hue <= high)
        shares.append(float(np.mean(inside & (saturation >= least) & (value >= 0.3))))
    return np.array(shares)


def test_every_file_of_the_folder_is_in_the_listing() -> None:
    files = {path.stem for path in Path(str(scenes.__file__)).parent.glob("*.py")} - SHARED
    assert {name for name, _, _ in SCENES} == files
    for name, scene, weight in SCENES:
        assert scene.__name__ == name
        assert scene.__module__ == f"training.starter.scenes.{name}"
        assert weight > 0


@pytest.mark.parametrize("scene", KINDS)
def test_a_kind_is_determined_by_its_seed_and_varies_with_it(scene: Scene) -> None:
    first, again, other = scene(generator(1), 48), scene(generator(1), 48), scene(generator(2), 48)
    assert np.array_equal(first, again)
    assert float(np.abs(np.clip(first, 0, 1) - np.clip(other, 0, 1)).mean()) > 0.02


@pytest.mark.parametrize("scene", KINDS)
@pytest.mark.parametrize("size", [32, 75])
def test_a_kind_gives_finite_float32_rgb_about_the_unit_range(scene: Scene, size: int) -> None:
    for seed in range(8):
        image = scene(generator(seed), size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert 0.01 < float(np.clip(image, 0, 1).mean()) < 0.99
        assert float(np.mean((image < -0.1) | (image > 2))) < 0.01


@pytest.mark.parametrize("size", [32, 75, 160])
def test_a_photographed_scene_is_bytes_and_reproducible(size: int) -> None:
    image = make_scene(generator(5), size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, make_scene(generator(5), size))


def test_a_series_depends_on_seed_and_index() -> None:
    base = scene_at(3, 4, 48)
    assert np.array_equal(base, scene_at(3, 4, 48))
    assert not np.array_equal(base, scene_at(3, 5, 48))
    assert not np.array_equal(base, scene_at(4, 4, 48))
    assert not np.array_equal(base, scene_at(4, 3, 48))


def test_no_scene_of_a_series_is_empty(gallery: NDArray[np.uint8]) -> None:
    contrast = luminance(gallery).std(axis=(1, 2))
    assert contrast.min() > 0.004
    assert np.mean(contrast < 0.03) < 0.15
    assert len({image.tobytes() for image in gallery}) == len(gallery)


def test_brightness_contrast_and_saturation_are_those_of_photographs(gallery: NDArray[np.uint8]) -> None:
    grey = luminance(gallery)
    assert 0.36 < grey.mean() < 0.54
    assert 0.08 < grey.mean(axis=(1, 2)).std() < 0.25
    assert 0.11 < grey.std(axis=(1, 2)).mean() < 0.28
    highest, lowest = gallery.max(axis=3).astype(float), gallery.min(axis=3).astype(float)
    assert 0.2 < float(np.mean((highest - lowest) / np.maximum(highest, 1))) < 0.5


def test_power_spectrum_falls_as_that_of_photographs(gallery: NDArray[np.uint8]) -> None:
    """Photographs reduced to this size measure -2.6 to -3.3 by this very estimate, close-ups of grass or text -1.2."""
    assert -3.3 < spectrum_slope(gallery) < -2.0
    each = [spectrum_slope(image[None]) for image in gallery]
    assert -3.4 < float(np.median(each)) < -2.4
    assert float(np.percentile(each, 90) - np.percentile(each, 10)) > 0.5


@pytest.mark.parametrize("name", HUES)
def test_each_named_colour_occurs(gallery: NDArray[np.uint8], name: str) -> None:
    shares = coverage(gallery, *HUES[name])
    assert np.sum(shares > 0.02) >= 5
    assert np.sum(shares < 0.002) >= 0.4 * len(gallery), f"{name} is nearly everywhere"


def test_hues_and_vivid_colours_have_the_same_names() -> None:
    assert set(HUES) == set(VIVID)


@pytest.mark.parametrize("name", VIVID)
def test_a_vivid_colour_lies_in_its_hue(name: str) -> None:
    colours = np.stack([vivid(generator(seed), name) for seed in range(40)])
    patches = to_bytes(colours[:, None, None, :])
    assert coverage(patches, *HUES[name]).min() == 1


@pytest.mark.parametrize("gain, low, high", [(0.5, -5.0, -3.2), (0.7, -3.8, -2.3), (1.0, -2.5, -1.5)])
def test_fractal_noise_has_the_slope_its_gain_promises(gain: float, low: float, high: float) -> None:
    fields = [np.clip(fractal(generator(seed), 128, 128, gain) * 0.15 + 0.5, 0, 1) for seed in range(12)]
    assert low < spectrum_slope(np.stack([to_bytes(np.repeat(field[..., None], 3, 2)) for field in fields])) < high


@pytest.mark.parametrize("make", [pytest.param(make, id=make.__name__) for make in MATERIALS])
def test_a_material_is_a_standard_field(make: object) -> None:
    assert callable(make)
    field = make(generator(0), 64)
    assert field.shape == (64, 64)
    assert field.dtype == np.float32
    assert abs(float(field.mean())) < 1e-3
    assert abs(float(field.std()) - 1) < 1e-2


@pytest.mark.parametrize("height, width", [(2, 64), (5, 7), (64, 20)])
def test_fractal_noise_of_odd_shapes_is_standard(height: int, width: int) -> None:
    field = fractal(generator(3), height, width, stretch=(1.0, 3.0))
    assert field.shape == (height, width)
    assert abs(float(field.mean())) < 1e-3
    assert abs(float(field.std()) - 1) < 1e-2


def test_the_camera_keeps_the_picture_recognisable() -> None:
    """Brightness in blocks of 4 pixels, which neither softness nor noise reaches, follows the scene's."""
    scene = np.clip(landscape(generator(7), 96), 0, 1)
    expected = cv2.resize(scene.mean(axis=2), (24, 24), interpolation=cv2.INTER_AREA).ravel()
    for seed in range(20):
        shot = unit(photograph(generator(seed), scene)).mean(axis=2)
        seen = cv2.resize(shot, (24, 24), interpolation=cv2.INTER_AREA).ravel()
        assert np.corrcoef(seen, expected)[0, 1] > 0.75


def test_a_palette_strays_by_what_it_says() -> None:
    colours = np.array([[0.5, 0.4, 0.3]], dtype=np.float32)
    exact = Palette(colours, stray=0.0).picks(generator(0), 50)
    assert np.allclose(exact, colours)
    assert 0.02 < Palette(colours, stray=0.05).picks(generator(0), 400).std(axis=0).mean() < 0.09


def test_compositing_is_exact_at_the_ends_of_a_mask() -> None:
    below, above = np.zeros((8, 8, 3), dtype=np.float32), np.ones((8, 8, 3), dtype=np.float32)
    half = np.zeros((8, 8), dtype=np.float32)
    half[:, 4:] = 1
    assert np.allclose(over(below, above, half), np.repeat(half[..., None], 3, axis=2), atol=1e-4)
    black, white = np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)
    assert np.allclose(ramp(half, black, white)[..., 1], half)


@pytest.mark.parametrize("centre", [(24.0, 24.0), (0.0, 40.0), (-30.0, 10.0), (47.0, 47.0), (200.0, 5.0)])
def test_a_dab_equals_an_ellipse_composited_over_the_whole_picture(centre: tuple[float, float]) -> None:
    base = np.clip(0.5 + 0.2 * fractal(generator(1), 48, 48), 0, 1)
    image = np.repeat(base[..., None], 3, axis=2)
    before = image.copy()
    red = np.array([1, 0, 0], dtype=np.float32)
    whole = over(image, np.full_like(image, red), ellipse_mask(48, centre, (9.0, 6.0), 30.0) * np.float32(0.7))
    assert np.allclose(dab(image, centre, (9.0, 6.0), red, 0.7, angle=30.0), whole, atol=1e-4)
    assert np.array_equal(image, before)


def test_a_large_blur_over_a_smaller_copy_stays_close_to_the_direct_one() -> None:
    image = unit(scene_at(0, 0, 96))
    direct = cv2.GaussianBlur(image, (0, 0), 6.0)
    assert float(np.abs(blur(image, 6.0) - direct).mean()) < 0.01


@pytest.mark.parametrize("start, stop, step, count", [(0.0, 1.0, 0.25, 4), (0.0, 1.1, 0.25, 5), (3.0, 1.0, 0.5, 0)])
def test_spaced_stops_before_the_end(start: float, stop: float, step: float, count: int) -> None:
    places = spaced(start, stop, step)
    assert len(places) == count
    assert all(place < stop for place in places)
