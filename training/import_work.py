"""The work of an import, in a process that `training.importing` starts and ends; PyTorch where the source needs it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.package import ModelPackage, verify_package, write_manifest
from inference.package_files import package_files
from inference.types import CancelToken
from training.export.agreement import Parity
from training.export.files import check_target, staged
from training.export.onnx_folder import copy_onnx_folder, fuse_onnx_folder
from training.export.onnx_parity import compare_parts
from training.import_wishes import Wishes, wishes_of
from training.worker import carry_out, progress

CANCELLED = "The import was cancelled."
NEEDS_TRAIN = "Importing this model needs the training packages: install them with  pip install 'palimpsest[train]'"
NO_MEMORY = "There is not enough memory to import this model: close other programs and try again."


@dataclass(frozen=True)
class Outcome:
    """parity: as in `training.export.parity`, as JSON. notes: sentences for the user."""

    package: ModelPackage
    parity: Sequence[dict[str, object]]
    notes: Sequence[str]


def main(argv: Sequence[str]) -> int:
    """argv: one JSON object (`Wishes`). Exit codes as `training.importing`."""
    wishes, start = wishes_of(argv[0]), time.monotonic()

    def work(cancel: CancelToken) -> None:
        outcome = _from_onnx(wishes, cancel) if wishes.kind in ("onnx", "package") else _from_weights(wishes, cancel)
        _tell(wishes, outcome, time.monotonic() - start)

    return carry_out(work, cancelled=CANCELLED, needs_train=NEEDS_TRAIN, no_memory=NO_MEMORY)


def _from_weights(wishes: Wishes, cancel: CancelToken) -> Outcome:
    show = progress(wishes.events)
    show("load", 0.0)
    from training.export.exporter import export_package  # PyTorch takes seconds to import

    report = export_package(
        wishes.source,
        wishes.target,
        name=wishes.name,
        licence=wishes.licence,
        precision=wishes.precision,
        dials=wishes.dials,
        instructions=(),
        config=wishes.config,
        loras=wishes.loras,
        check=wishes.check,
        replace=wishes.replace,
        progress=show,
        cancel=cancel,
    )
    return Outcome(report.package, [_entry(parity) for parity in report.parity], report.notes)


def _entry(parity: Parity) -> dict[str, object]:
    return {"component": parity.component, "relative": parity.relative, "max_abs": parity.max_abs}


def _from_onnx(wishes: Wishes, cancel: CancelToken) -> Outcome:
    show = progress(wishes.events)
    check_target(wishes.target, wishes.replace)
    total = max(1, sum(file.stat().st_size for file in package_files(wishes.source).values()))
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        cancel.raise_if_cancelled()
        done += count
        show("copying", 0.7 * min(1.0, done / total))

    with staged(wishes.target) as stage:
        notes = copy_onnx_folder(wishes.source, stage, wishes.config, advance)
        cancel.raise_if_cancelled()
        show("unet fused", 0.7)
        notes += fuse_onnx_folder(stage)
        show("unet parity", 0.75)
        parity = compare_parts(wishes.source, stage, cancel.raise_if_cancelled)
        show("manifest", 0.85)
        package = _described(stage, wishes)
        if wishes.check:
            verify_package(package, lambda share: _checked(show, share, cancel))
    show("done", 1.0)
    return Outcome(package, [_entry(each) for each in parity], notes)


def _described(stage: Path, wishes: Wishes) -> ModelPackage:
    from inference.package import open_package

    found = open_package(stage)
    return write_manifest(
        stage, name=wishes.name, licence=wishes.licence, precision=found.precision, dials=wishes.dials, instructions=(),
        source=wishes.source.absolute().name,
    )  # fmt: skip


def _checked(show: Callable[[str, float], None], share: float, cancel: CancelToken) -> None:
    cancel.raise_if_cancelled()
    show("checking", 0.87 + 0.13 * share)


def _tell(wishes: Wishes, outcome: Outcome, seconds: float) -> None:
    size = sum(file.stat().st_size for file in wishes.target.rglob("*") if file.is_file())
    if wishes.events:
        done = {
            "event": "done", "folder": str(wishes.target), "name": outcome.package.name,
            "licence": outcome.package.licence, "sha256": outcome.package.sha256, "bytes": size,
            "parity": list(outcome.parity), "seconds": round(seconds, 2), "notes": list(outcome.notes),
        }  # fmt: skip
        print(json.dumps(done), flush=True)
        return
    print(f"{wishes.target}: {outcome.package.name}, {size / 1e6:.1f} MB, licence: {outcome.package.licence}")
    for entry in outcome.parity:
        print(f"  {entry['component']:<15} {entry['relative']:.2g} of the range from the original")
    print(*(f"  {note}" for note in (*outcome.notes, f"{seconds:.1f} s")), sep="\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
