"""Between a picture's own colours and sRGB, in which the model sees and the window paints.

8 bit goes through lcms. 16 bit goes through the profile's exact curves and matrix; the rare profile made of tables is
applied by lcms at 8 bit, with what lies below 8 bit carried over (off by up to 1/255; unchanged pixels stay exact).
Relative colorimetric with black point compensation, as photo editors do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from editor.core.formats import icc as profiles
from editor.core.formats.icc import BrokenProfile, Shaper
from editor.core.pixels import Pixels, strips, to_8_bit

Rgb = NDArray[np.uint8 | np.uint16]
Converter = Callable[[Rgb], Rgb]

GRID = 9  # colours along each side of the cube by which a profile is told to be sRGB


def to_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """The same picture in sRGB; shape and type are kept, alpha too. The very same array where nothing has to change.

    A broken or unfit profile counts as sRGB.
    """
    if icc is None or is_srgb(icc):
        return pixels
    return _converted(pixels, icc, back=False)


def from_srgb(edited: Pixels, icc: bytes | None, original: Pixels, original_srgb: Pixels) -> Pixels:
    """Edited sRGB back in the picture's own colours.

    edited, original, original_srgb: the same type, (H, W, 3 or 4); original_srgb is `to_srgb(original, icc)`. Wherever
    the edited colour is the original sRGB colour, the original value comes back exactly. Alpha is the edited one.
    """
    if icc is None or is_srgb(icc):
        return edited
    result = _converted(edited, icc, back=True)
    for rows in strips(*edited.shape[:2]):
        red, green, blue = (edited[rows, :, c] == original_srgb[rows, :, c] for c in range(3))
        same = red & green & blue
        result[rows, :, :3][same] = original[rows, :, :3][same]
    return result


def is_srgb(icc: bytes) -> bool:
    """True where converting would change no colour by more than 1/255, and where the profile cannot be used."""
    if not usable(icc):
        return True
    steps = np.linspace(0, 255, GRID).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(_shallow(icc, back=False)(cube).astype(np.int16) - cube).max() <= 1)


def usable(icc: bytes) -> bool:
    """True for an RGB profile that can be converted from and to."""
    try:
        _shallow(icc, back=False)
        _shallow(icc, back=True)
    except BrokenProfile:
        return False
    return True


def image_to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """An RGB image from one of another mode (CMYK) and a profile of that mode. Raises BrokenProfile."""
    return _transform(profiles.opened(icc), _srgb_profile(), image.mode).apply(image)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """An RGB image from a LAB one (D50)."""
    return _transform(profiles.built_in("LAB"), _srgb_profile(), "LAB").apply(image)


def grey_table(icc: bytes, depth: int) -> Rgb:
    """uint8 (256,) or uint16 (65536,): the sRGB grey for every value of a grey profile. Raises BrokenProfile."""
    linear = profiles.grey_curve(icc)[:: 257 if depth == 8 else 1]
    table = profiles.srgb().inverses[0][_root_index(linear)]
    return to_8_bit(table) if depth == 8 else table


def _converted(pixels: Pixels, icc: bytes, *, back: bool) -> Pixels:
    convert = _deep(icc, back=back) if pixels.dtype == np.uint16 else _shallow(icc, back=back)
    result = np.empty_like(pixels)
    for rows in strips(*pixels.shape[:2]):
        result[rows, :, :3] = convert(pixels[rows, :, :3])
        result[rows, :, 3:] = pixels[rows, :, 3:]
    return result


def _shallow(icc: bytes, *, back: bool) -> Converter:
    """Converts uint8 (h, w, 3) through lcms. Raises BrokenProfile."""
    profile = profiles.opened(icc)
    transform = _transform(_srgb_profile(), profile) if back else _transform(profile, _srgb_profile())

    def convert(strip: Rgb) -> Rgb:
        height, width = strip.shape[:2]
        image = Image.frombuffer("RGB", (width, height), np.ascontiguousarray(strip), "raw", "RGB", 0, 1)
        return np.asarray(transform.apply(image))

    return convert


def _deep(icc: bytes, *, back: bool) -> Converter:
    """Converts uint16 (h, w, 3). Raises BrokenProfile."""
    try:
        own = profiles.shaper(icc)
    except BrokenProfile:  # lcms, which has already accepted the profile, is more forgiving
        own = None
    if own is None:
        return _carried(_shallow(icc, back=back))
    return _exact(profiles.srgb(), own) if back else _exact(own, profiles.srgb())


def _exact(source: Shaper, target: Shaper) -> Converter:
    matrix = (np.linalg.inv(target.matrix) @ source.matrix).T.astype(np.float32)

    def convert(strip: Rgb) -> Rgb:
        linear = np.stack([curve[strip[..., c]] for c, curve in enumerate(source.curves)], axis=-1) @ matrix
        index = _root_index(linear)
        return np.stack([codes[index[..., c]] for c, codes in enumerate(target.inverses)], axis=-1)

    return convert


def _carried(shallow: Converter) -> Converter:
    def convert(strip: Rgb) -> Rgb:
        coarse = to_8_bit(cast(Pixels, strip))
        rest = strip.astype(np.int32) - coarse.astype(np.int32) * 257
        return np.clip(shallow(coarse).astype(np.int32) * 257 + rest, 0, 65535).astype(np.uint16)

    return convert


def _root_index(linear: NDArray[np.float32]) -> NDArray[np.int32]:
    root = np.sqrt(np.clip(linear, 0.0, 1.0)) * np.float32(profiles.ROOT_STEPS)
    return np.rint(root).astype(np.int32)


def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return profiles.built_in("sRGB")


def _transform(
    source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile, mode: str = "RGB"
) -> ImageCms.ImageCmsTransform:
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        return ImageCms.ImageCmsTransform(source, target, mode, "RGB", intent, flags=flags)
    except (OSError, TypeError, ValueError, ImageCms.PyCMSError) as error:
        raise BrokenProfile from error
