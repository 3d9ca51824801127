"""Curves and matrices are read as lcms reads them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from editor.core.formats import icc


class Profiles(Protocol):
    def matrix(self, curve: bytes | None = None) -> bytes: ...
    def pro_photo(self) -> bytes: ...
    def grey(self, curve: bytes | None = None) -> bytes: ...
    def cmyk(self) -> bytes: ...
    def tables(self) -> bytes: ...
    def gamma(self, value: float) -> bytes: ...
    def parametric(self, kind: int, *values: float) -> bytes: ...
    def sampled(self, values: np.ndarray) -> bytes: ...


def test_space(profiles: Profiles) -> None:
    made = (profiles.matrix(), profiles.grey(), profiles.cmyk(), profiles.tables())
    assert [icc.space(profile) for profile in made] == ["RGB", "GRAY", "CMYK", "RGB"]
    assert icc.space(b"") == icc.space(bytes(200)) == ""


def test_name(profiles: Profiles) -> None:
    assert icc.name(profiles.matrix()) == "Made for a test"
    assert icc.name(b"nothing of the kind") == ""
    assert "sRGB" in icc.name(icc.built_in("sRGB").tobytes())


def test_srgb_is_the_standard() -> None:
    codes = np.arange(65536) / 65535
    exact = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    assert np.abs(icc.srgb().curves[0] - exact).max() < 1e-5  # the parameters are rounded to 1/65536
    assert np.allclose(icc.srgb().matrix.sum(axis=1), [0.9642, 1.0, 0.8249], atol=2e-4)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (0, (2.2,)),
        (1, (2.0, 0.9, 0.1)),
        (2, (2.0, 0.8, 0.1, 0.05)),
        (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
        (4, (2.2, 0.9, 0.02, 0.1, 0.1, 0.03, 0.01)),
    ],
)
def test_parametric_curves_as_lcms_reads_them(profiles: Profiles, kind: int, values: tuple[float, ...]) -> None:
    agree_with_lcms(profiles.grey(profiles.parametric(kind, *values)))


def test_sampled_curves_as_lcms_reads_them(profiles: Profiles) -> None:
    agree_with_lcms(profiles.grey(profiles.sampled(np.linspace(0, 1, 17) ** 2)))
    agree_with_lcms(profiles.grey(profiles.gamma(1.8)))
    agree_with_lcms(profiles.grey(profiles.sampled(np.array([]))))


def agree_with_lcms(profile: bytes) -> None:
    """The grey axis through our curve and through lcms, both to 8-bit sRGB."""
    levels = np.arange(256, dtype=np.uint8)
    ends = icc.opened(profile), icc.built_in("sRGB")
    exact = ImageCms.Flags.NOOPTIMIZE  # otherwise lcms goes through a coarse table
    lcms = ImageCms.ImageCmsTransform(*ends, "L", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=exact)
    expected = np.asarray(lcms.apply(Image.fromarray(levels[np.newaxis])))[0, :, 1]
    linear = icc.grey_curve(profile)[::257]
    index = np.rint(np.sqrt(linear) * icc.ROOT_STEPS).astype(int)
    ours = np.rint(icc.srgb().inverses[1][index] / 257)
    assert np.abs(ours - expected).max() <= 1


@pytest.mark.parametrize("value", [1.0, 1.8, 2.2, 3.0])
def test_curve_and_inverse_meet(profiles: Profiles, value: float) -> None:
    curve = icc.grey_curve(profiles.grey(profiles.gamma(value)))
    codes = np.arange(600, 65536)  # below, a power of 3 is flat
    index = np.rint(np.sqrt(curve[codes]) * icc.ROOT_STEPS).astype(int)
    slack = 1 if value <= 2.2 else 40  # the step of the table against the slope of the curve near black
    assert np.abs(icc.inverse(curve)[index].astype(int) - codes).max() <= slack


def test_what_is_no_matrix_profile(profiles: Profiles) -> None:
    assert icc.shaper(profiles.tables()) is None
    assert icc.shaper(profiles.grey()) is None
    with pytest.raises(icc.BrokenProfile):
        icc.grey_curve(profiles.matrix())
    with pytest.raises(icc.BrokenProfile):
        icc.opened(b"nothing of the kind")


def test_a_matrix_without_an_inverse_is_refused(profiles: Profiles) -> None:
    flat = profiles.matrix()
    first = flat.index(b"XYZ \0\0\0\0", 132 + 12 * 9)
    columns = [at for at in range(first, len(flat)) if flat[at : at + 8] == b"XYZ \0\0\0\0"][-3:]
    same = flat[columns[0] : columns[0] + 20]
    for at in columns:
        flat = flat[:at] + same + flat[at + 20 :]
    with pytest.raises(icc.BrokenProfile):
        icc.shaper(flat)


@settings(deadline=None)
@given(data=st.data())
def test_damage_never_crashes(data: st.DataObject, profiles: Profiles) -> None:
    profile = bytearray(data.draw(st.sampled_from([profiles.matrix(), profiles.grey(), profiles.pro_photo()])))
    for _ in range(data.draw(st.integers(1, 8))):
        profile[data.draw(st.integers(0, len(profile) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(profile[: data.draw(st.integers(0, len(profile)))])
    for damaged in (bytes(profile), cut):
        icc.name(damaged)
        for read in (icc.shaper, icc.grey_curve):
            try:
                found = read(damaged)
            except icc.BrokenProfile:
                continue
            if isinstance(found, icc.Shaper):
                assert np.isfinite(found.matrix).all()
                assert all(len(codes) == icc.ROOT_STEPS + 1 for codes in found.inverses)
