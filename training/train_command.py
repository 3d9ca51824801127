"""`python -m training train [RUN] ...`: teaches a model what the pairs of a store show.

With --events every line of the output is one event as JSON:
    stage         stage (loading, caching, probing, training, sampling, saving), fraction in [0, 1]
    step          step, steps, loss, lr, seconds_per_step, seconds_left, memory_bytes
    samples       step, images: id, path, source, target, instruction of each
    checkpoint    step, path
    note          text, a sentence
    paused, resumed, stopped    step
    done          run, step, seconds
and lines on the input steer it: pause, resume, stop; the end of the input stops it too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inference.manifest import is_safe_name, safe_name
from training.base_facts import find_base
from training.command_line import count
from training.export.errors import ExportTargetError
from training.export.files import check_writable
from training.pairs.pair import PairError
from training.places import pairs_folder, runs_folder
from training.recipe import TrainingRecipe
from training.recipe_values import recipe_file, recipe_hash, with_settings
from training.recipes import RECIPES
from training.recipes.default import default_recipe
from training.runs import Run
from training.train_errors import TrainError, TrainInputError, TrainTargetError, TrainUsageError

INTERRUPTED = 130
QUIET = {"HF_HUB_OFFLINE": "1", "DIFFUSERS_VERBOSITY": "error", "TRANSFORMERS_VERBOSITY": "error"}
"""For the libraries: nothing is asked of the network, and no warnings are shown to a user who cannot heed them."""
NEEDS_TRAIN = "Training needs {}, which is not installed: pip install 'palimpsest[train]'"


@dataclass(frozen=True)
class Wishes:
    """What was asked for. store: of pairs; taken: files and folders of pairs to take in place of it. recipe: None for
    that of the run that is gone on with.
    """

    run: Run
    name: str
    model: str
    store: Path | None
    taken: tuple[Path, ...]
    recipe: TrainingRecipe | None
    resume: bool
    device: str
    events: bool


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 done or stopped, 2 usage, 3 pairs unreadable, 4 model or memory, 5 not writable, 130 cancelled."""
    arguments = parser().parse_args(argv)
    try:
        wishes = wishes_of(arguments)
        os.environ.update(QUIET)
        from training.train_work import work

        return work(wishes)
    except TrainError as error:
        return failed(str(error), error.code)
    except PairError as error:
        return failed(str(error), TrainInputError.code)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"editor", "inference", "training"}:
            raise
        return failed(NEEDS_TRAIN.format(error.name), TrainError.code)
    except KeyboardInterrupt:
        return failed("The training was interrupted before its first step.", INTERRUPTED)


def failed(sentence: str, code: int) -> int:
    """One of several ranks says what went wrong."""
    if os.environ.get("RANK", "0") == "0":
        print(sentence, file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """The options of `train`."""
    made = argparse.ArgumentParser(prog="palimpsest train", description="Teach a model what pairs show.")
    made.add_argument("run", nargs="?", type=Path, metavar="RUN", help="its folder (default: a new one among yours)")
    made.add_argument("--pairs", type=Path, action="append", default=[], metavar="PATH", help="pairs from elsewhere")
    made.add_argument("--name", default="", help="what the training, and the model, is called")
    made.add_argument("--steps", type=count, metavar="N", help="how many steps (default: by the number of pairs)")
    made.add_argument("--resume", action="store_true", help="go on with the training in RUN")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--events", action="store_true", help="print progress as JSON; the input steers")
    add_choices(made)
    return made


def add_choices(made: argparse.ArgumentParser) -> None:
    """The options that decide what is learnt, which `plan` has as well."""
    made.add_argument("--model", default="", metavar="NAME|DIR", help="the model to start from")
    made.add_argument("--store", type=Path, metavar="DIR", help="the store of pairs (default: the user's)")
    made.add_argument("--recipe", default="", metavar="NAME|FILE", help=f"{', '.join(RECIPES)}, or a JSON file")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting of the recipe")


def recipe_asked(arguments: argparse.Namespace) -> TrainingRecipe:
    """The recipe with its settings, once it is known that they make sense. Raises `TrainError`."""
    asked: str = arguments.recipe
    if not asked:
        recipe = default_recipe(find_base(arguments.model))
    elif asked in RECIPES:
        recipe = RECIPES[asked]
    elif asked.endswith(".json") or Path(asked).is_file():
        recipe = recipe_file(Path(asked))
    else:
        raise TrainUsageError(f"There is no recipe {asked!r}: choose one of {', '.join(RECIPES)}, or name a JSON file.")
    return with_settings(recipe, arguments.set)


def wishes_of(arguments: argparse.Namespace) -> Wishes:
    """What to do, once all that can be known to go wrong without PyTorch has been looked at. Raises `TrainError`."""
    if arguments.steps is not None:
        arguments.set = [*arguments.set, f"steps={arguments.steps}"]
    run, name = _run(arguments)
    recipe = None
    if arguments.resume:
        recipe = _same_recipe(run, arguments)
    else:
        if run.exists:
            raise TrainUsageError(
                f"{run.folder} holds a training already: go on with --resume, or name another folder."
            )
        _check_folder(run.folder)
        recipe = recipe_asked(arguments)
        find_base(arguments.model)
    return Wishes(
        run=run,
        name=name,
        model=arguments.model,
        store=None if arguments.pairs else (arguments.store or pairs_folder()),
        taken=tuple(arguments.pairs),
        recipe=recipe,
        resume=arguments.resume,
        device=arguments.device,
        events=arguments.events,
    )


def _check_folder(folder: Path) -> None:
    """Raises `TrainError` where no training can be put."""
    if folder.exists() and not folder.is_dir():
        raise TrainUsageError(f"{folder} is a file: name another folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise TrainUsageError(f"{folder} exists and is not empty: name another folder.")
    try:
        check_writable(next(each for each in (folder, *folder.parents) if each.exists()))
    except ExportTargetError as error:
        raise TrainTargetError(str(error)) from error


def _run(arguments: argparse.Namespace) -> tuple[Run, str]:
    if arguments.name and not is_safe_name(arguments.name):
        raise TrainUsageError(
            f"A model cannot be named {arguments.name!r}: use letters, digits, dots, dashes and underscores."
        )
    asked: Path | None = arguments.run
    if asked is None and arguments.resume and not arguments.name:
        raise TrainUsageError("Name the folder of the training that shall go on.")
    folder = asked or runs_folder() / (arguments.name or _new_name(arguments))
    name = arguments.name or safe_name(folder.absolute().name)
    run = Run(folder.absolute())
    if arguments.resume and not run.exists:
        raise TrainUsageError(f"There is no training in {folder} to go on with.")
    return run, name


def _new_name(arguments: argparse.Namespace) -> str:
    return f"{safe_name(find_base(arguments.model).name)[:40]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def _same_recipe(run: Run, arguments: argparse.Namespace) -> None:
    """A training goes on as it began. Raises `TrainUsageError` where something else is asked for."""
    sheet = run.sheet()
    if arguments.pairs:
        raise TrainUsageError("A training goes on with the pairs that it began with: leave out --pairs.")
    if arguments.store is not None and arguments.store.absolute() != Path(sheet.store):
        raise TrainUsageError(f"This training began with the pairs in {sheet.store}: leave out --store.")
    if arguments.model and find_base(arguments.model).path.absolute() != Path(sheet.base_path):
        raise TrainUsageError(f"This training began from {sheet.base_name}: leave out --model, or start a new one.")
    asked = sheet.recipe
    if arguments.recipe:
        asked = recipe_asked(arguments)
    elif arguments.set:
        asked = with_settings(sheet.recipe, arguments.set)
    if recipe_hash(asked) == recipe_hash(sheet.recipe):
        return
    if not arguments.recipe:
        began = {setting.partition("=")[0].strip() for setting in arguments.set}
        values = ", ".join(f"{key}={getattr(sheet.recipe, key)}" for key in sorted(began))
        raise TrainUsageError(f"This training began with {values} and goes on so: leave that out, or start a new one.")
    raise TrainUsageError(
        f"This training began with another recipe than {asked.name} as it is now: leave out --recipe, or start a new "
        "one."
    )
