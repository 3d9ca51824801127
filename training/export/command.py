"""`python -m training export SOURCE -o DIR`: the arguments and what is printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from inference.manifest import Dials, safe_name
from training.export.errors import ExportCancelled, ExportError, ExportTargetError
from training.export.source import check_source, model_size

if TYPE_CHECKING:
    from training.export.exporter import ExportReport

DIALS = Dials()
INSTALL = "pip install 'palimpsest[train]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    parser.add_argument("source", type=Path, help="a diffusers InstructPix2Pix folder or one .safetensors file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the package folder to make")
    parser.add_argument("--precision", default="fp16", help="how weights are stored: fp16 (default) or fp32")
    parser.add_argument("--name", default="", help="the model's name (default: DIR's)")
    parser.add_argument("--licence", default="unknown", help="the licence of the weights")
    parser.add_argument("--config", type=Path, metavar="DIR", help="for a single file: a folder with its tokenizer")
    parser.add_argument("--instructions", type=Path, metavar="FILE", help="text file, one known instruction a line")
    parser.add_argument("--steps", type=int, default=DIALS.steps)
    parser.add_argument("--text-scale", type=float, default=DIALS.text_scale)
    parser.add_argument("--image-scale", type=float, default=DIALS.image_scale)
    parser.add_argument("--sampler", default=DIALS.sampler)
    parser.add_argument("--size", type=int, default=0, help="long side that the model sees (default: its native one)")
    parser.add_argument("--replace", action="store_true", help="an existing package at DIR gives way")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--events", action="store_true", help="print progress as JSON, one object a line")


def run(arguments: argparse.Namespace) -> int:
    """Exports and prints the report. Returns the exit code: 0 done, 4 model trouble, 5 not writable, 130 cancelled."""
    try:
        report = _export(arguments)
    except ExportError as error:
        print(error, file=sys.stderr)
        return _exit_code(error)
    except ModuleNotFoundError as error:
        print(f"Exporting needs {error.name}, which is not installed: {INSTALL}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print(ExportCancelled(), file=sys.stderr)
        return 130
    print(json.dumps(_as_json(report)) if arguments.json or arguments.events else _as_text(report))
    return 0


def main(argv: Sequence[str]) -> int:
    """Parses `argv` (without the word `export`) and runs."""
    parser = argparse.ArgumentParser(prog="python -m training export", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(argv))


def _export(arguments: argparse.Namespace) -> ExportReport:
    check_source(arguments.source)  # before torch, which takes seconds to import
    from training.export.exporter import export_package

    return export_package(
        arguments.source,
        arguments.output,
        name=arguments.name or safe_name(arguments.output.absolute().name),
        licence=arguments.licence,
        precision=arguments.precision,
        dials=Dials(
            steps=arguments.steps,
            text_scale=arguments.text_scale,
            image_scale=arguments.image_scale,
            sampler=arguments.sampler,
            size=arguments.size or model_size(arguments.source),
        ),
        instructions=_lines(arguments.instructions),
        config=arguments.config,
        replace=arguments.replace,
        progress=_progress(arguments.events),
    )


def _lines(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return ()
    try:
        return tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{file} cannot be read ({error}): name a text file.") from error


def _progress(events: bool) -> Callable[[str, float], None]:
    def show(stage: str, fraction: float) -> None:
        if events:
            print(json.dumps({"event": "progress", "stage": stage, "fraction": round(fraction, 4)}), flush=True)
        elif sys.stderr.isatty():
            print(f"\r{fraction:4.0%} {stage:<24}", end="\n" if fraction == 1 else "", file=sys.stderr, flush=True)

    return show


def _as_json(report: ExportReport) -> dict[str, object]:
    return {**asdict(report), "event": "done", "folder": str(report.folder)}


def _as_text(report: ExportReport) -> str:
    lines = [f"{report.folder}: {report.name}, {report.precision}, {sum(report.sizes.values()) / 1e6:.1f} MB"]
    for parity in report.parity:
        size = report.sizes.get(parity.component)  # none for a second graph of the same weights
        lines.append(
            f"  {parity.component:<14} {f'{size / 1e6:8.1f} MB' if size else ' ' * 11}   against torch: "
            f"{parity.max_abs:.2g} absolute, {parity.relative:.2g} of the range"
        )
    return "\n".join([*lines, f"  {sum(report.seconds.values()):.1f} s"])


def _exit_code(error: ExportError) -> int:
    if isinstance(error, ExportCancelled):
        return 130
    return 5 if isinstance(error, ExportTargetError) else 4
