"""What was learned, put into the weights of the model that it was learned on, while those are read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from training.bases import Base
from training.export.errors import ExportError
from training.export.files import staged
from training.export.load import Source
from training.export.single_file import MODEL_INDEX
from training.export.storing import halved
from training.export.weights import Floats, Weight, Weights, safetensors_weights
from training.lora_training import DOWN, UP
from training.train_errors import TrainError

if TYPE_CHECKING:
    from torch import Tensor

AVERAGE = "ema."
"""What the names of averaged weights begin with in a checkpoint."""
_FILES = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}


def averaged(file: Path) -> Weights:
    """The averaged weights in a checkpoint's `file`, by the names of the parameters. Raises `TrainError`."""
    try:
        found = safetensors_weights(file)
    except ExportError as error:
        raise TrainError(str(error)) from error
    named = {name.removeprefix(AVERAGE): weight for name, weight in found.items() if name.startswith(AVERAGE)}
    if not named:
        raise TrainError(f"{file} holds no averaged weights: choose another checkpoint.")
    return named


def as_weights(tensors: Mapping[str, Tensor]) -> Weights:
    """Torch's tensors, by the same names."""

    def weight(tensor: Any) -> Weight:
        return Weight(tuple(tensor.shape), "F32", lambda: tensor.detach().float().cpu().numpy().copy())

    return {name: weight(tensor) for name, tensor in tensors.items()}


def merged(source: Source, trained: Weights) -> Source:
    """`source` with `trained` in its weights. Raises `TrainError`, see `merged_weights`."""
    return replace(source, weights=merged_weights(source.weights, trained))


def rounded(source: Source) -> Source:
    """`source` with its weights as a package keeps them: float16 where that holds them (see `storing.halved`)."""

    def weight(weight: Weight) -> Weight:
        return replace(weight, read=lambda: halved(weight.read()).astype(np.float32))

    weights = {part: {name: weight(own) for name, own in table.items()} for part, table in source.weights.items()}
    return replace(source, weights=weights)


def merged_weights(weights: Mapping[str, Weights], trained: Weights) -> dict[str, Weights]:
    """The weights of each part with what was learned: W + B A where that is a LoRA, and else in place of W.

    trained: by the names of `model.Trained`. Raises `TrainError` where one belongs to no weight, or has another shape.
    """
    found = {part: dict(own) for part, own in weights.items()}
    for name in trained:
        part, _, inner = name.partition(".")
        layer = next((f"{inner.removesuffix(end)}.weight" for end in (DOWN, UP) if inner.endswith(end)), inner)
        old = weights.get(part, {}).get(layer)
        new = None if old is None else _learned(old, name, trained)
        if new is None:
            raise TrainError(f"What was learned does not fit the model, which has no such {name}: choose its own base.")
        found[part][layer] = new
    return dict(found)


def _learned(old: Weight, name: str, trained: Weights) -> Weight | None:
    """What becomes of the weight `old` by the tensor of that name; None where that does not fit it."""
    if not name.endswith((DOWN, UP)):
        return trained[name] if trained[name].shape == old.shape else None
    layer = name.removesuffix(DOWN).removesuffix(UP)
    down, up = trained.get(f"{layer}{DOWN}"), trained.get(f"{layer}{UP}")
    if down is None or up is None or (*up.shape[:1], *down.shape[1:]) != old.shape or up.shape[1] != down.shape[0]:
        return None

    def read() -> Floats:
        first, second = (side.read().reshape(side.shape[0], -1) for side in (up, down))
        return np.asarray(old.read() + (first @ second).reshape(old.shape), np.float32)

    return Weight(old.shape, "F32", read)


def write_merged(base: Base, trained: Weights | Mapping[str, Tensor], target: Path) -> None:
    """Writes `base` with what was learned as a diffusers folder, float32, whole or not at all.

    trained: tensors, or weights that are read when they are needed, by the names of `model.Trained`.
    Raises `TrainError` where they do not fit, `ExportTargetError` where the disk refuses.
    """
    given = {name: value for name, value in trained.items() if isinstance(value, Weight)}
    tensors = {name: cast("Tensor", value) for name, value in trained.items() if name not in given}
    weights = merged_weights(base.weights, {**given, **as_weights(tensors)})
    with staged(target) as stage:
        base.unet.save_config(str(stage / "unet"))
        base.vae.save_config(str(stage / "vae"))
        base.text_encoder.config.save_pretrained(str(stage / "text_encoder"))
        base.tokenizer.save_pretrained(str(stage / "tokenizer"))
        base.scheduler.save_pretrained(str(stage / "scheduler"))
        index = {
            **MODEL_INDEX,
            "_diffusers_version": cast("Any", import_module("diffusers")).__version__,
            "scheduler": ["diffusers", type(base.scheduler).__name__],
        }
        (stage / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        for part, file in _FILES.items():
            write_safetensors(stage / file, weights[part])


def write_safetensors(file: Path, weights: Weights) -> None:
    """Writes `weights` as float32, one at a time (https://github.com/huggingface/safetensors#format)."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in weights.items():
        begin, end = end, end + 4 * math.prod(weight.shape)
        header[name] = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    with file.open("xb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for weight in weights.values():
            stream.write(np.ascontiguousarray(weight.read(), "<f4").data)
