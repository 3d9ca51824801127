"""`python -m training recipes`: the recipes there are, and which one suits a model on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from training.base_facts import find_base
from training.recipes import RECIPES
from training.recipes.default import default_recipe
from training.train_errors import TrainError


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 done, 2 usage, 4 the model."""
    parser = argparse.ArgumentParser(prog="python -m training recipes", description="The recipes there are.")
    parser.add_argument("--model", default="", metavar="NAME|DIR", help="the model to start from")
    parser.add_argument("--json", action="store_true", help="print one JSON object with all values")
    arguments = parser.parse_args(argv)
    try:
        default = default_recipe(find_base(arguments.model)).name
    except TrainError as error:
        print(error, file=sys.stderr)
        return error.code
    if arguments.json:
        print(json.dumps({"recipes": [asdict(recipe) for recipe in RECIPES.values()], "default": default}))
        return 0
    for recipe in RECIPES.values():
        print(f"{recipe.name:<8} {recipe.about}{' (suits this model here)' if recipe.name == default else ''}")
    return 0
