"""What an import is doing, in words for the user."""

from __future__ import annotations

PARTS: dict[str, str] = {
    "text_encoder": "the part that reads the instruction",
    "unet": "the part that edits",
    "vae_encoder": "the part that looks at the picture",
    "vae_decoder": "the part that paints the picture",
}
WORK: dict[str, str] = {"weights": "Storing", "fused": "Speeding up", "parity": "Comparing"}
STAGES: dict[str, str] = {
    "look": "Looking at the model",
    "load": "Reading the weights",
    "merge": "Merging the LoRA",
    "lora": "Merging the LoRA",
    "settings": "Writing the settings",
    "manifest": "Writing down what is in the model",
    "checking": "Checking every file",
    "copying": "Copying the model",
    "ready": "Getting it ready for this computer",
    "done": "Done",
}


def in_words(stage: str) -> str:
    """ "Converting the part that edits"; a stage that is not known stands for itself."""
    if stage.startswith("fetch "):
        return f"Fetching {stage.removeprefix('fetch ')}"
    part, _, rest = stage.partition(" ")
    if part in PARTS:
        return f"{WORK.get(rest, 'Converting')} {PARTS[part]}"
    return STAGES.get(stage, stage)
