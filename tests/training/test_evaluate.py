"""Judging a model on pairs: numbers that can be predicted, what is written, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import Cancelled
from inference.package import ModelPackage
from inference.types import CancelToken
from tests.training.judged import DUOTONE, items, package, raw_pair, run_of, stand_in, store_of
from training.curve import IMAGE_SCALES
from training.editing import maker
from training.evaluate import Encoders, Example, evaluate, report
from training.evaluate_command import main
from training.metrics import METRICS, Judged, measure
from training.pairs.pair import Rgb
from training.similarity import unit
from training.starter.photos import PHOTOS

Writer = Callable[..., Path]


@pytest.fixture
def model(tiny_package: Path) -> ModelPackage:
    return package(tiny_package, "tiny")


def quiet(stage: str, fraction: float) -> None:
    """Shows nothing."""


class Colours:
    """Sees a picture's mean colour, and of a sentence how often it has some letters."""

    def pictures(self, pictures: Sequence[Rgb]) -> NDArray[np.float64]:
        return unit(np.array([picture.mean((0, 1)) for picture in pictures], np.float32))

    def words(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return unit(np.array([[text.count(letter) for letter in "aeo"] for text in texts], np.float32))

    def described(self) -> dict[str, object]:
        return {"name": "colours", "kind": "clip", "sha256": "0" * 64, "pictures": "as they are", "device": "cpu"}


def judged(model: ModelPackage, examples: Sequence[Example], encoders: Encoders, seeds: tuple[int, ...] = (0,)) -> dict:
    with stand_in(model) as made_by:
        return report(
            made_by, evaluate(made_by, examples, seeds, encoders, quiet, len(examples)), seeds, encoders, "some pairs"
        )


def test_scores_are_the_means_of_every_metric_for_edits_and_for_the_sources(model: ModelPackage) -> None:
    examples = [Example(one) for one in items(2)]
    made = judged(model, examples, Encoders(), (0, 1))
    with stand_in(model) as made_by:
        each, floor = [], []
        for example in examples:
            pictures = example.item.read()
            edits = made_by.edits(pictures.source, DUOTONE, (0, 1))
            each += [measure(Judged(edit, pictures.target, pictures.source)) for edit in edits]
            floor.append(measure(Judged(pictures.source, pictures.target, pictures.source)))
    for metric in METRICS:
        if metric.name in ("preserved", "outside_change"):
            assert metric.name not in made["scores"]
            continue
        row = made["scores"][metric.name]
        assert row["result"] == pytest.approx(np.mean([scores[metric.name] for scores in each]), abs=1e-6)
        assert row["untouched"] == pytest.approx(np.mean([scores[metric.name] for scores in floor]), abs=1e-6)
        assert row["gain"] == pytest.approx(metric.gain(row["untouched"], row["result"]), abs=2e-6)
        assert row["count"] == 2


def test_edits_are_those_of_the_program(model: ModelPackage) -> None:
    source = items(1)[0].read().source
    with maker(model, CancelToken(), "cpu") as made_by:
        one, other = made_by.edits(source, "make it red", (3, 4))
        alone = made_by.edits(source, "make it red", (4,))
        assert np.array_equal(made_by.edits(source, " ", (0,))[0], source)
    assert one.shape == source.shape and one.dtype == np.uint8
    assert np.array_equal(alone[0], other)


def test_the_protocol_says_how_the_numbers_were_made(model: ModelPackage) -> None:
    made = judged(model, [Example(one) for one in items(1)], Encoders(), (0, 1, 2))
    protocol = made["protocol"]
    assert protocol["seeds"] == [0, 1, 2]
    assert made["model"]["dials"] == {"steps": 2, "text_scale": 1.0, "image_scale": 1.0, "sampler": "euler", "size": 64}
    (listed,) = protocol["items"]
    assert (listed["name"], listed["count"], len(listed["sha256"])) == ("some pairs", 1, 64)
    assert protocol["versions"]["numpy"] == np.__version__
    assert made["model"]["sha256"] == model.sha256
    assert made["magicbrush"] is None and made["curve"] is None and protocol["encoders"] == {}
    assert json.loads(json.dumps(made)) == made


def test_the_papers_curve_and_the_five_columns_come_with_encoders(model: ModelPackage) -> None:
    examples = [Example(one, ("a photo of one", "an ode to gold and oboes")) for one in items(2)]
    made = judged(model, examples, Encoders(Colours(), Colours()))
    assert [point["image_scale"] for point in made["curve"]] == list(IMAGE_SCALES)
    assert set(made["magicbrush"]) == {"l1", "l2", "clip_i", "dino", "clip_t"}
    assert made["notes"] == [] and "caption of what is wanted for 2 pairs" in made["protocol"]["clip_t"]
    colours = Colours()
    words = colours.words(examples[0].captions or ())
    similar, directions, columns = [], [], []
    with stand_in(model) as made_by:
        other = made_by.at(text_scale=7.5, image_scale=1.6)
        for example in examples:
            pictures = example.item.read()
            edit = other.edits(pictures.source, DUOTONE, (0,))[0]
            before, after = colours.pictures([pictures.source, edit])
            move, wish = after - before, words[1] - words[0]
            similar.append(before @ after)
            directions.append(move @ wish / np.linalg.norm(move) / np.linalg.norm(wish))
            result = colours.pictures([made_by.edits(pictures.source, DUOTONE, (0,))[0]])[0]
            columns.append((result @ colours.pictures([pictures.target])[0], result @ words[1]))
    point = made["curve"][3]
    assert point["image_similarity"] == pytest.approx(np.mean(similar), abs=1e-6)
    assert point["direction"] == pytest.approx(np.mean(directions), abs=1e-6)
    clip_i, clip_t = np.mean(columns, axis=0)
    assert made["magicbrush"]["clip_i"]["result"] == pytest.approx(clip_i, abs=1e-6)
    assert made["magicbrush"]["clip_t"]["result"] == pytest.approx(clip_t, abs=1e-6)
    assert made["magicbrush"]["dino"]["result"] == made["magicbrush"]["clip_i"]["result"]


def test_without_captions_a_sentence_says_why_there_is_no_direction(model: ModelPackage) -> None:
    made = judged(model, [Example(items(1)[0])], Encoders(Colours()))
    assert all(point["direction"] is None and point["captioned"] == 0 for point in made["curve"])
    assert made["notes"] == ["No pair has captions of before and after, so there is no direction similarity."]
    assert "against the instruction for 1" in made["protocol"]["clip_t"]
    assert set(made["magicbrush"]) == {"l1", "l2", "clip_i", "clip_t"}


def test_where_some_pairs_have_captions_direction_is_over_those(model: ModelPackage) -> None:
    one, other = items(2)
    made = judged(model, [Example(one, ("a fox", "an ode")), Example(other)], Encoders(Colours()))
    assert made["curve"][0]["captioned"] == 1 and made["curve"][0]["direction"] is not None
    assert made["notes"] == ["1 of 2 pairs have captions: direction similarity is over those."]


def test_preservation_is_told_for_pairs_with_a_mask_alone(model: ModelPackage, tmp_path: Path) -> None:
    mask = np.zeros(raw_pair(PHOTOS[0]).source.shape[:2], np.uint8)
    mask[:, :30] = 255
    store = store_of(tmp_path / "pairs", [raw_pair(PHOTOS[0], mask=mask), raw_pair(PHOTOS[1])])
    made = judged(model, [Example(one) for one in store.items()], Encoders())
    assert made["scores"]["preserved"]["count"] == 1
    assert [item["result"]["preserved"] is None for item in made["items"]] == [False, True]


def test_a_cancelled_evaluation_ends(model: ModelPackage) -> None:
    cancel = CancelToken()
    with stand_in(model, cancel) as made_by, pytest.raises(Cancelled):
        cancel.cancel()
        evaluate(made_by, [Example(items(1)[0])], (0,), Encoders(), quiet, 1)


# -- the command


def test_a_store_is_judged_and_written_whole(
    model: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path / "pairs", [raw_pair(name) for name in PHOTOS[:3]])
    store.edit(store.pairs()[0].id, enabled=False)
    words = [str(model.folder), "--store", str(tmp_path / "pairs"), "-o", str(tmp_path / "out"), "--provider", "cpu"]
    assert main(words) == 0
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"evaluation.json", "evaluation.md", "evaluation.png"}
    made = json.loads((out / "evaluation.json").read_text())
    assert made["protocol"]["items"][0]["count"] == 2
    assert cv2.imread(str(out / "evaluation.png")).shape[1] > 1000
    printed = capsys.readouterr().out
    assert printed == (out / "evaluation.md").read_text()
    assert model.sha256 in printed and made["verdict"] in printed and "PSNR" in printed
    assert main([*words, "--limit", "1"]) == 0  # an earlier evaluation gives way
    assert json.loads((out / "evaluation.json").read_text())["protocol"]["items"][0]["count"] == 1


def test_a_folder_of_something_else_is_left_alone(
    model: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(tmp_path / "pairs", [raw_pair(PHOTOS[0])])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("mine")
    assert main([str(model.folder), "--store", str(tmp_path / "pairs"), "-o", str(tmp_path / "out")]) == 5
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["diary.txt"]


def test_pairs_in_folders_are_judged_with_what_is_left_out_said(
    model: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("before", "after"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
    for name in PHOTOS[:3]:
        raw = raw_pair(name)
        stem = name.split(".")[0]
        after = raw.target if name != PHOTOS[2] else raw.source  # nothing changed
        for part, picture in (("before", raw.source), ("after", after)):
            cv2.imwrite(str(tmp_path / "pairs" / part / f"{stem}.png"), picture[..., ::-1])
        (tmp_path / "pairs" / "before" / f"{stem}.txt").write_text(DUOTONE)
    assert main([str(model.folder), "--pairs", str(tmp_path / "pairs"), "--json", "--provider", "cpu"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["protocol"]["items"][0]["count"] == 2
    assert len(made["notes"]) == 1 and made["notes"][0].startswith("Left out: ")


def test_the_held_out_pairs_of_a_run_are_judged_with_their_captions(
    model: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path / "pairs", [raw_pair(PHOTOS[0], ("a cat", "a plum cat"))])
    run = run_of(tmp_path / "run", model, store.items(), str(tmp_path / "pairs"))
    assert main([str(model.folder), "--run", str(run.folder), "--events", "--provider", "cpu"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0] == {"event": "progress", "stage": "reading the pairs", "fraction": 0.0}
    assert events[-1]["event"] == "done" and events[-1]["report"]["notes"] == []
    (listed,) = events[-1]["report"]["protocol"]["items"]
    assert listed["count"] == 1 and str(run.folder) in listed["name"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no-such-model"], 4, "no-such-model"),
        (["{model}", "--store", "{empty}"], 3, "add pairs first"),
        (["{model}", "--pairs", "{empty}/nothing"], 3, "not there"),
        (["{model}", "--run", "{empty}"], 3, "no training"),
        (["{model}", "--store", "{pairs}", "--clip", "{empty}"], 4, "no weights"),
        (["{model}", "--store", "{pairs}", "--provider", "abacus"], 4, "abacus"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    words: list[str], code: int, said: str, model: ModelPackage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(tmp_path / "pairs", [raw_pair(PHOTOS[0])])
    (tmp_path / "empty").mkdir()
    places = {"model": model.folder, "pairs": tmp_path / "pairs", "empty": tmp_path / "empty"}
    assert main([word.format(**places) for word in words]) == code
    captured = capsys.readouterr()
    assert said in captured.err and len(captured.err.splitlines()) == 1
    assert captured.out == ""


def test_the_end_of_the_input_leaves_nothing_half(model: ModelPackage, tmp_path: Path) -> None:
    store_of(tmp_path / "pairs", [raw_pair(name) for name in PHOTOS[:4]])
    program = "from training.evaluate_command import main; import sys; sys.exit(main(sys.argv[1:]))"
    words = [str(model.folder), "--store", str(tmp_path / "pairs"), "-o", str(tmp_path / "out"), "--events"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words, "--seeds", "500", "--provider", "cpu"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin and process.stdout
    process.stdout.readline()
    process.stdin.close()
    code = process.wait(60)
    assert code == 130 and process.stderr and process.stderr.read() == "It was cancelled; nothing was written.\n"
    process.stdout.close()
    process.stderr.close()
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_control_c_leaves_nothing_half(model: ModelPackage, tmp_path: Path) -> None:
    store_of(tmp_path / "pairs", [raw_pair(name) for name in PHOTOS[:4]])
    program = "from training.evaluate_command import main; import sys; sys.exit(main(sys.argv[1:]))"
    words = [str(model.folder), "--store", str(tmp_path / "pairs"), "-o", str(tmp_path / "out"), "--events"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words, "--seeds", "500", "--provider", "cpu"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said == "It was cancelled; nothing was written.\n"
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_judging_without_encoders_needs_no_torch() -> None:
    program = """
import sys
for name in ("torch", "diffusers", "transformers", "accelerate", "peft", "skimage"):
    sys.modules[name] = None
import training.evaluate_command, training.report_command
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.stderr == ""
