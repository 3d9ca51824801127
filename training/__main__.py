"""`python -m training COMMAND ...`: what the program starts to train, judge and export models.

Only the chosen command is imported. What needs PyTorch says in one sentence how to install it where it is missing.
"""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "starter": ("training.starter.stages", "train the bundled model"),
    "judge": ("training.starter.judge", "judge the bundled model kind by kind, on photos and scenes"),
    "pairs": ("training.pairs.command", "list, add, edit, remove and export pairs to train on"),
    "recipes": ("training.recipes.command", "show the recipes of training"),
    "plan": ("training.planning", "say what a training will take: time, disk, memory"),
    "train": ("training.train_command", "train a model on pairs, or go on with a training"),
    "package": ("training.packaging", "make a model package of a training"),
    "report": ("training.report_command", "compare a training's model with the one that it came from"),
    "evaluate": ("training.evaluate_command", "judge a model on pairs"),
    "export": ("training.export.command", "turn a diffusers folder into a model package"),
    "import": ("training.importing", "make a model package of any source of weights"),
    "look": ("training.looking", "say what a file or folder is"),
    "fetch": ("training.fetch", "fetch a model's files from the network, once you say yes"),
}
"""Command: the module whose `main(arguments) -> exit code` carries it out, and a line of help."""

NEEDS_TRAIN = "This needs the training packages: install them with  pip install 'palimpsest[train]'"


def main(arguments: list[str]) -> int:
    """Exit codes: 0 done, 2 usage, 4 the training packages are missing."""
    if not arguments or arguments[0] not in COMMANDS:
        if arguments and not arguments[0].startswith("-"):
            print(f"This version cannot {arguments[0]}: these commands are there.", file=sys.stderr)
        print("usage: python -m training COMMAND ...", file=sys.stderr)
        print(*(f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items()), sep="\n", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        module = importlib.import_module(COMMANDS[arguments[0]][0])
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"editor", "inference", "training"}:
            raise
        print(NEEDS_TRAIN, file=sys.stderr)
        return 4
    return module.main(arguments[1:])


def _interrupted() -> int:
    print("It was interrupted before it began.", file=sys.stderr)
    return 130


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while the libraries were read; later on every command answers it
        code = _interrupted()
    raise SystemExit(code)
