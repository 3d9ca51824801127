"""The examination in a process of its own: a driver that takes its process down takes nothing else with it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from inference import wire
from inference.advice import TITLES, findings
from inference.child_side import end_with_parent, private_output
from inference.doctor import examine, facts
from inference.offline import stay_offline
from inference.providers import AUTO
from inference.store import ModelStore


def main(arguments: list[str]) -> int:
    """Sends {"is": "report", "findings", "machine", "titles", "done"}, at once and after each provider."""
    parser = argparse.ArgumentParser(prog="inference.doctor_child")
    parser.add_argument("user_models", type=Path)
    parser.add_argument("bundled_models", type=Path)
    parser.add_argument("--provider", default=AUTO)
    asked = parser.parse_args(arguments)
    stay_offline()
    sink = private_output()
    end_with_parent()
    try:
        for machine in examine(ModelStore(asked.user_models, asked.bundled_models), asked.provider):
            found = {name: [asdict(finding) for finding in lines] for name, lines in findings(machine).items()}
            report = {"findings": found, "machine": facts(machine), "titles": dict(TITLES), "done": machine.complete}
            wire.write(sink, {"is": "report", **report})
    except Exception as error:
        wire.write(sink, wire.error_message(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
