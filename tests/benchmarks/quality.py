"""The bundled model against what is asked of it, on photos and scenes it never saw; what falls short is named.

python -m tests.benchmarks.quality [--model DIR] [--each N] [--scenes N] > quality.md
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from inference.engine import Engine
from inference.package import open_package
from training.starter.judge import Judge, Score, evaluate, table
from training.starter.photos import PHOTOS, photo

PHOTO_NAMES = {Path(name).stem for name in PHOTOS}


def rows(judge: Judge, done: list[Score]) -> Iterator[tuple[str, float, float, str]]:
    """What is asked, the figure, the limit, the unit; on photos alone."""
    photos = [score for score in done if score.picture in PHOTO_NAMES]
    tonal = [score for score in photos if score.family in ("tone", "colour")]
    coded = [judge.autoencoder(photo(name, 512)) for name in PHOTOS]
    overlaps = [score.overlap for score in photos if score.kind == "recolour" and score.overlap is not None]
    yield "autoencoder on photos", float(np.mean(coded)), 28, "dB"
    yield "tone and colour, to the exact target", float(np.mean([s.psnr for s in tonal])), 25, "dB"
    yield "tone and colour, held-out phrasings recognised", 100 * float(np.mean([s.right for s in tonal])), 90, "%"
    yield "recolouring, overlap with the exact mask", float(np.mean(overlaps)), 0.6, ""
    yield "identity", float(np.mean([s.psnr for s in photos if s.kind == "identity"])), 40, "dB"


def short(done: list[Score]) -> str:
    """The tone and colour kinds below 25 dB or 90 %, and every other kind that is mostly not recognised."""
    named: list[str] = []
    for kind in dict.fromkeys(score.kind for score in done):
        own = [score for score in done if score.kind == kind]
        quality, right = np.mean([s.psnr for s in own]), np.mean([s.right for s in own])
        tonal = own[0].family in ("tone", "colour")
        if (tonal and (quality < 25 or right < 0.9)) or right < 0.5:
            named.append(f"{kind} ({quality:.0f} dB, {right:.0%})")
    return ", ".join(named)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("resources/models/starter"))
    parser.add_argument("--each", type=int, default=1, help="held-out phrasings a kind and picture")
    parser.add_argument("--scenes", type=int, default=2)
    chosen = parser.parse_args()
    package = open_package(chosen.model)
    judge = Judge(Engine.open(package, "cpu"), package, package.dials)
    done = evaluate(judge, long_side=512, scenes=chosen.scenes, each=chosen.each)
    print(f"Model {package.sha256[:12]}, {package.dials}, full-resolution apply on, photos at 512 px.\n")
    print("| what | figure | asked | |\n|---|---|---|---|")
    for what, figure, limit, unit in rows(judge, done):
        verdict = "" if figure >= limit else "**short**"
        print(f"| {what} | {figure:.2f} {unit} | {limit} {unit} | {verdict} |")
    print(f"\nShort: {short(done)}.\n\n{table(done)}")


if __name__ == "__main__":
    main()
