"""A full-size model as a base: opened and packaged in the memory of a small machine. By hand, as `test_full_size`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from inference.package import open_package, verify_package
from tests.training.test_full_size import ROOT, SOURCE, resident

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE, reason="PALIMPSEST_FULL_SIZE_SOURCE names no diffusers folder of a full-size model"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

TRAINED = """
import sys, torch
from pathlib import Path
from training.bases import open_base
from training.checkpoints import save_tensors
from training.model import frozen_type, trainable
from training.recipe import TrainingRecipe
from training.runs import CHECKPOINT_FILES, Run, RunSheet

recipe, run = TrainingRecipe("8gb", "", gradient_checkpointing=True), Run(Path(sys.argv[2]))
base = open_base(sys.argv[1], dtype=frozen_type(recipe))
assert base.unet.dtype == torch.bfloat16
state = {f"ema.{name}": value + 0.01 for name, value in trainable(base, recipe).state().items()}
for name in CHECKPOINT_FILES:
    save_tensors(run.checkpoint_folder(2) / name, state if name.startswith("ema") else {}, {})
run.write_sheet(RunSheet(
    name="full", base_name=base.name, base_path=str(base.folder_or_file), base_sha256=base.sha256, recipe=recipe,
    store="", train=("a",), held_out=(), earlier=(), pairs_sha256="", instructions=("make it ours",), steps=2,
    device="cpu", created="",
))
"""
PACKAGE = "import sys; from training.packaging import main; sys.exit(main(sys.argv[1:]))"


def measured(code: str, words: Sequence[object], output: Path) -> tuple[int, float]:
    """Peak bytes of the process and all below it, and its seconds."""
    begin, peak = time.monotonic(), 0
    with (
        output.open("w") as stream,
        subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=stream, cwd=ROOT) as process,
    ):
        while process.poll() is None:
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                peak = max(peak, resident(process.pid))
            time.sleep(0.05)
        assert process.returncode == 0
    return peak, time.monotonic() - begin


def test_a_full_size_model_is_opened_trained_on_and_packaged_in_five_gigabytes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    opened, seconds = measured(TRAINED, [SOURCE, run], tmp_path / "none")
    print(f"opened and a LoRA added: {opened / 1e9:.2f} GB, {seconds:.0f} s")
    made, seconds = measured(PACKAGE, [run, "--events"], tmp_path / "events")
    print(f"packaged: {made / 1e9:.2f} GB, {seconds:.0f} s")
    done = json.loads((tmp_path / "events").read_text().splitlines()[-1])
    assert done["event"] == "done" and all(entry["relative"] < 1e-3 for entry in done["parity"])
    verify_package(open_package(run / "package"))
    assert max(opened, made) < 5e9
    # And from the package that was made: its weights come back out of its graphs.
    again, seconds = measured(TRAINED, [run / "package", tmp_path / "second"], tmp_path / "none")
    print(f"the package opened as a base: {again / 1e9:.2f} GB, {seconds:.0f} s")
    assert again < 5e9
