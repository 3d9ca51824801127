"""The flat picture formats, one file each. To add one: a new file with a FORMAT, and its line in this listing."""

from __future__ import annotations

from editor.core.formats import avif, bmp, gif, jpeg, png, tiff, webp
from editor.core.formats.format import Format

FORMATS: tuple[Format, ...] = (
    png.FORMAT,
    jpeg.FORMAT,
    webp.FORMAT,
    tiff.FORMAT,
    bmp.FORMAT,
    gif.FORMAT,
    avif.FORMAT,
)
