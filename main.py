"""The `palimpsest` command: decides between the command line and the window before anything large is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from editor.cli.commands import COMMANDS
from inference.offline import stay_offline

_NO_WINDOW = (
    "palimpsest: this version has no window yet, only the command line; edit a picture with "
    'palimpsest edit photo.jpg "make it black and white" -o out.png (palimpsest --help lists all commands).'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code. A command or an option as first word goes to the command line, all else to the window."""
    stay_offline()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and (words[0] in COMMANDS or words[0].startswith("-")):
        from editor.cli.app import run

        return run(words)
    print(_NO_WINDOW, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
