"""Compares each exported graph with the torch module that it was traced from, at sizes it was not traced at.

torch first and ONNX Runtime afterwards, so that only one of them holds weights. torch's layers get theirs when they are
asked and lose them again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from inference.runtime import give_memory_back
from training.export.agreement import Arrays, Reference, Step
from training.export.components import latent_factor, latent_unit, text_length
from training.export.load import put_own_weights
from training.export.quiet import quiet
from training.export.weights import Weights


def references(
    name: str, module: Any, weights: Weights, pipeline: Any, step: Step, seed: int = 0
) -> tuple[Reference, ...]:
    """What `module` makes of random inputs, at two sizes and batches 1 and 3. step: called often; may raise."""
    feeds = list(random_inputs(name, pipeline, np.random.default_rng(seed)))
    with _weights_on_demand(module, weights, step):
        found = tuple(Reference(entry, _run_torch(name, module, entry)) for entry in feeds)
    give_memory_back()
    return found


def random_inputs(name: str, pipeline: Any, generator: np.random.Generator) -> Iterator[Arrays]:
    """Feeds for the component `name`: a square of batch 1, then a landscape rectangle of batch 3."""
    # The autoencoder, which needs no multiple, is four times as dear for each of its pixels.
    unit = latent_unit(pipeline) // (2 if name.startswith("vae") else 1)
    for batch, height, width in ((1, 3 * unit, 3 * unit), (3, 2 * unit, 5 * unit)):
        yield _feeds(name, pipeline, generator, (batch, height, width))


def _feeds(name: str, pipeline: Any, generator: np.random.Generator, size: tuple[int, int, int]) -> Arrays:
    batch, height, width = size
    latent, factor = int(pipeline.vae.config.latent_channels), latent_factor(pipeline)
    length, vocabulary = text_length(pipeline), int(pipeline.text_encoder.config.vocab_size)

    def normal(*shape: int) -> NDArray[np.float32]:
        return generator.standard_normal(shape, dtype=np.float32)

    if name == "text_encoder":
        return {"input_ids": generator.integers(0, vocabulary, (batch, length))}
    if name == "unet":
        return {
            "sample": normal(batch, int(pipeline.unet.config.in_channels), height, width),
            "timestep": np.array(946.42 if batch == 1 else 0.75, np.float32),  # fractions, as the samplers give them
            "encoder_hidden_states": normal(batch, length, int(pipeline.unet.config.cross_attention_dim)),
        }
    if name == "vae_encoder":
        return {"sample": normal(batch, int(pipeline.vae.config.in_channels), height * factor, width * factor)}
    return {"latent_sample": normal(batch, latent, height, width)}


@contextmanager
def _weights_on_demand(module: Any, weights: Weights, step: Step) -> Generator[None]:
    """Inside, each layer of `module` has its weights while it is computed, and tags before and after."""

    def hooks(prefix: str, inner: Any) -> list[Any]:
        tags = dict(inner._parameters)

        def before(*_: object) -> None:
            step()
            put_own_weights(inner, prefix, weights)

        def after(*_: object) -> None:
            inner._parameters.update(tags)

        return [inner.register_forward_pre_hook(before), inner.register_forward_hook(after)]

    own = [
        (prefix, inner)
        for prefix, inner in module.named_modules()
        if any(p is not None for p in inner._parameters.values())
    ]
    handles = [handle for prefix, inner in own for handle in hooks(prefix, inner)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _run_torch(name: str, module: Any, feeds: Arrays) -> NDArray[np.float32]:
    torch = cast("Any", import_module("torch"))
    tensors = {key: torch.from_numpy(value) for key, value in feeds.items()}
    with torch.no_grad(), quiet():
        result = module(**tensors)
    first = result["latent_parameters"] if name == "vae_encoder" else result[0]
    return cast("NDArray[np.float32]", first.numpy())
