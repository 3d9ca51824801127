"""LoRAs for Stable Diffusion 1 (Hu et al., arXiv 2106.09685), merged into the weights while those are read.

W + weight * alpha / rank * B A, for linear layers and convolutions, in the layouts that `lora_keys` knows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from training.export.errors import ExportSourceError
from training.export.load import Source
from training.export.lora_keys import OTHER_KINDS, Lora, layer_of
from training.export.weights import Floats, Header, Weight, Weights, read_header, safetensors_weights


@dataclass
class _Layer:
    """What a LoRA holds for one layer."""

    down: Weight | None = None
    up: Weight | None = None
    mid: Weight | None = None
    alpha: Weight | None = None


@dataclass(frozen=True)
class _Delta:
    """What is added to one weight: up (mid) down, times `scale`.

    inputs: how many the weight has where the product has fewer; 0 where they have as many.
    """

    down: Weight
    up: Weight
    mid: Weight | None
    scale: float
    inputs: int = 0

    def add_to(self, values: Floats) -> Floats:
        delta = self._product()
        if self.inputs:  # trained on a model that sees no picture
            delta = np.pad(delta, [(0, 0), (0, self.inputs - delta.shape[1]), *[(0, 0)] * (delta.ndim - 2)])
        return np.asarray(values + np.float32(self.scale) * delta.reshape(values.shape), np.float32)

    def _product(self) -> Floats:
        down, up = self.down.read(), self.up.read()
        flat = up.reshape(len(up), -1)
        if self.mid is not None:
            inner = down.reshape(len(down), -1)
            return np.asarray(np.einsum("or,rskl,si->oikl", flat, self.mid.read(), inner, optimize=True), np.float32)
        return (flat @ down.reshape(len(down), -1)).reshape(len(up), *down.shape[1:])


def merged(source: Source, loras: Sequence[Lora]) -> tuple[Source, tuple[str, ...]]:
    """`source` with `loras` in its weights, and what there is to say about that.

    Raises `ExportSourceError` where a file is no LoRA for this model: a key that matches nothing, a shape that does not
    fit.
    """
    notes: list[str] = []
    weights = dict(source.weights)
    for lora in loras:
        deltas = _deltas(lora, weights)
        for part in weights:
            weights[part] = _added(
                weights[part], {name: delta for (where, name), delta in deltas.items() if where == part}
            )
        notes.append(f"{lora.file.name} was merged into {len(deltas)} weights, times {lora.weight:g}.")
        if any(delta.inputs for delta in deltas.values()):
            notes.append(
                f"{lora.file.name} was trained without a picture; what it says of the first layer goes to the noise."
            )
    return replace(source, weights=weights), tuple(notes)


def _added(weights: Weights, deltas: Mapping[str, _Delta]) -> Weights:
    def with_delta(weight: Weight, delta: _Delta) -> Weight:
        return Weight(weight.shape, weight.dtype, lambda: delta.add_to(weight.read()))

    return {name: with_delta(weight, deltas[name]) if name in deltas else weight for name, weight in weights.items()}


def _deltas(lora: Lora, weights: Mapping[str, Weights]) -> dict[tuple[str, str], _Delta]:
    header = read_header(lora.file)
    layers = _layers(lora.file)
    known = {
        (part, name.removesuffix(".weight").replace(".", "_")): name
        for part in ("unet", "text_encoder") for name in weights[part] if name.endswith(".weight")
    }  # fmt: skip
    deltas: dict[tuple[str, str], _Delta] = {}
    for (part, key), layer in layers.items():
        name = known.get((part, key)) or known.get((part, f"text_model_{key}"))
        if name is None:
            raise ExportSourceError(
                f"{lora.file} changes {key} of the {part}, which this model does not have: it was made for another "
                "kind of model."
            )
        deltas[part, name] = _delta(lora, header, part, name, layer, weights[part][name])
    return deltas


def _layers(file: Path) -> dict[tuple[str, str], _Layer]:
    layers: dict[tuple[str, str], _Layer] = {}
    for name, weight in safetensors_weights(file).items():
        found = layer_of(name)
        if found is None:
            kind = next((text for mark, text in OTHER_KINDS.items() if mark in name), "")
            raise ExportSourceError(
                f"{file} holds {name}, {f'as {kind} does' if kind else 'which no LoRA has'}: only LoRAs of linear "
                "layers and convolutions can be merged."
            )
        part, key, role = found
        setattr(layers.setdefault((part, key), _Layer()), role, weight)
    if not layers:
        raise ExportSourceError(f"{file} is empty: fetch the LoRA again.")
    return layers


def _delta(lora: Lora, header: Header, part: str, name: str, layer: _Layer, weight: Weight) -> _Delta:
    if layer.down is None or layer.up is None:
        raise ExportSourceError(f"{lora.file} has only half of what it changes {name} by: fetch it again.")
    if not _ranks_agree(layer.down, layer.up, layer.mid):
        raise ExportSourceError(f"{lora.file} changes {name} by parts that do not fit each other: fetch it again.")
    rank = layer.down.shape[0] if layer.mid is None else layer.mid.shape[0]
    shape, inputs = _shape(layer.down, layer.up, layer.mid), 0
    fits = list(shape)
    if name == "conv_in.weight" and 2 * math.prod(shape[1:2]) == weight.shape[1]:
        inputs = fits[1] = weight.shape[1]
    if math.prod(fits) != math.prod(weight.shape) or fits[0] != weight.shape[0]:
        raise ExportSourceError(
            f"{lora.file} changes {name} by {' x '.join(map(str, shape))} where the model has "
            f"{' x '.join(map(str, weight.shape))}: it was made for another kind of model."
        )
    alpha = float(layer.alpha.read().reshape(-1)[0]) if layer.alpha is not None else _noted_alpha(header, part, rank)
    if not math.isfinite(alpha):
        raise ExportSourceError(f"{lora.file} says no number for the strength of {name}: fetch it again.")
    return _Delta(layer.down, layer.up, layer.mid, lora.weight * alpha / rank, inputs)


def _shape(down: Weight, up: Weight, mid: Weight | None) -> tuple[int, ...]:
    """Of the product of a layer's parts, for a weight (out, in, ...)."""
    inner = down.shape[1:] if mid is None else (*down.shape[1:2], *mid.shape[2:])
    return (up.shape[0], *inner)


def _ranks_agree(down: Weight, up: Weight, mid: Weight | None) -> bool:
    if min(len(up.shape), len(down.shape)) < 2 or math.prod(up.shape[2:]) != 1:
        return False
    if mid is None:
        return up.shape[1] == down.shape[0] > 0
    square = len(mid.shape) == 4 and math.prod(down.shape[2:]) == 1
    return square and mid.shape[:2] == (up.shape[1], down.shape[0]) and mid.shape[0] > 0


def _noted_alpha(header: Header, part: str, rank: int) -> float:
    """peft keeps its alpha in the file's notes, where newer versions of diffusers write it; else it is the rank."""
    try:
        noted = cast("dict[str, object]", json.loads(header.metadata.get("lora_adapter_metadata", "{}")))
        alpha, of = noted.get(f"{part}.lora_alpha"), noted.get(f"{part}.r")
    except (ValueError, AttributeError):
        return float(rank)
    return (
        float(alpha) * rank / float(of)
        if isinstance(alpha, int | float) and isinstance(of, int | float) and of
        else float(rank)
    )
