"""`python -m training report RUN`: what a training has brought, before its model is installed."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from inference.errors import PackageError
from inference.package import ModelPackage, open_package
from inference.types import CancelToken
from training.command_line import Show, cancellation, count, exit_code, progress, say
from training.comparing import Comparison, compare
from training.editing import maker
from training.evaluation_pairs import run_named
from training.export.files import check_target
from training.places import find_package
from training.report import as_json, is_report, write
from training.report_tables import report as markdown
from training.runs import Run, RunSheet
from training.train_errors import TrainInputError


def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 usage, 3 the run, 4 a model, 5 not writable, 130 cancelled."""
    chosen = _parser().parse_args(argv)
    return exit_code(partial(_report, chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="palimpsest report", description="Compare a training with its base.")
    parser.add_argument("run", help="a training's folder, or the name of one of yours")
    parser.add_argument("--base", default="", metavar="NAME", help="compare with this model (default: the run's base)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where it goes (default: RUN/report)")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="edits a picture, of the seeds 0 to N - 1")
    parser.add_argument("--provider", default="auto", help="the execution provider")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--events", action="store_true", help="print progress as JSON; the end of the input cancels")
    return parser


def _report(chosen: argparse.Namespace) -> None:
    run = run_named(chosen.run)
    sheet = run.sheet()
    new, (base, notes) = _new(run), _base(sheet, chosen.base)
    target = chosen.output or run.report
    check_target(target, replace=is_report(target))
    with cancellation(chosen.events) as cancel:
        with progress(chosen.events) as show:
            found = _compare(chosen, run, sheet, (base, new), cancel, show)
        made = as_json(base, new, found, notes)
        write(target, made, found)
    if chosen.events:
        say({"event": "done", "folder": str(target), "verdict": made["verdict"]})
    else:
        print(json.dumps(made, indent=1, ensure_ascii=False) if chosen.json else markdown(made), end="")
        print(f"The report with its pictures is in {target}", file=sys.stderr)


def _compare(
    chosen: argparse.Namespace,
    run: Run,
    sheet: RunSheet,
    models: tuple[ModelPackage, ModelPackage],
    cancel: CancelToken,
    show: Show,
) -> Comparison:
    opens = partial(maker, cancel=cancel, provider=chosen.provider)
    seeds = tuple(range(chosen.seeds))
    return compare(*models, run.held_out(), sheet.instructions, opens, seeds, show)


def _new(run: Run) -> ModelPackage:
    if not run.package.is_dir():
        raise TrainInputError(
            f"{run.folder} holds no model package yet: make it with `palimpsest package {run.folder}`."
        )
    return open_package(run.package)


def _base(sheet: RunSheet, wanted: str) -> tuple[ModelPackage, list[str]]:
    """The package to compare with, and what the user should know of it."""
    if wanted:
        return find_package(wanted), []
    for name in filter(None, (sheet.base_path, sheet.base_name)):
        try:
            found = find_package(name)
        except PackageError:
            continue
        if found.sha256 == sheet.base_sha256:
            return found, []
        return found, [f"The model {found.name} has changed since this training began from it."]
    raise PackageError(
        f"The training began from {sheet.base_name}, which is no model package that edits can be made with: import it "
        "with `palimpsest models export`, or name one with --base."
    )
