"""Parity of the engine's loop with diffusers' InstructPix2Pix pipeline on a tiny random model, as a table.

    python -m tests.benchmarks.parity

The same comparisons are tests in tests/inference/test_parity.py.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from inference.samplers import SAMPLERS
from tests.inference.test_parity import formula, opened, ours, relative, theirs
from tests.training.tiny_model import export_tiny
from training.export.load import load_pipeline

ASKED = 1e-4
STEPS = 20


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        engine = next(opened(export_tiny(Path(folder)).folder))
        pipeline = load_pipeline(Path(folder) / "tiny-source")
        print("| sampler | s_T, s_I | against | largest relative difference | asked |\n|---|---|---|---|---|")
        for sampler in SAMPLERS:
            arguments = (sampler, STEPS, (7.5, 1.5))
            difference = relative(ours(engine, *arguments), theirs(pipeline, *arguments))
            print(f"| {sampler} | 7.5, 1.5 | diffusers, {STEPS} steps | {difference:.1e} | {ASKED:.0e} |")
        for scales in ((7.5, 0.8), (1.0, 1.5), (0.5, 0.5)):
            found = ours(engine, "euler", STEPS, scales, timestep_spacing=None)
            difference = relative(found, formula(pipeline, STEPS, *scales))
            print(f"| euler | {scales[0]}, {scales[1]} | the formula in float64 | {difference:.1e} | {ASKED:.0e} |")


if __name__ == "__main__":
    main()
