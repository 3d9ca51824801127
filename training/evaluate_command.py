"""`python -m training evaluate MODEL (--store DIR | --pairs PATH | --run RUN)`: judges a model on pairs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from inference.package import ModelPackage
from inference.types import CancelToken
from training import tables
from training.command_line import Show, cancellation, count, exit_code, progress, say
from training.editing import maker
from training.encoder_files import encoder_folder
from training.evaluate import Encoders, evaluate, report
from training.evaluation_pairs import Source, from_path, from_run, from_store, run_named
from training.export.files import check_target, staged
from training.places import find_package, pairs_folder
from training.plot import Plot, Series, draw
from training.whole_files import write_json, write_whole

JSON, MARKDOWN, PLOT, CURVE = "evaluation.json", "evaluation.md", "evaluation.png", "curve.png"
_MOST_REFUSALS = 5


def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 usage, 3 pairs unreadable, 4 the model or an encoder, 5 not writable, 130 cancelled."""
    chosen = _parser().parse_args(argv)
    return exit_code(partial(_evaluate, chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="palimpsest evaluate", description="Judge a model on pairs.")
    parser.add_argument("model", help="an installed model's name, or a package folder")
    of = parser.add_mutually_exclusive_group()
    of.add_argument("--store", type=Path, metavar="DIR", help="a store of pairs (default: your own)")
    of.add_argument("--pairs", type=Path, metavar="PATH", help="pairs in any form that `pairs add` takes")
    of.add_argument("--run", metavar="RUN", help="the held-out pairs of a training")
    parser.add_argument("--format", default="", help="of --pairs, where it cannot be told")
    parser.add_argument("--clip", type=Path, metavar="DIR", help="a folder with CLIP (safetensors)")
    parser.add_argument("--dino", type=Path, metavar="DIR", help="a folder with DINO (safetensors)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help=f"where {JSON}, table and plots go")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="edits a pair, of the seeds 0 to N - 1")
    parser.add_argument("--limit", type=count, default=0, metavar="N", help="judge so many pairs at most")
    parser.add_argument("--provider", default="auto", help="the execution provider")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--events", action="store_true", help="print progress as JSON; the end of the input cancels")
    return parser


def _evaluate(chosen: argparse.Namespace) -> None:
    if chosen.output:
        _check_output(chosen.output)
    package = find_package(chosen.model)
    with cancellation(chosen.events) as cancel:
        with progress(chosen.events) as show:
            made = _judge(chosen, package, cancel, show)
        if chosen.output:
            write(chosen.output, made)
    if chosen.events:
        done = {"event": "done", "folder": str(chosen.output or ""), "verdict": made["verdict"]}
        say(done if chosen.output else {**done, "report": made})
    else:
        print(json.dumps(made, indent=1, ensure_ascii=False) if chosen.json else tables.evaluation(made), end="")


def _judge(chosen: argparse.Namespace, package: ModelPackage, cancel: CancelToken, show: Show) -> dict[str, Any]:
    show("reading the pairs", 0.0)
    source = _source(chosen, cancel)
    encoders, seeds = _encoders(chosen), tuple(range(chosen.seeds))
    with maker(package, cancel, chosen.provider) as made_by:
        judged = evaluate(made_by, source.examples, seeds, encoders, show, source.count)
        made = report(made_by, judged, seeds, encoders, source.name)
    made["notes"] += _left_out(source)
    return made


def _left_out(source: Source) -> list[str]:
    notes = [f"Left out: {refusal.where}: {refusal.why}" for refusal in source.refused[:_MOST_REFUSALS]]
    more = len(source.refused) - len(notes)
    return [*notes, f"Left out for such reasons: {more} more."] if more else notes


def _source(chosen: argparse.Namespace, cancel: CancelToken) -> Source:
    if chosen.run:
        return from_run(run_named(chosen.run), chosen.limit)
    if chosen.pairs:
        return from_path(chosen.pairs, chosen.format, chosen.limit, cancel.raise_if_cancelled)
    return from_store(chosen.store or pairs_folder(), chosen.limit)


def _encoders(chosen: argparse.Namespace) -> Encoders:
    if not (chosen.clip or chosen.dino):
        return Encoders()
    for folder in filter(None, (chosen.clip, chosen.dino)):
        encoder_folder(folder)  # says in a moment what is wrong with it

    from training.encoders import open_clip, open_dino  # PyTorch takes seconds to import

    return Encoders(open_clip(chosen.clip) if chosen.clip else None, open_dino(chosen.dino) if chosen.dino else None)


def _check_output(folder: Path) -> None:
    """An earlier evaluation may give way, and nothing else."""
    ours = {JSON, MARKDOWN, PLOT, CURVE}
    known = folder.is_dir() and not folder.is_symlink() and {entry.name for entry in folder.iterdir()} <= ours
    check_target(folder, replace=known)


def write(folder: Path, made: Mapping[str, Any]) -> None:
    """JSON, table and plots, all of them or nothing. Raises `ExportTargetError`."""
    with staged(folder) as stage:
        write_json(stage / JSON, made)
        write_whole(stage / MARKDOWN, tables.evaluation(made).encode())
        write_whole(stage / PLOT, draw(scatter(made)))
        if made["curve"]:
            write_whole(stage / CURVE, draw(curve_plot(made)))


def scatter(made: Mapping[str, Any]) -> Plot:
    """Every pair: how near the edit came, against the picture left as it was."""
    points = tuple((item["untouched"]["psnr"], item["result"]["psnr"]) for item in made["items"])
    return Plot(
        title=f"{made['model']['name']}: how near {len(points)} edits came to what was wanted",
        x_title="the picture left as it was: PSNR in dB",
        y_title="the edit: PSNR in dB",
        series=(Series("one pair", points),),
        note=_note(made),
        diagonal="no better than leaving it",
    )


def curve_plot(made: Mapping[str, Any]) -> Plot:
    """The paper's curve; without captions, image similarity against the image scale."""
    points, name = made["curve"], made["model"]["name"]
    captioned = all(point["direction"] is not None for point in points)
    across = "direction" if captioned else "image_scale"
    return Plot(
        title=f"{name}: what is kept against what is done" if captioned else f"{name}: what is kept",
        x_title="CLIP direction similarity" if captioned else "image scale",
        y_title="CLIP image similarity",
        series=(
            Series(
                f"image scale {points[0]['image_scale']:g} to {points[-1]['image_scale']:g}",
                tuple((point[across], point["image_similarity"]) for point in points),
                joined=True,
                labels=tuple(f"{point['image_scale']:.1f}" for point in points) if captioned else (),
            ),
        ),
        note=f"text scale {made['protocol']['curve']['text_scale']:g}; {_note(made)}",
    )


def _note(made: Mapping[str, Any]) -> str:
    values = made["protocol"]
    dials = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in made["model"]["dials"].items())
    encoders = "; ".join(f"{name} {one['sha256'][:12]}" for name, one in values["encoders"].items())
    words = [f"{len(made['items'])} pairs", f"seed {', '.join(map(str, values['seeds']))}", dials]
    return f"{', '.join(words)}; model {made['model']['sha256'][:12]}{'; ' if encoders else ''}{encoders}"
