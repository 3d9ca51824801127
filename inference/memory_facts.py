"""What the memory of a model depends on, read from its package without loading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from inference.graph_file import GraphFile, read_graph
from inference.json_values import Values, read_json
from inference.package import ModelPackage

_PARTS = ("unet", "text_encoder", "vae_encoder", "vae_decoder")
_STORED_BYTES = {"fp16": 2, "bf16": 2, "fp64": 8, "int8": 1}
_FUSED = frozenset({"MultiHeadAttention", "Attention", "PackedMultiHeadAttention"})


@dataclass(frozen=True)
class Level:
    """One resolution of the UNet, half of the one before. heads: of its self-attention, 0 where it has none."""

    channels: int
    heads: int


@dataclass(frozen=True)
class Facts:
    """weights: how many numbers each part has ("unet", "text_encoder", "vae_encoder", "vae_decoder").

    levels: of the UNet, the finest first. layers: residual blocks of each on the way down.
    vae_channels: of the autoencoder's levels, the finest first. vae_attention: it has one at its coarsest level.
    factor: pixels per latent pixel and side. fused: the UNet's attention is one operator, which need not hold scores.
    half: the graphs compute in 16 bits.
    """

    weights: Mapping[str, int]
    levels: tuple[Level, ...]
    layers: int
    vae_channels: tuple[int, ...]
    vae_attention: bool
    factor: int
    fused: bool = False
    half: bool = False


def facts_of(package: ModelPackage, stems: Sequence[str] = ("model",)) -> Facts:
    """Read from configurations and the graphs' headers, in milliseconds.

    stems: names of graph files in order of preference, as `Provider.graphs` has them. Raises `PackageError`.
    """
    graphs = {part: read_graph(_chosen(package.folder / part, stems)) for part in _PARTS}
    unet, vae = (read_json(package.folder / part / "config.json") for part in ("unet", "vae_decoder"))
    return Facts(
        weights={part: _weights(graph) for part, graph in graphs.items()},
        levels=_levels(unet),
        layers=unet.optional_whole("layers_per_block") or 2,
        vae_channels=_wholes(vae.mapping.get("block_out_channels")),
        vae_attention=vae.mapping.get("mid_block_add_attention", True) is not False,
        factor=package.factor,
        fused=not _FUSED.isdisjoint(graphs["unet"].operators),
        half=graphs["unet"].path.stem == "fp16",
    )


def _chosen(folder: Path, stems: Sequence[str]) -> Path:
    return next((path for stem in stems if (path := folder / f"{stem}.onnx").is_file()), folder / "model.onnx")


def _weights(graph: GraphFile) -> int:
    """How many numbers a graph has, from the size of its files."""
    files = (graph.path, *(graph.path.parent / name for name in graph.external_data))
    return sum(path.stat().st_size for path in files) // _STORED_BYTES.get(graph.precision, 4)


def _levels(unet: Values) -> tuple[Level, ...]:
    channels = _wholes(unet.mapping.get("block_out_channels"))
    # diffusers' UNet says "attention_head_dim" where it means how many heads there are.
    said = unet.mapping.get("num_attention_heads") or unet.mapping.get("attention_head_dim")
    heads = (_wholes(said) or (8,)) * len(channels)
    kinds = unet.texts("down_block_types") or ("CrossAttn",) * len(channels)
    return tuple(
        Level(width, count if "Attn" in kind else 0) for width, count, kind in zip(channels, heads, kinds, strict=False)
    )


def _wholes(value: object) -> tuple[int, ...]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, int) and not isinstance(item, bool))
