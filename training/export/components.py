"""The four graphs of a package, traced by optimum's exporter (TorchScript: the graphs that ONNX Runtime can fuse)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from training.export.errors import ExportError
from training.export.graph_file import float_timestep
from training.export.quiet import quiet
from training.export.skeleton import Skeleton, tag, trace_skeleton

OPSET = 17  # DirectML's limit
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "text_encoder": ("input_ids",),
    "unet": ("sample", "timestep", "encoder_hidden_states"),
    "vae_encoder": ("sample",),
    "vae_decoder": ("latent_sample",),
}


def latent_unit(pipeline: Any) -> int:
    """What the height and width of a latent are divisible by, so that the UNet's skips line up."""
    return 2 ** (len(pipeline.unet.config.block_out_channels) - 1)


def latent_factor(pipeline: Any) -> int:
    """Pixels of the image per pixel of the latent."""
    return 2 ** (len(pipeline.vae.config.block_out_channels) - 1)


def text_length(pipeline: Any) -> int:
    """Tokens of an instruction: what the text encoder has positions for, or fewer where its tokenizer says so."""
    return min(int(pipeline.text_encoder.config.max_position_embeddings), int(pipeline.tokenizer.model_max_length))


def traceable(pipeline: Any) -> dict[str, tuple[Any, Any]]:
    """Module and optimum's configuration of each component. Changes the pipeline's configs: save those before."""
    # A small multiple of the unit: the memory of tracing stays small, and at a size that is no multiple the UNet would
    # be traced with its upsampling sizes written in as numbers.
    side = 4 * latent_unit(pipeline)
    with quiet():
        pipeline.unet.register_to_config(sample_size=side)
        pipeline.vae.register_to_config(sample_size=side * latent_factor(pipeline))
        import_module("optimum.exporters.onnx.model_configs")  # registers the configurations
        found = cast("Any", import_module("optimum.exporters.utils")).get_diffusion_models_for_export(pipeline)
    for name in ("vae_encoder", "vae_decoder"):
        tag(found[name][0])  # a copy of the autoencoder's tags takes as much memory as its weights
    return {name: found[name] for name in COMPONENTS}


def trace(name: str, module: Any, config: Any, length: int) -> Skeleton:
    """The ONNX graph of one component, opset 17, float32, dynamic in batch, height, width and sequence, and where its
    weights come from. `module` is left with tags in place of weights (`skeleton.tag`).

    length: the tokens that the text encoder is traced with. Raises `ExportError` when the graph has other inputs than
    the engine feeds.
    """
    traced = trace_skeleton(module, config, OPSET, {"sequence_length": length, "height": 16, "width": 16})
    inputs = tuple(value.name for value in traced.model.graph.input)
    if inputs != COMPONENTS[name]:
        raise ExportError(
            f"The {name} takes {', '.join(inputs)}, and the engine can give {', '.join(COMPONENTS[name])}."
        )
    float_timestep(traced.model)
    return traced
