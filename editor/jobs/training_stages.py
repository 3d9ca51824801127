"""What a training is doing, in words for the user."""

from __future__ import annotations

from editor.jobs import stages

STAGES: dict[str, str] = {
    "loading": "Reading the model",
    "caching": "Preparing the pairs",
    "probing": "Trying how much fits into memory",
    "training": "Training",
    "sampling": "Editing the kept pictures, to see how far it is",
    "saving": "Saving",
    "paused": "Paused",
    "resumed": "Training",
    "package": "Making a model of it",
    "merge": "Putting the new weights into the model",
    "report": "Comparing it with the model before",
    "judging": "Editing with both models",
}


def in_words(stage: str) -> str:
    """ "Preparing the pairs", "Editing with both models, edit 2 of 52"; a stage that is not known is looked for among
    those of an import."""
    name, _, rest = stage.partition(": ")
    if name in STAGES:
        return f"{STAGES[name]}, {rest}" if rest else STAGES[name]
    return stages.in_words(stage)
