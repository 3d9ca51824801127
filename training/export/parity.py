"""Compares each exported graph with the torch module that it was traced from, at sizes it was not traced at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from inference.runtime import runtime
from training.export.components import latent_factor, latent_unit, text_length
from training.export.errors import ExportError
from training.export.quiet import quiet

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Parity:
    """How far a component's graph is from torch: the largest absolute difference over all `sizes`, and the same as a
    share of the reference's largest magnitude.
    """

    component: str
    max_abs: float
    relative: float
    sizes: tuple[tuple[int, ...], ...]


def compare(name: str, file: Path, module: Any, pipeline: Any, seed: int = 0) -> Parity:
    """Runs the graph in `file` and `module` on the same random inputs, at two sizes and batches 1 and 3."""
    session = _session(file)
    absolute = relative = 0.0
    sizes: list[tuple[int, ...]] = []
    for feeds in random_inputs(name, pipeline, np.random.default_rng(seed)):
        reference = _run_torch(name, module, feeds)
        found = cast("NDArray[np.float32]", session.run([session.get_outputs()[0].name], feeds)[0])
        if found.shape != reference.shape:
            raise ExportError(f"The exported {name} gives {found.shape} where torch gives {reference.shape}.")
        difference = float(np.abs(found - reference).max())
        absolute = max(absolute, difference)
        relative = max(relative, difference / max(float(np.abs(reference).max()), 1e-12))
        sizes.append(next(iter(feeds.values())).shape)
    return Parity(name, absolute, relative, tuple(sizes))


def require(parity: Parity, limit: float) -> None:
    """Raises `ExportError` when a graph is further than `limit` (relative) from its torch module."""
    if not parity.relative <= limit:  # also for not-a-number
        raise ExportError(
            f"The exported {parity.component} differs from torch by {parity.relative:.2g} of its range (at most "
            f"{limit:g} is rounding), so nothing was written: try --precision fp32, or report this model's layout."
        )


def random_inputs(name: str, pipeline: Any, generator: np.random.Generator) -> Iterator[Arrays]:
    """Feeds for the component `name`: a square of batch 1, then a landscape rectangle of batch 3."""
    unit = latent_unit(pipeline)
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


def _run_torch(name: str, module: Any, feeds: Arrays) -> NDArray[np.float32]:
    torch = cast("Any", import_module("torch"))
    tensors = {key: torch.from_numpy(value) for key, value in feeds.items()}
    with torch.no_grad(), quiet():
        result = module(**tensors)
    first = result["latent_parameters"] if name == "vae_encoder" else result[0]
    return cast("NDArray[np.float32]", first.numpy())


def _session(file: Path) -> Any:
    module = runtime()
    options = module.SessionOptions()
    options.log_severity_level = 4
    return module.InferenceSession(str(file), sess_options=options, providers=["CPUExecutionProvider"])
