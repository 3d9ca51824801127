"""The ways in which a layer mixes with what lies below it: W3C Compositing and Blending Level 1, plus and atop."""

from __future__ import annotations

from dataclasses import dataclass

from editor.core.errors import UsageError


@dataclass(frozen=True)
class Blend:
    """name: how the program and its files call it. title: how the window does. ora: `composite-op` in an OpenRaster
    file. psd: the four letters of a Photoshop file. skia: the member of `skia.BlendMode`."""

    name: str
    title: str
    ora: str
    psd: str
    skia: str


BLENDS: tuple[Blend, ...] = (
    Blend("normal", "Normal", "svg:src-over", "norm", "kSrcOver"),
    # Porter and Duff's atop: the alpha below stays, so that an edit of a see-through picture is exact as a layer.
    Blend("atop", "Normal, alpha kept", "svg:src-atop", "", "kSrcATop"),
    Blend("multiply", "Multiply", "svg:multiply", "mul ", "kMultiply"),
    Blend("darken", "Darken", "svg:darken", "dark", "kDarken"),
    Blend("color-burn", "Color burn", "svg:color-burn", "idiv", "kColorBurn"),
    Blend("screen", "Screen", "svg:screen", "scrn", "kScreen"),
    Blend("lighten", "Lighten", "svg:lighten", "lite", "kLighten"),
    Blend("color-dodge", "Color dodge", "svg:color-dodge", "div ", "kColorDodge"),
    Blend("plus", "Plus", "svg:plus", "lddg", "kPlus"),
    Blend("overlay", "Overlay", "svg:overlay", "over", "kOverlay"),
    Blend("soft-light", "Soft light", "svg:soft-light", "sLit", "kSoftLight"),
    Blend("hard-light", "Hard light", "svg:hard-light", "hLit", "kHardLight"),
    Blend("difference", "Difference", "svg:difference", "diff", "kDifference"),
    # OpenRaster has no name for exclusion; this is what Krita writes and reads.
    Blend("exclusion", "Exclusion", "krita:exclusion", "smud", "kExclusion"),
    Blend("hue", "Hue", "svg:hue", "hue ", "kHue"),
    Blend("saturation", "Saturation", "svg:saturation", "sat ", "kSaturation"),
    Blend("color", "Color", "svg:color", "colr", "kColor"),
    Blend("luminosity", "Luminosity", "svg:luminosity", "lum ", "kLuminosity"),
)


def blend_named(name: str) -> Blend:
    """The mode of this name. Raises UsageError for any other, listing the known ones."""
    for blend in BLENDS:
        if blend.name == name:
            return blend
    known = ", ".join(blend.name for blend in BLENDS)
    raise UsageError(f"there is no blend mode named {name!r}; the known ones are {known}")
