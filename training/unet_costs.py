"""What a step of training takes of memory and arithmetic, reckoned from a UNet's settings. Without PyTorch.

Walks the blocks of diffusers' UNet2DConditionModel as they are built (ResnetBlock2D, BasicTransformerBlock): for each
layer its multiplications, and how many numbers it keeps for the way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

SD1: Mapping[str, object] = {
    "block_out_channels": [320, 640, 1280, 1280],
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "layers_per_block": 2,
    "cross_attention_dim": 768,
}
"""Stable Diffusion 1's settings, for a model in one file, which names none."""

BACKWARD = 3
"""The way back takes twice the arithmetic of the way forward."""
RECOMPUTED = 4 / 3
"""With checkpointing of gradients the way forward is taken again."""


@dataclass
class Costs:
    """Of one sample. multiplications: on the way forward. kept: numbers that the way back needs. largest: of `kept`,
    those of the largest block, which checkpointing still holds at once. inputs: those that checkpointing keeps.
    adapted: sum of inputs and outputs of all layers that a LoRA goes beside; times its rank, what it learns.
    """

    multiplications: float = 0.0
    kept: float = 0.0
    largest: float = 0.0
    inputs: float = 0.0
    adapted: int = 0
    _block: float = field(default=0.0, repr=False)

    def begin(self, inputs: float) -> None:
        """A block that checkpointing would compute again starts here."""
        self.inputs += inputs
        self._block = 0.0

    def keep(self, numbers: float) -> None:
        self.kept += numbers
        self._block += numbers
        self.largest = max(self.largest, self._block)


def unet_costs(config: Mapping[str, object], height: int, width: int, text: int = 77) -> Costs:
    """config: the UNet's config.json. height, width: of the latent. text: tokens of an instruction."""
    channels = _numbers(config, "block_out_channels")
    layers = int(cast("int", config.get("layers_per_block", 2)))
    across = int(cast("int", config.get("cross_attention_dim", 768)))
    depth = int(cast("int", config.get("transformer_layers_per_block", 1)))
    costs = Costs()

    def resnet(cin: int, c: int, places: float) -> None:
        costs.begin(cin * places)
        costs.multiplications += 9 * places * (cin * c + c * c) + (places * cin * c if cin != c else 0)
        costs.keep(places * (3 * cin + 4 * c))

    def attention(c: int, places: float) -> None:
        costs.begin(c * places)
        costs.multiplications += 2 * places * c * c  # in and out
        costs.keep(3 * places * c)
        costs.adapted += 4 * c
        for _ in range(depth):
            own = 4 * places * c * c + 2 * places * places * c
            crossed = 2 * places * c * c + 2 * text * across * c + 2 * places * text * c
            costs.multiplications += own + crossed + 12 * places * c * c
            costs.keep(places * c * 30)
            costs.adapted += 8 * c + (4 * c + 2 * (across + c)) + (9 * c + 5 * c)

    for cin, c, places, kind in _plan(config, channels, layers, height * width):
        if kind == "sampler":
            costs.multiplications += 9 * places * cin * c
            costs.keep(places * cin)
            continue
        resnet(cin, c, places)
        if kind == "attention":
            attention(c, places)
    return costs


def _plan(
    config: Mapping[str, object], channels: Sequence[int], layers: int, places: float
) -> Iterator[tuple[int, int, float, str]]:
    """(channels in, out, places, kind) of every part in order: a "resnet", one with "attention" behind, a "sampler"."""
    down = [str(kind) for kind in cast("list[object]", config.get("down_block_types", SD1["down_block_types"]))]
    up = [str(kind) for kind in cast("list[object]", config.get("up_block_types", SD1["up_block_types"]))]
    current, skips, last = channels[0], [channels[0]], len(channels) - 1
    for level, (c, kind) in enumerate(zip(channels, down, strict=True)):
        for _ in range(layers):
            yield current, c, places / 4**level, "attention" if "Attn" in kind else "resnet"
            current = c
            skips.append(c)
        if level < last:
            yield c, c, places / 4 ** (level + 1), "sampler"
            skips.append(c)
    yield current, current, places / 4**last, "attention"
    yield current, current, places / 4**last, "resnet"
    for number, (c, kind) in enumerate(zip(reversed(channels), up, strict=True)):
        here = places / 4 ** (last - number)
        for _ in range(layers + 1):
            yield current + skips.pop(), c, here, "attention" if "Attn" in kind else "resnet"
            current = c
        if number < last:
            yield c, c, 4 * here, "sampler"


def _numbers(config: Mapping[str, object], key: str) -> tuple[int, ...]:
    return tuple(int(one) for one in cast("list[int]", config.get(key, SD1[key])))
