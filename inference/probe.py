"""Trying a provider where it can do no harm.

A driver may print into stderr, hang, or take its process down. So what is not the plain processor is tried in a child
process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from inference.errors import ProviderError
from inference.provider import Provider
from inference.runtime import one_line
from inference.self_test import self_test

# The first session on a GPU may compile its kernels, which takes tens of seconds on a slow machine.
TIMEOUT = 120.0

_ANSWER = "self-test: "


@dataclass(frozen=True)
class Probe:
    """reason: None for a provider that works, else why not, as a sentence. stderr: what a child printed."""

    reason: str | None
    stderr: str = ""


def probe(provider: Provider) -> Probe:
    """Look whether the provider is there and passes its self-test; never raises for a provider that does not work."""
    try:
        reason = provider.available()
    except ProviderError as error:
        reason = str(error)
    if reason is not None:
        return Probe(reason)
    return Probe(self_test(provider)) if provider.in_process else in_child(provider.name)


def in_child(name: str, timeout: float = TIMEOUT) -> Probe:
    """The self-test of the provider called `name`, in a process of its own."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "inference.probe", name]
    try:
        child = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Probe(f"The self-test of {name} did not end within {timeout:.0f} seconds: update its driver.")
    except OSError as error:
        return Probe(f"The self-test of {name} could not be started: {error.strerror or error}.")
    return _answer(name, child)


def _answer(name: str, child: subprocess.CompletedProcess[str]) -> Probe:
    answers = [line.removeprefix(_ANSWER) for line in child.stdout.splitlines() if line.startswith(_ANSWER)]
    if child.returncode == 0 and answers:
        return Probe(cast("str | None", json.loads(answers[-1])), child.stderr)
    last = one_line("\n".join(child.stderr.splitlines()[-1:]) or "it printed nothing")
    return Probe(f"The self-test of {name} ended its process with code {child.returncode} ({last}).", child.stderr)


def main(arguments: list[str]) -> int:
    """The child: `python -m inference.probe NAME` prints the reason as JSON."""
    # Here and not above: the listing of providers itself needs this module.
    from inference.providers import provider_named

    print(_ANSWER + json.dumps(self_test(provider_named(arguments[0]))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
