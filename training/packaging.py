"""`python -m training package RUN`: what a training has learned, as a model package that can be installed.

This process needs no PyTorch and watches over the one that does the work (`training.package_work`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.errors import PackageError
from inference.json_values import read_json
from inference.manifest import is_safe_name, safe_name
from training.base_facts import BaseFacts, find_base
from training.export.errors import ExportTargetError
from training.export.files import check_space, check_target, clean
from training.package_wishes import NOTES, PackageWishes
from training.runs import Run, RunSheet
from training.supervision import supervise
from training.train_errors import TrainError, TrainInputError, TrainUsageError

CANCELLED = "The packaging was cancelled."
WORKER = "training.package_work"

_AROUND = 500_000_000  # bytes of a package besides its UNet


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 done, 2 usage, 3 no run to read, 4 the model or what it needs, 5 not writable, 130 cancelled."""
    arguments = _parser().parse_args(argv)
    try:
        wishes = _wishes(arguments)
    except ExportTargetError as error:
        print(error, file=sys.stderr)
        return 5
    except TrainError as error:
        print(error, file=sys.stderr)
        return error.code
    return supervise(WORKER, wishes.as_json(), wishes.target, events=wishes.events, cancelled=CANCELLED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="palimpsest package", description="Make a package of a training.")
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a training")
    parser.add_argument("--name", default="", help="the model's name (default: the training's)")
    parser.add_argument("--licence", default="", help="the licence of the weights (default: the base's)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="the package folder (default: RUN/package)")
    parser.add_argument("--checkpoint", type=int, metavar="STEP", help="the checkpoint to take (default: the newest)")
    parser.add_argument("--events", action="store_true", help="print progress as JSON; the end of the input cancels")
    return parser


def _wishes(arguments: argparse.Namespace) -> PackageWishes:
    """What to do, once all that can be known to go wrong has been looked at."""
    run = Run(arguments.run)
    sheet = run.sheet()
    checkpoint, base = _checkpoint(run, arguments.checkpoint), base_of(sheet)
    name = arguments.name or _default_name(sheet)
    if not is_safe_name(name):
        raise TrainUsageError(f"A model cannot be named {name!r}: use letters, digits, dots, dashes and underscores.")
    target: Path = arguments.output or run.package
    clean(target)
    check_target(target, replace=_may_replace(target, sheet, arguments.output is None))
    check_space(target, 2 * base.parameters + min(_AROUND, base.parameters))
    return PackageWishes(
        run.folder.absolute(), checkpoint.absolute(), target.absolute(), name, arguments.licence or base.licence,
        arguments.events,
    )  # fmt: skip


def base_of(sheet: RunSheet) -> BaseFacts:
    """The model that a training began with: where it was then, else the installed one of its name.

    Raises `TrainError` where it is gone.
    """
    if Path(sheet.base_path).exists():
        return find_base(sheet.base_path)
    try:
        return find_base(sheet.base_name)
    except TrainError as error:
        raise TrainError(
            f"The model {sheet.base_name} that {sheet.name} was trained from is not at {sheet.base_path} any more: put "
            "it back there, or install it under its name."
        ) from error


def _checkpoint(run: Run, step: int | None) -> Path:
    found = dict(run.checkpoints())
    if not found:
        raise TrainInputError(
            f"The training in {run.folder} has saved nothing yet: let it go on to its first checkpoint."
        )
    if step is not None and step not in found:
        steps = ", ".join(str(known) for known in sorted(found))
        raise TrainUsageError(f"There is no checkpoint of step {step} in {run.folder}: choose one of {steps}.")
    return found[max(found) if step is None else step]


def _default_name(sheet: RunSheet) -> str:
    """The training's name, which must not be its base's: both shall be installed side by side."""
    name = safe_name(sheet.name)
    return f"{name[:56]}-trained" if name.casefold() == sheet.base_name.casefold() else name


def _may_replace(target: Path, sheet: RunSheet, own_folder: bool) -> bool:
    """An earlier package of the same training may give way."""
    if own_folder:
        return True
    try:
        return read_json(target / NOTES).text("run") == sheet.name
    except PackageError:
        return False
