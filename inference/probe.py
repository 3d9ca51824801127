"""Which providers work here, found out in a process of its own: a driver's fault ends that process and is told as the reason.

`python -P -m inference.probe NAME ...` answers one JSON line for each named provider, in order.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from inference import child

_SECONDS = 120.0


@dataclass(frozen=True)
class Finding:
    """One provider: `reason` says why it does not work, None where it does. stderr: what its libraries printed."""

    provider: str
    reason: str | None
    stderr: str = ""


def probe_all() -> tuple[Finding, ...]:
    """Every provider that this program knows, in the order in which `auto` tries them."""
    from inference.providers import PROVIDERS

    names = [provider.name for provider in PROVIDERS]
    found: list[Finding] = []
    while len(found) < len(names):
        found += _probe(names[len(found) :])
    return tuple(found)


def _probe(names: Sequence[str]) -> list[Finding]:
    """Findings for the first of `names`, at least one: a process that ends early is what is wrong with the next provider."""
    command, environment = child.command("inference.probe", names), child.environment()
    try:
        run = subprocess.run(command, env=environment, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        output, stderr, how = late.stdout or b"", late.stderr or b"", f"did not answer within {_SECONDS:.0f} seconds"
    else:
        output, stderr, how = (
            run.stdout,
            run.stderr,
            f"its libraries ended the process ({child.ending(run.returncode)})",
        )
    text = stderr.decode("utf-8", "replace").strip()
    found = [Finding(name, reason) for name, reason in map(_line, output.splitlines()) if name in names]
    if len(found) < len(names):
        found.append(Finding(names[len(found)], how, text))
    return found


def _line(line: bytes) -> tuple[str, str | None]:
    try:
        name, reason = json.loads(line)
    except ValueError:
        return "", None
    return name, reason


def main(names: Sequence[str]) -> None:
    from inference.providers import PROVIDERS, self_test

    for provider in PROVIDERS:
        if provider.name in names:
            reason = provider.available() or self_test(provider)
            print(json.dumps([provider.name, reason]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
