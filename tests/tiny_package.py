"""A whole model package of a few kilobytes, so that tests run real edits in milliseconds.

Its networks do something sensible, so that results can be predicted:

* the autoencoder keeps the mean colour of every `factor` x `factor` block (decode(encode(x)) is x made blocky, exact on
  flat colours);
* the UNet knows its own noise schedule and answers with the noise (or v) that belongs to the estimate
  `D = scaling_factor * image_latent + tint(text)`, where `tint` comes from the mean embedding of the tokens. So every
  sampler ends at
  `scaling_factor * image_scale * image_latent + tint("") + text_scale * (tint(instruction) - tint(""))`
  (`ddim` keeps a trace of the noise: its last alpha is not 1 with these settings).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = ("make", "it", "black", "and", "white", "red", "blue", "green", "the", "turn", "things", "night", "darker")
TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
}
Shape = list[int | str]


def write_tiny_package(
    folder: Path,
    *,
    name: str = "tiny",
    latent_channels: int = 4,
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon",
    zero_terminal_snr: bool = False,
    scheduler: dict[str, object] | None = None,
    timestep_rank: int = 0,
    timestep_type: str = "float32",
    text_length: int = 16,
    text_width: int = 8,
    token_type: str = "int32",
    encoder_outputs: Literal["moments", "latent"] = "moments",
    io_type: str = "float32",
    fp16: bool = False,
    factor: int = 4,
    levels: int = 2,
    scaling_factor: float = 0.5,
    shift_factor: float | None = None,
    tokenizer_json: bool = False,
    external_data: bool = False,
    manifest: bool = True,
) -> Path:
    """Writes the package and returns `folder`.

    fp16: weights are stored as float16 and widened by Cast nodes, as in the bundled model.
    io_type: the type of the graphs' inputs and outputs. scheduler: replaces entries of scheduler_config.json.
    manifest=False leaves a package as other exporters do.
    """
    rng = np.random.default_rng(7)
    config = _scheduler(prediction_type, zero_terminal_snr) | (scheduler or {})
    vocabulary = write_tokenizer(folder / "tokenizer", length=text_length, tokenizer_json=tokenizer_json)
    encode, decode = _block_means(latent_channels, factor, rng)
    embedding = rng.normal(0, 0.3, (len(vocabulary), text_width)).astype(np.float32)
    tint = rng.normal(0, 1, (text_width, latent_channels)).astype(np.float32)
    graphs = {
        "text_encoder": _text_encoder(embedding, text_length, token_type),
        "vae_encoder": _vae_encoder(encode, latent_channels, encoder_outputs),
        "vae_decoder": _vae_decoder(decode, latent_channels, factor),
        "unet": _unet(tint, latent_channels, config, scaling_factor, timestep_rank, timestep_type),
    }
    for part, graph in graphs.items():
        graph.save(folder / part / "model.onnx", fp16=fp16, io_type=io_type, external_data=external_data)
    vae = {
        "latent_channels": latent_channels,
        "block_out_channels": [8] * (factor.bit_length()),
        "scaling_factor": scaling_factor,
    }
    vae |= {"in_channels": 3, "out_channels": 3, "shift_factor": shift_factor}
    unet = {"in_channels": 2 * latent_channels, "out_channels": latent_channels, "block_out_channels": [8] * levels}
    _json(folder / "vae_encoder/config.json", vae)
    _json(folder / "vae_decoder/config.json", vae)
    _json(folder / "unet/config.json", unet | {"cross_attention_dim": text_width, "sample_size": 16})
    _json(folder / "text_encoder/config.json", {"max_position_embeddings": text_length, "hidden_size": text_width})
    _json(folder / "scheduler/scheduler_config.json", config)
    _json(folder / "model_index.json", {"_class_name": "StableDiffusionInstructPix2PixPipeline"})
    if manifest:
        _manifest(folder, name, "fp16" if fp16 else "fp32")
    return folder


def write_tokenizer(folder: Path, *, length: int = 16, tokenizer_json: bool = False, pad: str = END) -> dict[str, int]:
    """A CLIP tokenizer with the merges of a few words; returns the vocabulary."""
    alphabet = [*_byte_characters(), *(c + "</w>" for c in _byte_characters())]
    merges = _merges(WORDS)
    tokens = [*alphabet, *(a + b for a, b in merges), START, END]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    _json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
    _json(folder / "special_tokens_map.json", special)
    settings = {"model_max_length": length, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    _json(folder / "tokenizer_config.json", special | settings)
    if tokenizer_json:
        _fast_tokenizer(vocabulary, merges).save(str(folder / "tokenizer.json"))
    return vocabulary


class _Graph:
    """Collects nodes, weights and typed inputs and outputs."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.inputs: list[tuple[str, str, Shape]] = []
        self.outputs: list[tuple[str, str, Shape]] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def weight(self, name: str, value: Any, dtype: type = np.float32) -> str:
        self.weights[name] = np.asarray(value, dtype)
        return name

    def save(self, path: Path, *, fp16: bool, io_type: str, external_data: bool) -> None:
        widen = [self._store(name, value, fp16) for name, value in self.weights.items()]
        before, after, inputs, outputs = self._border(io_type)
        nodes = [node for _, nodes in widen for node in nodes] + before + self.nodes + after
        tensors = [tensor for tensor, _ in widen]
        model = helper.make_model(
            helper.make_graph(nodes, path.parent.name, inputs, outputs, tensors),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8,
        )
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The runtime wants shapes, which are small, in the file itself.
        where = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 128}
        onnx.save_model(model, str(path), **(where if external_data else {}))

    def _store(self, name: str, value: np.ndarray, fp16: bool) -> tuple[onnx.TensorProto, list[onnx.NodeProto]]:
        if not (fp16 and value.dtype == np.float32):
            return numpy_helper.from_array(value, name), []
        stored = f"{name}_fp16"
        cast = helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT)
        return numpy_helper.from_array(value.astype(np.float16), stored), [cast]

    def _border(self, io_type: str) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """Casts at the graph's inputs and outputs where they are not float32 inside."""
        before, after, inputs, outputs = [], [], [], []
        for name, kind, shape in self.inputs:
            kind = io_type if kind == "float32" else kind
            before.append(helper.make_node("Cast", [name], [f"{name}_inside"], to=TensorProto.FLOAT))
            inputs.append(helper.make_tensor_value_info(name, TYPES[kind], shape))
        for name, _, shape in self.outputs:
            after.append(helper.make_node("Cast", [f"{name}_inside"], [name], to=TYPES[io_type]))
            outputs.append(helper.make_tensor_value_info(name, TYPES[io_type], shape))
        return before, after, inputs, outputs


def _text_encoder(embedding: np.ndarray, length: int, token_type: str) -> _Graph:
    graph = _Graph()
    graph.inputs = [("input_ids", token_type, ["batch_size", "sequence_length"])]
    width = embedding.shape[1]
    graph.outputs = [
        ("last_hidden_state", "float32", ["batch_size", "sequence_length", width]),
        ("pooler_output", "float32", ["batch_size", width]),
    ]
    ids = graph.add("Cast", "input_ids_inside", to=TensorProto.INT64)
    graph.add("Gather", graph.weight("embedding", embedding), ids, output="last_hidden_state_inside")
    graph.add("ReduceMean", "last_hidden_state_inside", output="pooler_output_inside", axes=[1], keepdims=0)
    return graph


def _vae_encoder(weight: np.ndarray, channels: int, outputs: str) -> _Graph:
    graph = _Graph()
    graph.inputs = [("sample", "float32", ["batch_size", 3, "height", "width"])]
    moments = outputs == "moments"
    name, count = ("latent_parameters", 2 * channels) if moments else ("latent_sample", channels)
    graph.outputs = [(name, "float32", ["batch_size", count, "latent_height", "latent_width"])]
    if moments:  # the other half is a log variance that no one may mistake for the mean
        weight = np.concatenate([weight, np.full_like(weight, 100.0)])
    factor = weight.shape[2]
    graph.add(
        "Conv", "sample_inside", graph.weight("weight", weight), output=f"{name}_inside", strides=[factor, factor]
    )
    return graph


def _vae_decoder(weight: np.ndarray, channels: int, factor: int) -> _Graph:
    graph = _Graph()
    graph.inputs = [("latent_sample", "float32", ["batch_size", channels, "latent_height", "latent_width"])]
    graph.outputs = [("sample", "float32", ["batch_size", 3, "height", "width"])]
    pixels = graph.add("Conv", "latent_sample_inside", graph.weight("weight", weight))
    graph.add("DepthToSpace", pixels, output="sample_inside", blocksize=factor, mode="CRD")
    return graph


def _unet(
    tint: np.ndarray, channels: int, config: dict[str, Any], scaling: float, timestep_rank: int, timestep_type: str
) -> _Graph:
    graph = _Graph()
    graph.inputs = [
        ("sample", "float32", ["batch_size", 2 * channels, "height", "width"]),
        ("timestep", timestep_type, ["batch_size"] if timestep_rank else []),
        ("encoder_hidden_states", "float32", ["batch_size", "sequence_length", tint.shape[0]]),
    ]
    graph.outputs = [("out_sample", "float32", ["batch_size", channels, "height", "width"])]
    split = graph.weight("split", [channels, channels], np.int64)
    graph.nodes.append(helper.make_node("Split", ["sample_inside", split], ["noisy", "image"], axis=1))
    estimate = _estimate(graph, tint, scaling)
    alpha, sigma = _alpha_sigma(graph, config)
    v = config["prediction_type"] == "v_prediction"
    distance = graph.add("Sub", graph.add("Mul", alpha, "noisy"), estimate) if v else None
    distance = distance or graph.add("Sub", "noisy", graph.add("Mul", alpha, estimate))
    graph.add("Div", distance, sigma, output="out_sample_inside")
    return graph


def _estimate(graph: _Graph, tint: np.ndarray, scaling: float) -> str:
    """scaling * image + tint(text)."""
    mean = graph.add("ReduceMean", "encoder_hidden_states_inside", axes=[1], keepdims=0)
    colour = graph.add("MatMul", mean, graph.weight("tint", tint))
    colour = graph.add("Unsqueeze", colour, graph.weight("axes", [2, 3], np.int64))
    return graph.add("Add", graph.add("Mul", "image", graph.weight("scaling", scaling)), colour)


def _alpha_sigma(graph: _Graph, config: dict[str, Any]) -> tuple[str, str]:
    """alpha and sigma at a timestep, shape (N or 1, 1, 1, 1); sigma / alpha is linear between whole timesteps."""
    alphas = _alphas_cumprod(config)
    table = graph.weight("sigmas", np.sqrt((1 - alphas) / np.maximum(alphas, 2.0**-24)))
    low = graph.add("Floor", "timestep_inside")
    high = graph.add("Min", graph.add("Add", low, graph.weight("one", 1.0)), graph.weight("last", len(alphas) - 1.0))
    below, above = (graph.add("Gather", table, graph.add("Cast", t, to=TensorProto.INT64)) for t in (low, high))
    weight = graph.add("Sub", "timestep_inside", low)
    ratio = graph.add("Add", below, graph.add("Mul", weight, graph.add("Sub", above, below)))
    ratio = graph.add("Reshape", ratio, graph.weight("shape", [-1, 1, 1, 1], np.int64))
    length = graph.add("Sqrt", graph.add("Add", graph.add("Mul", ratio, ratio), "one"))
    return graph.add("Div", "one", length), graph.add("Div", ratio, length)


def _scheduler(prediction_type: str, zero_terminal_snr: bool) -> dict[str, Any]:
    return {
        "_class_name": "EulerAncestralDiscreteScheduler",
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "num_train_timesteps": 1000,
        "prediction_type": prediction_type,
        "rescale_betas_zero_snr": zero_terminal_snr,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": "trailing" if zero_terminal_snr else "leading",
        "trained_betas": None,
    }


def _alphas_cumprod(config: dict[str, Any]) -> np.ndarray:
    start, end, count = config["beta_start"], config["beta_end"], config["num_train_timesteps"]
    betas = np.linspace(start**0.5, end**0.5, count) ** 2
    root = np.sqrt(np.cumprod(1 - betas))
    if config["rescale_betas_zero_snr"]:
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root**2


def _block_means(channels: int, factor: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weights of encoder (C, 3, f, f) and decoder (3 f f, C, 1, 1): the mean colour, then what random rows catch."""
    rows = rng.normal(0, 1, (channels, 3, factor, factor))
    rows -= rows.mean(axis=(2, 3), keepdims=True)
    for colour in range(min(3, channels)):
        rows[colour] = 0
        rows[colour, colour] = 1
    rows /= factor * np.sqrt((rows**2).sum(axis=(1, 2, 3), keepdims=True))
    back = np.linalg.pinv(rows.reshape(channels, -1))
    return rows.astype(np.float32), back.reshape(3 * factor * factor, channels, 1, 1).astype(np.float32)


def _byte_characters() -> list[str]:
    """The 256 printable characters that stand for bytes in CLIP's vocabulary, in its order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


def _merges(words: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for word in words:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            pairs.append((pieces[0], pieces[1]))
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
    return list(dict.fromkeys(pairs))


def _fast_tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Any:
    """tokenizer.json as transformers' converter makes it from the two files."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token=END, continuing_subword_prefix="")
    )
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    split = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(split, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    ends = (END, vocabulary[END]), (START, vocabulary[START])
    tokenizer.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=False, trim_offsets=False)
    tokenizer.add_special_tokens([START, END])
    return tokenizer


def _manifest(folder: Path, name: str, precision: str) -> None:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    _json(
        folder / "manifest.json",
        {
            "format": 1,
            "name": name,
            "licence": "MIT",
            "source": "made by a script",
            "precision": precision,
            "dials": {"steps": 4, "text_scale": 2.0, "image_scale": 1.0, "sampler": "euler", "size": 64},
            "instructions": ["make it red"],
            "files": {
                path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
                for path, data in sorted(files.items())
                if path != "manifest.json"
            },
        },
    )


def _json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
