"""What lies in the folder of a training, read after it has ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from editor.jobs.training_runs import last_samples

ITEMS = (("a", "warm"), ("b", "warm"), ("c", "cold"))
ORDER = [("a", "warm"), ("c", "cold"), ("b", "warm")]
"""One pair for each instruction first."""


def _run(folder: Path) -> Path:
    items = [{"id": id, "instruction": text, "source": f"{id}.png"} for id, text in ITEMS]
    for name in ("items", "samples/pairs", "samples/step-000000", "samples/step-000300"):
        (folder / name).mkdir(parents=True)
    (folder / "items" / "items.json").write_text(json.dumps({"items": items}))
    for number in range(3):
        for step in ("000000", "000300"):
            (folder / f"samples/step-{step}/{number:02d}.png").touch()
    return folder


def _tell(folder: Path, pairs: object) -> None:
    (folder / "samples" / "pairs" / "pairs.json").write_text(json.dumps({"pairs": pairs}))


@pytest.mark.parametrize("told", [True, False])
def test_samples_are_of_the_pairs_that_they_were_made_of(tmp_path: Path, told: bool) -> None:
    run = _run(tmp_path)
    if told:
        _tell(run, [{"id": id, "instruction": text} for id, text in ORDER])
        (run / "items" / "items.json").unlink()
    samples, step = last_samples(run)
    assert step == 300 and [(sample.id, sample.instruction) for sample in samples] == ORDER
    second = samples[1]
    assert (second.source, second.target) == tuple(
        run / f"samples/pairs/01-{part}.png" for part in ("source", "target")
    )
    assert second.now == run / "samples/step-000300/01.png" and second.start == run / "samples/step-000000/01.png"


def test_the_number_of_a_sample_decides(tmp_path: Path) -> None:
    run = _run(tmp_path)
    _tell(run, [{"id": id, "instruction": text} for id, text in ORDER])
    (run / "samples/step-000300/00.png").unlink()
    assert [sample.id for sample in last_samples(run)[0]] == ["c", "b"]


def test_a_sample_that_nothing_tells_of_has_no_words(tmp_path: Path) -> None:
    run = _run(tmp_path)
    _tell(run, [{"id": "a", "instruction": "warm"}])
    assert [sample.instruction for sample in last_samples(run)[0]] == ["warm", "", ""]
