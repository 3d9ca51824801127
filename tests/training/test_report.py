"""The report on a training: base against new, what is said of it, and its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pytest

from inference.errors import Cancelled
from inference.package import ModelPackage
from inference.types import CancelToken
from tests.training.judged import DUOTONE, items, package, run_of, stand_in
from training.comparing import Comparison, compare
from training.general import GENERAL
from training.items import Item, Pictures
from training.metrics import METRICS
from training.metrics.psnr import CEILING
from training.report import MOST_STRIPS, as_json, picture, write
from training.report_command import main
from training.report_tables import report as markdown
from training.verdict import evaluation_verdict, report_verdict

Writer = Callable[..., Path]
KNOWN = ("make it black and white", "invert it", "make it darker")


@pytest.fixture
def base(tmp_path: Path, write_tiny_package: Writer) -> ModelPackage:
    return package(write_tiny_package(tmp_path / "models" / "base"), "base", KNOWN)


@pytest.fixture
def new(tmp_path: Path, write_tiny_package: Writer) -> ModelPackage:
    """It makes pictures darker than the base does."""
    return package(write_tiny_package(tmp_path / "models" / "new"), "new", (DUOTONE, *KNOWN), 0.8)


def quiet(stage: str, fraction: float) -> None:
    """Shows nothing."""


def wanting(model: ModelPackage, item: Item) -> Item:
    """The item with what `model` makes of it as what is wanted."""
    with stand_in(model) as made_by:
        source = item.read().source
        wanted = Pictures(source, made_by.edits(source, item.instruction, (0,))[0])
    return Item(item.id, item.instruction, item.group, lambda: wanted)


def found(
    base: ModelPackage, new: ModelPackage, held_out: tuple[Item, ...], seeds: tuple[int, ...] = (0,)
) -> Comparison:
    return compare(base, new, held_out, (DUOTONE,), stand_in, seeds, quiet)


def test_a_model_that_makes_what_is_wanted_gains_and_one_that_does_not_loses(
    base: ModelPackage, new: ModelPackage
) -> None:
    held_out = tuple(wanting(new, one) for one in items(2))
    made = as_json(base, new, found(base, new, held_out))
    psnr = made["held_out"]["psnr"]
    assert psnr["new"] == CEILING and psnr["base"] < 40
    assert psnr["gain"] == pytest.approx(CEILING - psnr["base"], abs=1e-5) and psnr["count"] == 2
    assert made["verdict"].startswith(f"On 2 held-out pictures the new model is {psnr['gain']:.1f} dB closer to what")
    turned = as_json(new, base, found(new, base, held_out))
    assert turned["held_out"]["psnr"]["gain"] == pytest.approx(-psnr["gain"], abs=1e-5)
    assert "further from what you wanted than the base" in turned["verdict"]


def test_every_metric_is_there_and_gain_is_positive_for_better(base: ModelPackage, new: ModelPackage) -> None:
    made = as_json(base, new, found(base, new, tuple(wanting(new, one) for one in items(1))))
    for metric in METRICS:
        if metric.name in ("preserved", "outside_change"):  # no pair has a mask
            assert metric.name not in made["held_out"]
        else:
            assert made["held_out"][metric.name]["gain"] > 0


def test_the_general_set_is_what_the_base_knew_with_exact_answers(base: ModelPackage, new: ModelPackage) -> None:
    comparison = found(base, new, items(2))
    made = as_json(base, new, comparison)
    assert made["general"]["reference"] == "exact" and comparison.exact
    assert [one["instruction"] for one in made["general"]["items"]] == list(KNOWN)
    values = made["general"]["psnr"]
    assert values["loss"] == pytest.approx(values["base"] - values["new"], abs=2e-6)
    means = [sum(one[who]["psnr"] for one in made["general"]["items"]) / 3 for who in ("base", "new")]
    assert (values["base"], values["new"]) == pytest.approx(means, abs=1e-5)


def test_what_was_learnt_is_no_general_edit(tmp_path: Path, write_tiny_package: Writer) -> None:
    base = package(write_tiny_package(tmp_path / "a"), "base", (DUOTONE, *KNOWN[:1]))
    made = as_json(base, base, found(base, base, items(1)))
    assert [one["instruction"] for one in made["general"]["items"]] == [KNOWN[0]]
    assert made["general"]["psnr"]["loss"] == 0
    assert made["verdict"].endswith("on 1 general edit it lost nothing.")


def test_without_exact_answers_the_bases_edits_stand_for_them(tmp_path: Path, write_tiny_package: Writer) -> None:
    base = package(write_tiny_package(tmp_path / "a"), "base")
    comparison = found(base, base, items(1))
    made = as_json(base, base, comparison)
    assert made["general"]["reference"] == "base" and not comparison.exact
    assert [one["instruction"] for one in made["general"]["items"]] == list(GENERAL)
    assert made["general"]["psnr"] == {"base": None, "new": CEILING, "loss": None, "count": len(GENERAL)}
    assert all(one["base"] is None for one in made["general"]["items"])
    assert "its results lie 60.0 dB from the base's." in made["verdict"]
    assert "what the base makes" in markdown(made)
    assert picture("General", comparison.general, ("base", "new"))[:4] == b"\x89PNG"


def test_without_held_out_pairs_the_report_says_so(base: ModelPackage, new: ModelPackage) -> None:
    made = as_json(base, new, found(base, new, ()))
    assert made["verdict"] == "No pair was held out, so nobody knows what was learnt; no general edits were tried."
    assert made["held_out"]["items"] == made["general"]["items"] == []
    assert markdown(made)


def test_the_report_is_versioned_json_small_and_names_its_protocol(base: ModelPackage, new: ModelPackage) -> None:
    made = as_json(base, new, found(base, new, items(2), (0, 1)), ["a note"])
    assert json.loads(json.dumps(made)) == made
    assert made["format"] == 1 and made["notes"] == ["a note"]
    assert (made["base"]["name"], made["base"]["sha256"]) == ("base", base.sha256)
    assert (made["new"]["name"], made["new"]["sha256"]) == ("new", new.sha256)
    assert made["protocol"]["seeds"] == [0, 1] and made["protocol"]["versions"]["python"]
    assert [part["count"] for part in made["protocol"]["items"]] == [2, 3]
    assert made["new"]["dials"]["image_scale"] == 0.8
    assert len(json.dumps(made)) < 10_000
    assert made["held_out"]["instructions"][0]["instruction"] == DUOTONE


def test_the_strips_show_the_items_that_gained_least_first(base: ModelPackage, new: ModelPackage) -> None:
    comparison = found(base, new, items(2))
    few = picture("Held out", comparison.held_out, ("base", "new"))
    many = picture("Held out", comparison.held_out * MOST_STRIPS, ("base", "new"))
    heights = [cv2.imdecode(memory(png), cv2.IMREAD_COLOR).shape[0] for png in (few, many)]
    assert heights[1] < heights[0] * MOST_STRIPS
    assert comparison.held_out[0].gain != comparison.held_out[1].gain
    turned = picture("Held out", comparison.held_out[::-1], ("base", "new"))
    assert turned == few


def memory(data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(data, np.uint8)


def test_a_report_is_written_whole_and_an_earlier_one_gives_way(
    base: ModelPackage, new: ModelPackage, tmp_path: Path
) -> None:
    comparison = found(base, new, items(1))
    made = as_json(base, new, comparison)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "old.png").write_text("old")
    write(tmp_path / "report", made, comparison)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.json", "report.md", "held_out.png", "general.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == made
    text = (tmp_path / "report" / "report.md").read_text()
    assert made["verdict"] in text and base.sha256 in text and new.sha256 in text and "held_out.png" in text


def test_the_papers_words() -> None:
    held_out = {"psnr": {"gain": 7.1}, "items": [0] * 4}
    general = {"psnr": {"loss": 0.21, "new": 30.0}, "items": [0] * 24}
    assert report_verdict(held_out, general) == (
        "On 4 held-out pictures the new model is 7.1 dB closer to what you wanted; on 24 general edits it lost 0.2 dB."
    )
    general["psnr"]["loss"] = -0.3
    assert report_verdict(held_out, general).endswith("it gained 0.3 dB.")
    held_out["psnr"]["gain"] = 0.01
    assert "is as close to what you wanted as the base;" in report_verdict(held_out, general)
    assert evaluation_verdict(1, 20, 18.5).startswith("On 1 pair the model's edits are 1.5 dB further")
    assert "as close to what was wanted as the pictures left" in evaluation_verdict(2, 20, 20.01)


# -- the command


def with_package(run: Any, new: ModelPackage) -> None:
    new.folder.rename(run.package)


def test_a_run_is_reported_on(
    base: ModelPackage, new: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run", base, items(2))
    with_package(run, new)
    assert main([str(run.folder), "--events", "--provider", "cpu"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    made = json.loads((run.report / "report.json").read_text())
    assert events[-1] == {"event": "done", "folder": str(run.report), "verdict": made["verdict"]}
    fractions = [event["fraction"] for event in events[:-1]]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert made["notes"] == [] and len(made["held_out"]["items"]) == 2
    assert main([str(run.folder), "--base", str(run.package), "--provider", "cpu"]) == 0
    assert json.loads((run.report / "report.json").read_text())["base"]["name"] == "new"
    assert "# new against new" in capsys.readouterr().out


def test_a_base_that_has_changed_is_said(
    base: ModelPackage, new: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run", new, items(1))
    sheet = json.loads((run.folder / "run.json").read_text())
    sheet["base"] |= {"path": str(base.folder), "name": "base", "sha256": "0" * 64}
    (run.folder / "run.json").write_text(json.dumps(sheet))
    with_package(run, new)
    assert main([str(run.folder), "--json", "--provider", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [
        "The model base has changed since this training began from it."
    ]


def test_what_is_missing_is_one_sentence(
    base: ModelPackage, new: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run", base, items(1))
    assert main([str(tmp_path / "nowhere")]) == 3
    assert main([str(run.folder)]) == 3
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "palimpsest package" in said[1]
    with_package(run, new)
    assert main([str(run.folder), "--base", "nobody"]) == 4
    assert "nobody" in capsys.readouterr().err
    sheet = json.loads((run.folder / "run.json").read_text())
    sheet["base"] |= {"path": str(tmp_path), "name": "a diffusers folder"}
    (run.folder / "run.json").write_text(json.dumps(sheet))
    assert main([str(run.folder)]) == 4
    assert "name one with --base" in capsys.readouterr().err
    assert not run.report.exists()


def test_a_folder_of_somebody_else_never_gives_way(
    base: ModelPackage, new: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run", base, items(1))
    with_package(run, new)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    assert main([str(run.folder), "-o", str(mine), "--provider", "cpu"]) == 5
    assert "exists and is not empty" in capsys.readouterr().err
    assert (mine / "letter.txt").read_text() == "dear"
    for _ in range(2):  # an earlier report may give way
        assert main([str(run.folder), "-o", str(tmp_path / "other"), "--provider", "cpu"]) == 0
    assert f"with its pictures is in {tmp_path / 'other'}" in capsys.readouterr().err


def test_a_cancelled_report_leaves_the_earlier_one(base: ModelPackage, new: ModelPackage, tmp_path: Path) -> None:
    cancel = CancelToken()

    def show(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            cancel.cancel()

    opens = partial(stand_in, cancel=cancel)
    with pytest.raises(Cancelled):
        compare(base, new, items(1), (), opens, (0,), show)
