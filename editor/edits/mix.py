"""A layer's colours and what shows through its mask, in whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8]


def unmixed(source: Samples, variant: Samples, mask: Samples | None) -> Samples:
    """Colours that, laid over `source` through `mask`, give `variant` again to the last bit. All uint8 (h, w, 4).

    The engine has mixed the edit with the source where the mask is grey, and the layer's mask mixes once more. A step
    of 1 here is a step of less than 1 after the mask, so that there always is such a colour.
    """
    result = variant.copy()
    if mask is None:
        return result
    grey = np.nonzero((mask > 0) & (mask < 255))
    share = mask[grey].astype(np.int32)[:, np.newaxis]
    base = source[grey][:, :3].astype(np.int32)
    difference = (variant[grey][:, :3].astype(np.int32) - base) * 255
    colours = base + np.sign(difference) * ((2 * np.abs(difference) + share) // (2 * share))
    result[(*grey, slice(0, 3))] = np.clip(colours, 0, 255).astype(np.uint8)
    return result


def mixed(source: Samples, colours: Samples, mask: Samples) -> Samples:
    """`colours` laid over `source` through `mask`, rounded to nearest; the alpha is that of `source`."""
    result = source.copy()
    inside = np.nonzero(mask)
    share = mask[inside].astype(np.int32)[:, np.newaxis]
    base = source[inside][:, :3].astype(np.int32)
    total = colours[inside][:, :3].astype(np.int32) * share + base * (255 - share)
    result[(*inside, slice(0, 3))] = ((total + 127) // 255).astype(np.uint8)
    return result
