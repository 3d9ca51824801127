"""Where the engine keeps what it can make again."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The user's cache folder of this program, which may not be there yet.

    PALIMPSEST_HOME, which names a folder for all that is the user's, names that of the cache too.
    """
    home = environment.get("PALIMPSEST_HOME")
    if home:
        return Path(home).expanduser() / "cache"
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "palimpsest" / "Cache"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "palimpsest"
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palimpsest"
