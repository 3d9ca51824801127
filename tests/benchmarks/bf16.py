"""Whole edits in bfloat16 against the same in float32, with the bundled model on OpenVINO, as a table.

    python -m tests.benchmarks.bf16

The full-size architecture is compared with random weights by engine.py, which is the worst case: a network that has
learnt nothing does not mend in one step what it got wrong in the one before. This shows weights that were trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data

from inference.engine import Engine
from inference.package import open_package
from inference.providers import choose
from inference.types import CancelToken, EditRequest, Variant
from tests.benchmarks.engine_ours import finished_latents
from tests.benchmarks.engine_table import psnr, relative_rms

STARTER = Path(__file__).parents[2] / "resources" / "models" / "starter"
PHOTOS = ("coffee", "chelsea", "astronaut")
INSTRUCTIONS = ("make it black and white", "make it snow")
SCALES = (7.5, 3.0)
ASKED = 2e-2


def edit(request: EditRequest, float32: bool) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """The latents at the end, and the picture."""
    chosen = choose("openvino")
    provider = chosen.provider.in_float32() if float32 else chosen.provider
    engine = Engine(open_package(STARTER), replace(chosen, provider=provider))
    with finished_latents() as latents:
        (image,) = [event.image for event in engine.edit(request, CancelToken()) if isinstance(event, Variant)]
    engine.close()
    return latents[0], np.asarray(image, np.uint8)


def rows() -> Iterator[tuple[str, str, float, float, float]]:
    """(photo, instruction, s_T, how far the latents are off, decibels of the picture)."""
    for photo in PHOTOS:
        for instruction in INSTRUCTIONS:
            for scale in SCALES:
                image = np.ascontiguousarray(getattr(data, photo)())
                request = EditRequest(image, instruction, 20, scale, 1.5, "euler", 512, seeds=(5,), full_res=False)
                (exact, wanted), (found, picture) = edit(request, True), edit(request, False)
                yield photo, instruction, scale, relative_rms(found, exact), psnr(picture, wanted)


def main() -> None:
    print("| photo | instruction | s_T | latents off by (rms) | asked | picture |\n|---|---|---|---|---|---|")
    for photo, instruction, scale, off, decibels in rows():
        print(f"| {photo} | {instruction} | {scale:g} | {off:.1e} | {ASKED:.0e} | {decibels:.1f} dB |", flush=True)


if __name__ == "__main__":
    main()
