"""The same network with larger operators, for the providers of ONNX Runtime that have them.

Everything here is done on a graph without its large weights. A fused graph names the same initializers as the plain one
and so shares its file of weights.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import onnx

from training.export.attention import DOMAIN, add_domain, fuse_attention, prune
from training.export.errors import ExportError
from training.export.quiet import quiet

_PASSES = ("fusion_group_norm", "fusion_transpose", "fusion_biassplitgelu")


def attention_fused(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """A copy of `model` with its attention fused and nothing else changed; None where there is none to fuse."""
    copy = _copy(model)
    return copy if fuse_attention(copy) else None


def fully_fused(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of `model` with attention, GroupNorm, LayerNorm and the GELU between linear layers fused, still float32.

    Only what CUDA and DirectML both have: SkipGroupNorm, which DirectML lacks, is left out, and so are NHWC
    convolutions, which ONNX Runtime makes of its own (`prefer_nhwc`). GroupNorm needs its scales and offsets in the
    graph; the values of larger weights are never looked at.
    """
    copy = _copy(model)
    fuse_attention(copy)
    with quiet():
        fused = _optimized(copy)
    add_domain(fused)
    prune(fused.graph)
    _check(fused, {tensor.name for tensor in model.graph.initializer})
    return fused


def counts(model: onnx.ModelProto) -> dict[str, int]:
    """How many of ONNX Runtime's own operators a graph has, by name."""
    found: dict[str, int] = {}
    for node in model.graph.node:
        if node.domain == DOMAIN:
            found[node.op_type] = found.get(node.op_type, 0) + 1
    return dict(sorted(found.items()))


def _optimized(model: onnx.ModelProto) -> onnx.ModelProto:
    """As ONNX Runtime's optimizer for "unet" models, without what is named above and without its shape inference.

    Its own order of passes, but for attention, which would pack the weights of queries, keys and values; the inference
    takes a minute on a full-size UNet, where all that it finds is that the two sides of a residual have one shape.
    """
    optimizer = cast("Any", import_module("onnxruntime.transformers.optimizer")).MODEL_TYPES["unet"][0](model)
    passes = {name: cast("Any", import_module(f"onnxruntime.transformers.{name}")) for name in _PASSES}
    optimizer.disable_shape_inference()
    optimizer.utils.remove_identity_nodes()
    optimizer.fuse_layer_norm()
    optimizer.fuse_gelu()
    optimizer.preprocess()
    optimizer.fuse_reshape()
    passes["fusion_group_norm"].FusionGroupNorm(optimizer, channels_last=True).apply()
    passes["fusion_transpose"].FusionInsertTranspose(optimizer).apply()
    passes["fusion_biassplitgelu"].FusionBiasSplitGelu(optimizer).apply()
    optimizer.fuse_skip_layer_norm(shape_infer=False)
    optimizer.fuse_shape()
    optimizer.fuse_add_bias_skip_layer_norm()
    optimizer.fuse_bias_add()
    optimizer.postprocess()
    optimizer.topological_sort()
    return cast("onnx.ModelProto", optimizer.model)


def _check(fused: onnx.ModelProto, known: set[str]) -> None:
    """No fusion may have made a weight of its own out of values that were not there."""
    for tensor in fused.graph.initializer:
        if tensor.name not in known and not (tensor.raw_data or tensor.ByteSize() < 1 << 16):
            raise ExportError(f"Fusing made the weight {tensor.name}, whose values are not known.")


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy
