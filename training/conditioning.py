"""Which samples lose their text and which their picture, so that guidance has all it needs (arXiv 2211.09800, 3.2.1).

Without PyTorch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dropped(r: NDArray[np.float64], u: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(no text, no picture) for draws `r` in [0, 1): text goes where r < 2u, the picture where u <= r < 3u.

    So a share of u has no text alone, u neither, u no picture alone. A text that goes becomes that of "", a picture
    becomes zeros.
    """
    return r < 2 * u, (r >= u) & (r < 3 * u)
