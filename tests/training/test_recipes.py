"""Recipes: every file is listed, every value makes sense, and a wrong one is told in a sentence."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from inference.device_memory import DeviceMemory
from training.base_facts import BaseFacts, find_base
from training.recipe import TrainingRecipe
from training.recipe_values import recipe_file, recipe_hash, recipe_of, with_settings
from training.recipes import RECIPES, command, default
from training.train_errors import TrainUsageError

NOT_RECIPES = {"__init__.py", "default.py", "command.py"}


def test_every_recipe_is_listed() -> None:
    files = {path.name for path in Path(command.__file__).parent.glob("*.py")} - NOT_RECIPES
    assert len(files) == len(RECIPES) and list(RECIPES) == ["starter", "8gb", "12gb", "24gb"]


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_pass_their_own_checks_and_say_what_they_are_for(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe_of(asdict(recipe)) == recipe and recipe.name == name
    assert recipe.about.endswith(".") and len(recipe.about) > 30


def test_defaults_are_those_of_the_method() -> None:
    recipe = TrainingRecipe("", "")
    assert (recipe.lr, recipe.warmup, recipe.dropout, recipe.replay, recipe.min_snr) == (1e-4, 0.05, 0.05, 0.2, 5.0)
    assert recipe.clip == 1.0 and 1e-5 <= RECIPES["24gb"].lr <= 5e-5


@pytest.mark.parametrize(
    ("pairs", "batch", "accumulation", "ranks", "steps"),
    [(40, 8, 1, 1, 300), (100, 4, 1, 1, 1500), (100, 4, 2, 2, 375), (1, 1, 1, 1, 300), (10_000, 1, 1, 1, 3000)],
)
def test_steps_follow_the_pairs(pairs: int, batch: int, accumulation: int, ranks: int, steps: int) -> None:
    recipe = TrainingRecipe("", "", batch=batch, accumulation=accumulation)
    assert recipe.steps_for(pairs, ranks) == steps and replace(recipe, steps=7).steps_for(pairs) == 7


def test_settings_are_read_as_what_they_are() -> None:
    settings = ["lr=5e-5", "batch=2", "train_text=yes", "method=full", "flip=0", "steps=1e3", "min_snr = 3"]
    recipe = with_settings(RECIPES["8gb"], settings)
    assert (recipe.lr, recipe.batch, recipe.train_text, recipe.method) == (5e-5, 2, True, "full")
    assert recipe.flip == 0.0 and recipe.steps == 1000 and isinstance(recipe.steps, int) and recipe.min_snr == 3


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("speed=9", "no setting 'speed'"), ("lr", "key=value"), ("lr=fast", "a number from"), ("lr=0", "a number from"),
        ("batch=0", "from 1 to"), ("batch=2.5", "whole number"), ("dropout=0.5", "from 0 to 0.33"),
        ("seed=-1", "from 0"),
        ("train_text=perhaps", "true or false"), ("method=dreambooth", "lora, full"), ("lr=nan", "a number"),
        ("precision=int8", "fp32, bf16, fp16"), ("held_out=1", "from 0 to 0.9"), ("lr=inf", "a number"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told(setting: str, why: str) -> None:
    with pytest.raises(TrainUsageError) as caught:
        with_settings(RECIPES["8gb"], [setting])
    assert why in str(caught.value) and "\n" not in str(caught.value)


def test_every_number_of_a_recipe_has_a_range() -> None:
    for field in fields(TrainingRecipe):
        if type(field.default) in (int, float):
            with pytest.raises(TrainUsageError, match="from"):
                with_settings(RECIPES["8gb"], [f"{field.name}=-1"])


def test_a_file_of_values_is_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"rank": 8, "lr": 2e-4, "about": "Mine."}))
    assert recipe_file(file) == TrainingRecipe("mine", "Mine.", rank=8, lr=2e-4)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"speed": 1}', '{"lr": "fast"}', '{"batch": true}', '{"train_text": 1}', "3"]
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(TrainUsageError):
        recipe_file(file)
    with pytest.raises(TrainUsageError, match="cannot be read"):
        recipe_file(tmp_path / "none.json")


def test_the_hash_is_of_what_decides_a_result() -> None:
    recipe = RECIPES["8gb"]
    assert recipe_hash(recipe) == recipe_hash(replace(recipe, name="x", about="y"))
    assert (
        len({recipe_hash(replace(recipe, **change)) for change in ({}, {"lr": 1e-3}, {"seed": 1}, {"flip": 0.0})}) == 4
    )


def _facts(parameters: int) -> BaseFacts:
    return replace(find_base("starter"), parameters=parameters)


@pytest.mark.parametrize(("gigabytes", "name"), [(0, "8gb"), (8, "8gb"), (12, "12gb"), (16, "24gb"), (80, "24gb")])
def test_the_recipe_for_a_model_follows_the_card(monkeypatch: pytest.MonkeyPatch, gigabytes: int, name: str) -> None:
    card = DeviceMemory(0, int(gigabytes * 1.02e9)) if gigabytes else None
    monkeypatch.setattr(default, "cuda_memory", lambda: card)
    assert default.default_recipe(_facts(860_000_000)).name == name
    assert default.default_recipe(_facts(10_000_000)).name == "starter"


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--json", "--model", "starter"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed["recipes"]] == list(RECIPES) and listed["default"] == "starter"
    assert command.main(["--model", "starter"]) == 0
    assert "suits this model" in capsys.readouterr().out.splitlines()[0]
    assert command.main(["--model", "none such"]) == 4
    assert capsys.readouterr().err.count("\n") == 1
