"""A text-to-image UNet that learns to see a picture: its first layer grows from 4 to 8 inputs.

The new weights are zero and weight **and bias** of the old ones are copied, so that at the start the net answers as it
did before, whatever the picture is (Brooks et al., arXiv 2211.09800, section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from training.export.load import Source
from training.export.skeleton import tag
from training.export.weights import Floats, Weight
from training.libraries import torch
from training.train_errors import TrainError

CONV_IN = "conv_in.weight"


def grow(unet: Any) -> Any:
    """Lets `unet` take the picture's latent behind the noisy one, in place; returns it.

    A UNet that takes both already is left as it is. Raises `TrainError` for one of another kind.
    """
    latent, taken = int(unet.config.out_channels), int(unet.config.in_channels)
    if taken == 2 * latent:
        return unet
    if taken != latent:
        kind = ", as an inpainting model does" if taken == 2 * latent + 1 else ""
        raise TrainError(
            f"The UNet takes {taken} channels{kind}: choose an InstructPix2Pix model or a plain Stable Diffusion 1."
        )
    unet.conv_in = _grown_layer(unet.conv_in)
    unet.register_to_config(in_channels=2 * latent)
    return unet


def grown(source: Source) -> Source:
    """`source` with a UNet that takes both latents; its weights are read as before, when they are needed."""
    before = source.weights["unet"][CONV_IN]
    grow(source.pipeline.unet)
    tag(source.pipeline.unet)
    if before.shape == tuple(source.pipeline.unet.conv_in.weight.shape):
        return source
    return replace(source, weights={**source.weights, "unet": _with_grown(source.weights["unet"], before)})


def _grown_layer(old: Any) -> Any:
    layer = torch.nn.Conv2d(
        2 * old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding,
        device=old.weight.device, dtype=old.weight.dtype,
    )  # fmt: skip
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[:, : old.in_channels] = old.weight
        layer.bias.copy_(old.bias)
    return layer.requires_grad_(old.weight.requires_grad)


def _with_grown(weights: Mapping[str, Weight], old: Weight) -> dict[str, Weight]:
    def read() -> Floats:
        values = old.read()
        return np.concatenate((values, np.zeros_like(values)), axis=1)

    out, taken, *kernel = old.shape
    return {**weights, CONV_IN: Weight((out, 2 * taken, *kernel), old.dtype, read)}
