"""Conversions against lcms and against the formulas in float64."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from editor.core.formats import colour, icc
from editor.core.pixels import Pixels


class Profiles(Protocol):
    def matrix(self) -> bytes: ...
    def pro_photo(self) -> bytes: ...
    def grey(self) -> bytes: ...
    def tables(self) -> bytes: ...
    def one_way(self) -> bytes: ...


def noise(dtype: type[np.uint8 | np.uint16], channels: int = 4, side: int = 60) -> Pixels:
    top = np.iinfo(dtype).max
    return np.random.default_rng(5).integers(0, top, (side, side + 1, channels), dtype, endpoint=True)


def by_lcms(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    ends = icc.opened(profile), icc.built_in("sRGB")
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.ImageCmsTransform(*ends, "RGB", "RGB", intent, flags=flags)
    return np.asarray(transform.apply(Image.fromarray(pixels)))


def exactly(pixels: NDArray[np.uint16], source: icc.Shaper, target: icc.Shaper) -> NDArray[np.float64]:
    """Curve, matrix, clip, inverse curve in float64, by interpolation instead of tables."""
    linear = np.stack([curve[pixels[..., c]] for c, curve in enumerate(source.curves)], axis=-1).astype(np.float64)
    linear = np.clip(linear @ (np.linalg.inv(target.matrix) @ source.matrix).T, 0, 1)
    codes = np.arange(65536)
    return np.stack([np.interp(linear[..., c], curve, codes) for c, curve in enumerate(target.curves)], axis=-1)


def test_8_bit_is_lcms(profiles: Profiles) -> None:
    pixels = noise(np.uint8)
    converted = colour.to_srgb(pixels, profiles.matrix())
    assert np.array_equal(converted[..., :3], by_lcms(pixels[..., :3].copy(), profiles.matrix()))
    assert np.array_equal(converted[..., 3], pixels[..., 3])


@pytest.mark.parametrize("kind", ["matrix", "pro_photo"])
def test_16_bit_is_the_formula(profiles: Profiles, kind: str) -> None:
    profile: bytes = getattr(profiles, kind)()
    pixels = noise(np.uint16)
    own, srgb = icc.shaper(profile), icc.srgb()
    assert own is not None
    forward = colour.to_srgb(pixels, profile)
    assert np.abs(forward[..., :3] - exactly(pixels[..., :3], own, srgb)).max() <= 2
    back = colour.from_srgb(pixels, profile, ~pixels, pixels // 2)
    assert np.abs(back[..., :3] - exactly(pixels[..., :3], srgb, own)).max() <= 2
    assert np.array_equal(forward[..., 3], pixels[..., 3])


def test_16_bit_agrees_with_8_bit(profiles: Profiles) -> None:
    pixels = noise(np.uint8, 3)
    deep = colour.to_srgb(pixels.astype(np.uint16) * np.uint16(257), profiles.matrix())
    assert np.abs(deep / 257 - colour.to_srgb(pixels, profiles.matrix())).max() <= 1.5


def test_16_bit_through_tables_stays_near_8_bit(profiles: Profiles) -> None:
    pixels = noise(np.uint16, 3)
    coarse = np.rint(pixels / 257).astype(np.uint8)
    deep = colour.to_srgb(pixels, profiles.tables())
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - by_lcms(coarse, profiles.tables())).max() <= 0.51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["matrix", "pro_photo", "tables"])
def test_unchanged_pixels_come_back_exactly(profiles: Profiles, kind: str, dtype: type[np.uint8 | np.uint16]) -> None:
    profile: bytes = getattr(profiles, kind)()
    original = noise(dtype)
    srgb = colour.to_srgb(original, profile)
    edited = srgb.copy()
    edited[10:20, 10:20, :3] = np.iinfo(dtype).max // 3
    result = colour.from_srgb(edited, profile, original, srgb)
    changed = (edited[..., :3] != srgb[..., :3]).any(axis=2)
    assert 0 < changed.sum() <= 100
    assert np.array_equal(result[~changed], original[~changed])
    again = colour.to_srgb(result, profile)
    assert np.abs(again[changed].astype(int) - edited[changed]).max() <= np.iinfo(dtype).max * 0.03


def test_srgb_changes_nothing() -> None:
    pixels, profile = noise(np.uint8), icc.built_in("sRGB").tobytes()
    assert colour.is_srgb(profile)
    assert colour.to_srgb(pixels, profile) is pixels
    assert colour.to_srgb(pixels, None) is pixels
    assert colour.from_srgb(pixels, profile, ~pixels, pixels) is pixels


def test_other_profiles_are_not_taken_for_srgb(profiles: Profiles) -> None:
    for profile in (profiles.matrix(), profiles.pro_photo(), profiles.tables()):
        assert not colour.is_srgb(profile)
        assert colour.usable(profile)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_broken_and_unfit_profiles_count_as_srgb(profiles: Profiles, dtype: type[np.uint8 | np.uint16]) -> None:
    pixels = noise(dtype)
    for profile in (b"", b"broken", profiles.matrix()[:200], profiles.grey(), profiles.one_way()):
        assert not colour.usable(profile)
        assert colour.to_srgb(pixels, profile) is pixels
        assert colour.from_srgb(pixels, profile, ~pixels, pixels) is pixels


def test_grey_tables_have_both_depths(profiles: Profiles) -> None:
    narrow, wide = colour.grey_table(profiles.grey(), 8), colour.grey_table(profiles.grey(), 16)
    assert narrow.dtype == np.uint8
    assert wide.dtype == np.uint16
    assert np.abs(wide[::257] / 257 - narrow).max() <= 0.5
    assert (wide[0], wide[-1]) == (0, 65535)


def test_memory_is_bounded_by_strips(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[int]()
    built = Image.frombuffer

    def watch(mode: str, size: tuple[int, int], *rest: object) -> Image.Image:
        seen.append(size[0] * size[1])
        return built(mode, size, *rest)

    monkeypatch.setattr(Image, "frombuffer", watch)
    colour.to_srgb(np.zeros((1500, 1000, 3), np.uint8), profiles.matrix())
    assert len(seen) > 4
    assert max(seen) <= 1 << 18
