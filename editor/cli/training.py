"""Commands that belong to `python -m training`, run as a process of their own: this one never imports torch."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from inference import child


def hand_over(name: str, words: Sequence[str]) -> int:
    """Run `python -m training NAME WORDS` with our input and output; returns its exit code."""
    return subprocess.run(child.command("training", [name, *words]), env=child.environment(), check=False).returncode
