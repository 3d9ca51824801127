"""The `palimpsest` command: decides between the command line and the window before anything large is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from editor.cli.commands import COMMANDS
from inference.offline import stay_offline

_NO_SCREEN = (
    "palimpsest: no screen was found for the window; edit a picture without one with "
    'palimpsest edit photo.jpg "make it black and white" -o out.png (palimpsest --help lists all commands).'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code. A command or an option as first word goes to the command line, all else to the window."""
    stay_offline()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and (words[0] in COMMANDS or words[0].startswith("-")):
        from editor.cli.app import run

        return run(words)
    if not _has_screen():
        print(_NO_SCREEN, file=sys.stderr)
        return 2
    from editor.app import run as open_window

    return open_window([Path(word) for word in words])


def _has_screen() -> bool:
    """Qt would end the process where it finds none."""
    chosen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    return sys.platform in ("win32", "darwin") or chosen


if __name__ == "__main__":
    sys.exit(main())
