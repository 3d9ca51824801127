"""What the engine's benchmark compares: the job that is the same for all, and who does it with which switches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

OURS, DIFFUSERS = "ours", "diffusers"
SETTINGS = ("steps", "width", "height", "instruction", "seed", "text_scale", "image_scale", "sampler", "weights")


@dataclass(frozen=True)
class Job:
    """One edit, measured up to three times in one process.

    package, source: the same weights as a model package and as a folder of diffusers. photo: a PNG of width x height.
    weights: what the package's files hash to. threads: 0 for one per physical core.
    edits: which of "first" (cold), "whole" (warm, nothing of it encoded before) and "cached" (the first again).
    """

    package: str
    source: str
    photo: str
    width: int
    height: int
    weights: str
    steps: int = 20
    instruction: str = "make it black and white"
    seed: int = 5
    text_scale: float = 7.5
    image_scale: float = 1.5
    sampler: str = "euler"
    threads: int = 0
    edits: tuple[str, ...] = ("first", "whole", "cached")

    @property
    def key(self) -> str:
        """A short hash of all that decides the result: figures are only compared within one."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Contender:
    """kind: OURS or DIFFUSERS. device: "cpu" or "cuda". precision: what it computes in, for the floor.

    switches: what is different from the default; see `engine_ours.SWITCHES` and `engine_diffusers.SWITCHES`.
    """

    name: str
    kind: str
    device: str
    precision: str
    switches: Mapping[str, str] = field(default_factory=dict[str, str])


def _ours(name: str, provider: str, precision: str, **switches: str) -> Contender:
    device = "cuda" if provider == "cuda" else "cpu"
    return Contender(name, OURS, device, precision, {"provider": provider, **switches})


def _theirs(name: str, device: str, precision: str, **switches: str) -> Contender:
    return Contender(name, DIFFUSERS, device, precision, switches)


# The first of each device is what parity is measured against.
CONTENDERS: tuple[Contender, ...] = (
    _theirs("diffusers", "cpu", "fp32"),
    _theirs("diffusers-bf16", "cpu", "bf16", channels_last="on"),
    _theirs("diffusers-bf16-compiled", "cpu", "bf16", channels_last="on", compile="on"),
    _ours("ours-cpu", "cpu", "fp32"),
    _ours("ours-openvino", "openvino", "bf16"),
    _theirs("diffusers-cuda-fp32", "cuda", "fp32"),
    _theirs("diffusers-cuda-fp16", "cuda", "fp16"),
    _theirs("diffusers-cuda-fp16-tuned", "cuda", "fp16", channels_last="on"),
    _theirs("diffusers-cuda-fp16-compiled", "cuda", "fp16", channels_last="on", compile="on"),
    _ours("ours-cuda", "cuda", "fp16"),
)

# What `--parts` measures besides: the same without one part each, and what the switchable savings are worth.
PARTS: Mapping[str, tuple[str, ...]] = {
    "cpu": (
        "ours-cpu,graphs=model",
        "ours-cpu,binding=off",
        "ours-cpu,composed=off",
        "ours-openvino,float32=on,precision=fp32",
        "ours-openvino,composed=off",
        "ours-openvino,reuse=2",
        "ours-openvino,interval=0.2-0.8",
        "ours-openvino,full_res=on,previews=on",
    ),
    "cuda": (
        "ours-cuda,replay=off",
        "ours-cuda,binding=off",
        "ours-cuda,composed=off",
        "ours-cuda,graphs=attention+model,precision=fp32",
        "ours-cuda,graphs=model,precision=fp32",
        "ours-cuda,graphs=fp16-no-attention",
        "ours-cuda,graphs=fp16-no-groupnorm",
        "ours-cuda,graphs=fp16-no-layernorm",
        "ours-cuda,graphs=fp16-no-gelu",
        "ours-cuda,graphs=fp16-no-fusion",
        "ours-cuda,option.prefer_nhwc=1",
        "ours-cuda,option.prefer_nhwc=0",
        "ours-cuda,optimize=basic",
        "ours-cuda,reuse=2",
        "ours-cuda,interval=0.2-0.8",
        "ours-cuda,variants=4",
        "ours-cuda,full_res=on,previews=on",
        "diffusers-cuda-fp16-tuned,variants=4",
        "diffusers-cuda-fp16-compiled,variants=4",
    ),
}

# Of each device: what parity and the first ratio are taken against, then what the second one is: the tuned pipeline.
REFERENCES: Mapping[str, tuple[str, str]] = {
    "cpu": ("diffusers", "diffusers-bf16"),
    "cuda": ("diffusers-cuda-fp32", "diffusers-cuda-fp16"),
}


def parse(text: str) -> Contender:
    """A contender by its name, with switches changed: "ours-cpu,graphs=model,full_res=on". Raises `ValueError`."""
    name, *changes = text.split(",")
    known = {contender.name: contender for contender in CONTENDERS}
    if name not in known:
        raise ValueError(f"There is no contender {name!r}: choose of {', '.join(known)}.")
    base = known[name]
    pairs = dict(change.split("=", 1) if "=" in change else (change, "on") for change in changes)
    precision = pairs.pop("precision", base.precision)
    return Contender(text, base.kind, base.device, precision, {**base.switches, **pairs})
