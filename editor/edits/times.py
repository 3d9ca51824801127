"""Times as the window says them."""

from __future__ import annotations

import math


def about(seconds: float | None) -> str:
    """ "about 8 s", "about 2 min"; "" where it cannot be told yet. Rounded so that it does not flicker."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 90:
        step = 1 if seconds < 20 else 5
        return f"about {max(1, math.ceil(max(0.0, seconds) / step) * step)} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {round(minutes / 60)} h"
