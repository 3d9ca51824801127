"""Float16 graphs of a package's UNet with one kind of fusion left out, to measure what each is worth on a GPU.

    python -m tests.benchmarks.engine_graphs PACKAGE

Writes fp16-no-attention.onnx, fp16-no-groupnorm.onnx and so on beside unet/model.onnx, sharing its file of weights;
`ours-cuda,graphs=fp16-no-attention` in engine.py runs one. The package stays usable: what it does not list is not read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import onnx

from training.export.attention import add_domain, fuse_attention, prune
from training.export.fusing import counts
from training.export.graph_file import write_graph
from training.export.half import to_half
from training.export.storing import with_vectors

# What is left out, by the end of the graph's name; "attention" is our own fusion, the others are ONNX Runtime's.
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "attention": (),
    "groupnorm": ("enable_group_norm",),
    "layernorm": ("enable_layer_norm", "enable_skip_layer_norm", "enable_bias_skip_layer_norm"),
    "gelu": ("enable_gelu", "enable_bias_splitgelu"),
    "fusion": (
        "enable_group_norm",
        "enable_layer_norm",
        "enable_skip_layer_norm",
        "enable_bias_skip_layer_norm",
        "enable_gelu",
        "enable_bias_splitgelu",
    ),
}


def plain(path: Path) -> tuple[onnx.ModelProto, dict[str, onnx.TensorProto]]:
    """The float32 graph without values, and its large weights as the file has them: `with_values` undone."""
    model = onnx.load(str(path), load_external_data=False)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]
    halves = {node.output[0]: stored[node.input[0]] for node in casts}
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in {node.input[0] for node in casts}]
    nodes = [node for node in model.graph.node if node.output[0] not in halves]
    found: dict[str, onnx.TensorProto] = {}
    for name, half in halves.items():
        found[name] = onnx.TensorProto()
        found[name].CopyFrom(half)
        found[name].name = name
    empty = [onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=w.dims) for name, w in found.items()]
    graph = onnx.ModelProto()
    graph.CopyFrom(model)
    del graph.graph.node[:], graph.graph.initializer[:]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.extend([*kept, *empty])
    return graph, found


def without(model: onnx.ModelProto, stored: Mapping[str, onnx.TensorProto], left_out: str) -> onnx.ModelProto | None:
    """The float16 graph of `training.export.fusing.fully_fused` without one of `LEFT_OUT`; None as `to_half`."""
    fused = with_vectors(model, stored)
    if left_out not in ("attention", "fusion"):
        fuse_attention(fused)
    optimizer = cast("Any", import_module("onnxruntime.transformers.optimizer"))
    options = cast("Any", import_module("onnxruntime.transformers.fusion_options")).FusionOptions("unet")
    options.enable_attention = options.enable_nhwc_conv = options.enable_skip_group_norm = False
    for name in LEFT_OUT[left_out]:
        setattr(options, name, False)
    fused.producer_name = ""
    unet = optimizer.MODEL_TYPES["unet"][0](fused, 0, 0)
    unet._optimize(options, None)
    unet.topological_sort()
    add_domain(unet.model)
    prune(unet.model.graph)
    return to_half(unet.model, stored)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) / "unet"
    model, stored = plain(folder / "model.onnx")
    for left_out in LEFT_OUT:
        half = without(model, stored, left_out)
        if half is None:
            print(f"{folder} keeps weights as float32, which has no float16 graphs.", file=sys.stderr)
            return 1
        write_graph(half, folder / f"fp16-no-{left_out}.onnx")
        print(f"fp16-no-{left_out}.onnx: {counts(half)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
