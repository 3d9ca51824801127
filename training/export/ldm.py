"""Stable Diffusion's own names for weights, as diffusers names them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from training.export.weights import Weight, reshaped

_TAG = 1 / 2**20


def diffusers_names(part: str, weights: Mapping[str, Weight], config: Mapping[str, Any]) -> dict[str, Weight]:
    """The weights of one component ("unet", "vae", "text_encoder") out of a single file, by diffusers' names.

    Where the file also holds averaged weights of the UNet, those are taken: the released code edits with them.
    diffusers' own conversion does the renaming; it gets tags in place of weights.
    """
    torch = cast("Any", import_module("torch"))
    names = list(weights)
    tags = {
        name: torch.full((1,) * len(weights[name].shape), (index + 1) * _TAG).expand(weights[name].shape)
        for index, name in enumerate(names)
    }
    found: dict[str, Weight] = {}
    for name, tagged in _converted(part, tags, dict(config)).items():
        if tagged is not None and tagged.numel():
            weight = weights[names[round(float(tagged.flatten()[0]) / _TAG) - 1]]
            found[name] = reshaped(weight, tuple(tagged.shape))
    return found


def _converted(part: str, tags: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    library = cast("Any", import_module("diffusers.loaders.single_file_utils"))
    if part == "unet":
        return library.convert_ldm_unet_checkpoint(tags, config, extract_ema=True)
    if part == "vae":
        return library.convert_ldm_vae_checkpoint(tags, config)
    return library.convert_ldm_clip_checkpoint(tags)
