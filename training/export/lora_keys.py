"""What the tensors of a LoRA are called, and what a file of them says of itself; nothing here reads a tensor.

The layouts of kohya (`lora_unet_...lora_down`, https://github.com/kohya-ss/sd-scripts) and of diffusers and peft
(`unet....lora_A`, `processor.to_q_lora.down`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.export.errors import ExportSourceError
from training.export.weights import Header

_PARTS: Mapping[str, str] = {
    "unet": "unet",
    "te": "text_encoder",
    "te1": "text_encoder",
    "text_encoder": "text_encoder",
}
_KOHYA = re.compile(r"lora_(unet|te1?)_(.+)\.(lora_down\.weight|lora_up\.weight|lora_mid\.weight|alpha)")
_PEFT = re.compile(
    r"(?:base_model\.model\.)?(?:(unet|text_encoder)\.)?(.+?)"
    r"(?:\.(lora_[AB])(?:\.default)?\.weight|[._]lora(?:_linear_layer)?\.(down|up)\.weight|\.(alpha))"
)
_ROLES: Mapping[str, str] = {
    "lora_down.weight": "down", "lora_up.weight": "up", "lora_mid.weight": "mid",
    "lora_A": "down", "lora_B": "up", "down": "down", "up": "up", "alpha": "alpha",
}  # fmt: skip
OTHER_KINDS: Mapping[str, str] = {
    "hada_w1_a": "a LoHa",
    "lokr_w1": "a LoKr",
    "dora_scale": "a DoRA",
    "oft_blocks": "an OFT",
}


@dataclass(frozen=True)
class Lora:
    """A file to merge. weight: how strongly, 1 as it was trained."""

    file: Path
    weight: float = 1.0


def parse_lora(text: str) -> Lora:
    """FILE or FILE:WEIGHT. Raises `ExportSourceError` where the weight is no number."""
    name, colon, weight = text.rpartition(":")
    if not colon or Path(text).is_file():
        return Lora(Path(text))
    try:
        strength = float(weight)
    except ValueError:
        return Lora(Path(text))  # a drive's letter, or a name with a colon
    if not math.isfinite(strength):
        raise ExportSourceError(f"The weight of {name} has to be a number such as 0.8, not {weight}.")
    return Lora(Path(name), strength)


def is_lora(names: Iterable[str]) -> bool:
    """True for the names of a LoRA's tensors."""
    return any(layer_of(name) is not None for name in names)


def is_few_steps(file: Path, header: Header) -> bool:
    """True where a LoRA says, in its name or its notes, that it is a latent consistency model's (arXiv 2311.05556).

    Its tensors look like those of any other.
    """
    notes = [header.metadata.get(key, "") for key in ("modelspec.title", "ss_output_name", "modelspec.description")]
    return any(
        re.search(r"(?<![a-z])lcm(?![a-z])|latent.consistency", text, re.IGNORECASE) for text in (file.stem, *notes)
    )


def layer_of(name: str) -> tuple[str, str, str] | None:
    """Component, layer and role of a LoRA's tensor; None for another name."""
    if found := _KOHYA.fullmatch(name):
        return _PARTS[found[1]], found[2], _ROLES[found[3]]
    if found := _PEFT.fullmatch(name):
        layer = found[2].replace(".processor.", ".")
        part = found[1] or ("text_encoder" if layer.startswith("text_model.") else "unet")
        layer = re.sub(r"\.to_out$", ".to_out.0", layer)
        return _PARTS[part], layer.replace(".", "_"), _ROLES[found[3] or found[4] or found[5]]
    return None
