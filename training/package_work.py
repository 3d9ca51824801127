"""The work of packaging a training, in a process that `training.packaging` starts and ends; needs PyTorch."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from inference.import_report import Agreement, ImportReport, save_report
from inference.types import CancelToken
from training.base_facts import BaseFacts
from training.export.quiet import quiet
from training.package_wishes import NOTES, PackageWishes, package_wishes_of
from training.packaging import CANCELLED, base_of
from training.runs import Run, RunSheet
from training.train_errors import TrainError, TrainTargetError
from training.worker import carry_out, progress

if TYPE_CHECKING:
    from training.export.exporter import ExportReport

NEEDS_TRAIN = "Packaging a training needs the training packages: install them with  pip install 'palimpsest[train]'"
NO_MEMORY = "There is not enough memory to package this training: close other programs and try again."
PARITY = 1e-3
"""How far a graph may be from torch with the same weights, as a share of the range."""

LISTED = 200
"""New instructions that a package names, as examples: a data set may have a hundred thousand."""


def main(argv: Sequence[str]) -> int:
    """argv: one JSON object (`PackageWishes`). Exit codes as `training.packaging`."""
    wishes, start = package_wishes_of(argv[0]), time.monotonic()

    def work(cancel: CancelToken) -> None:
        show = progress(wishes.events)
        show("load", 0.0)
        _tell(wishes, package_run(wishes, show, cancel), time.monotonic() - start)

    return carry_out(work, cancelled=CANCELLED, needs_train=NEEDS_TRAIN, no_memory=NO_MEMORY)


def package_run(wishes: PackageWishes, show: Callable[[str, float], None], cancel: CancelToken) -> ExportReport:
    """Merges the checkpoint's averaged weights into the base and exports that, stored as float16.

    A graph is compared with torch with the very weights that are stored, so that all that is left is rounding.
    Raises `TrainError`, `ExportError`; then nothing was written.
    """
    with quiet():
        from training.bases import base_source
        from training.export.exporter import Identity, export_source
        from training.export.load import Source
        from training.merge import averaged, merged, rounded

    sheet = Run(wishes.run).sheet()
    base = base_of(sheet)

    def source() -> tuple[Source, tuple[str, ...]]:
        _check_unchanged(base, sheet)
        return rounded(merged(base_source(base), averaged(wishes.checkpoint / "ema.safetensors"))), ()

    instructions = tuple(dict.fromkeys((*sheet.instructions[:LISTED], *base.instructions)))
    origin = f"trained from {base.name} with {_pairs(sheet)}"
    notes = {NOTES: _notes(wishes, sheet)}
    identity = Identity(wishes.name, wishes.licence, base.dials, instructions, f"{origin} ({sheet.name})", notes)
    report = export_source(
        source, wishes.target, identity, precision="fp16", tolerance=PARITY, replace=True, progress=show, cancel=cancel
    )
    _keep_report(report, f"It was {origin}.")
    return report


def _check_unchanged(base: BaseFacts, sheet: RunSheet) -> None:
    if base.sha256() != sheet.base_sha256:
        raise TrainError(
            f"{base.path} is no longer the model that {sheet.name} was trained from: put that one back, or train again."
        )


def _keep_report(report: ExportReport, note: str) -> None:
    """Where the program looks for what was found when a model was made; it goes with the package when that installs."""
    parity = (Agreement(each.component, each.relative, each.max_abs) for each in report.parity)
    try:
        save_report(report.folder, ImportReport(tuple(parity), (note,), sum(report.seconds.values())))
    except OSError as error:
        raise TrainTargetError(
            f"{report.folder} cannot be written ({error.strerror or error}): check the disk."
        ) from error


def _pairs(sheet: RunSheet) -> str:
    return "1 pair" if len(sheet.train) == 1 else f"{len(sheet.train)} pairs"


def _notes(wishes: PackageWishes, sheet: RunSheet) -> dict[str, object]:
    """Where the model comes from; nothing of the pairs but how many they were."""
    return {
        "format": 1, "run": sheet.name, "base": {"name": sheet.base_name, "sha256": sheet.base_sha256},
        "pairs": len(sheet.train), "instructions": list(sheet.instructions[:LISTED]), "recipe": asdict(sheet.recipe),
        "step": int(wishes.checkpoint.name.rpartition("-")[2]), "steps": sheet.steps, "created": sheet.created,
    }  # fmt: skip


def _tell(wishes: PackageWishes, report: ExportReport, seconds: float) -> None:
    size = sum(report.sizes.values())
    parity = [{"component": p.component, "relative": p.relative, "max_abs": p.max_abs} for p in report.parity]
    if wishes.events:
        done = {
            "event": "done", "path": str(report.folder), "name": report.name, "licence": report.licence,
            "sha256": report.sha256, "bytes": size, "parity": parity, "seconds": round(seconds, 2),
        }  # fmt: skip
        print(json.dumps(done), flush=True)
        return
    print(f"{report.folder}: {report.name}, {size / 1e6:.1f} MB, licence: {report.licence}")
    for each in report.parity:
        print(f"  {each.component:<15} {each.relative:.2g} of the range from torch")
    print(f"  {seconds:.1f} s; install it with  palimpsest models add {report.folder}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
