"""How much memory an edit takes, told before it runs: from the model's shapes and measured coefficients.

The figures are peaks of the resident set (Linux, ONNX Runtime 1.31, OpenVINO 2026.4) with the full-size architecture
(320 channels, 860 million weights) and with the bundled model, at 256 to 1024 pixels. Two things count in a step:
feature maps, which grow with the picture, and attention scores where they are written out, which grow with its square.
The coefficients err high: by 1 to 20 % for a step, by 3 to 20 % for the peak of a whole edit, and by up to 50 % for one
run of the autoencoder on ONNX Runtime, which takes memory in growing pieces. Pages of mapped weights count, though the
system takes them back where it must; where the disk has no room for what a provider prepares, loading takes 3 bytes a
weight of the largest network more for a moment. What is not `measured` follows from shapes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from inference.memory import MEBIBYTE
from inference.memory_facts import Facts

# Sides in pixels of the autoencoder's tiles, the best first: the fewer tiles, the less their tones differ.
TILES = (1024, 768, 512, 384, 256)

# Variants in one batch, at most. On a processor one after the other is as fast: a single variant keeps all cores busy
# (4.6 s a sample with one in the batch, 4.6 s with two), shows its result earlier and takes less. A graphics card may
# gain from more, and pays for it where fewer are asked, since the size of a batch is fixed: more than 1 here wants a
# measurement on a card (the switch `variants` of tests/benchmarks/engine.py).
AT_ONCE: Mapping[str, int] = {"cuda": 1}


@dataclass(frozen=True)
class Estimate:
    """Bytes. loading: the peak while the networks load; load: what they take then.

    step: what one run of the UNet takes besides. decode: one run of the autoencoder's larger half, besides.
    device: memory of a graphics card, and not of this process. measured: False for what follows from shapes alone.
    """

    load: int
    loading: int
    step: int
    decode: int
    device: bool = False
    measured: bool = True

    @property
    def total(self) -> int:
        """The peak of a whole edit, the photo's own pixels aside."""
        return max(self.loading, self.running)

    @property
    def running(self) -> int:
        """The same where the networks are loaded already."""
        # A card keeps a step's memory for the next variant, so that a step and a decode add up.
        return self.load + (self.step + self.decode if self.device else max(self.step, self.decode))


@dataclass(frozen=True)
class RunPlan:
    """How an edit is run. provider: its name.

    variants_at_once: how many share a batch; a last batch that is not full is filled up, so that a variant does not
    depend on how many others were asked for. vae_tile: side in pixels of the autoencoder's tiles; None: no tiles.
    """

    provider: str
    variants_at_once: int = 1
    vae_tile: int | None = None


@dataclass(frozen=True)
class _Costs:
    """Of one provider. base: bytes of the libraries. weight: bytes per weight once loaded; loading: while it loads,
    besides, of the largest network.

    maps: feature maps of a level's width that are held at the peak of a step; fused: where attention is fused.
    scores: copies of the attention scores, where it is not. decoding: maps of the picture's size and the second level's
    width (which the decoder has there); encoding: of the first's. item: bytes of a number.
    """

    base: int
    weight: float
    loading: float
    maps: float
    scores: float
    decoding: float
    encoding: float
    fused: float = 30
    item: int = 4
    device: bool = False
    measured: bool = True


# The interpreter with its libraries.
_PROCESS = 280_000_000

_COSTS: Mapping[str, _Costs] = {
    "cpu": _Costs(_PROCESS, 4.1, 0.1, maps=17, scores=2.1, decoding=6.3, encoding=4.7),
    # The weights that it was given lie in a mapped file, which is forgotten once it has laid out its own. Sizes are
    # left open, which takes about twice what a decode of a fixed size does.
    "openvino": _Costs(_PROCESS + 120_000_000, 4.15, 0.1, maps=24.5, scores=0, decoding=6.6, encoding=6.8),
    # The processor's maps and scores, and a gigabyte for the driver's context, the kernels and cuDNN's workspace.
    "cuda": _Costs(1024 * MEBIBYTE, 4, 0, maps=17, scores=2.1, decoding=6.3, encoding=4.7, device=True, measured=False),
}
_OTHER_GPU = replace(_COSTS["cuda"], base=512 * MEBIBYTE, maps=20)


def estimate(
    facts: Facts,
    provider: str,
    height: int,
    width: int,
    branches: int = 3,
    variants: int = 1,
    vae_tile: int | None = None,
) -> Estimate:
    """What an edit takes whose model sees `height` x `width` pixels.

    branches: of guidance, 1 to 3. variants: in one batch. vae_tile: as in `RunPlan`.
    """
    costs = _costs(facts, provider)
    weights = sum(facts.weights.values())
    tile = tuple(side if vae_tile is None else min(side, vae_tile) for side in (height, width))
    return Estimate(
        load=round(costs.base + weights * costs.weight),
        loading=round(costs.base + weights * costs.weight + max(facts.weights.values()) * costs.loading),
        step=round(_step(facts, costs, height, width) * branches * variants),
        decode=round(_decode(facts, costs, *tile)),
        device=costs.device,
        measured=costs.measured,
    )


def plan(facts: Facts, provider: str, height: int, width: int, branches: int, budget: int | None) -> RunPlan:
    """The fastest way that fits: as many variants at once as the budget allows, tiles only where it needs them.

    It depends on nothing else, above all not on how many variants are asked for: where a batch changes the last bits of
    a result, a variant is the same alone and among others. budget: bytes for the whole edit, of the memory that
    the provider uses; None where that is not known. Where nothing fits, the plan is the smallest one. Whether the
    networks can be loaded at all is another question, see `Estimate.loading`.
    """
    if budget is None:
        return RunPlan(provider)

    def fits(variants: int, tile: int | None) -> bool:
        return estimate(facts, provider, height, width, branches, variants, tile).running <= budget

    tiles = (None, *(tile for tile in TILES if tile < max(height, width)))
    tile = next((tile for tile in tiles if fits(1, tile)), tiles[-1])
    counts = range(AT_ONCE.get(provider, 1), 1, -1)
    return RunPlan(provider, next((count for count in counts if fits(count, tile)), 1), tile)


def _costs(facts: Facts, provider: str) -> _Costs:
    costs = _COSTS.get(provider, _OTHER_GPU)
    if facts.half:
        costs = replace(costs, weight=costs.weight / 2, loading=costs.loading / 2, item=2)
    return replace(costs, scores=0, maps=costs.fused) if facts.fused else costs


def _step(facts: Facts, costs: _Costs, height: int, width: int) -> float:
    """Bytes of one run of the UNet on one sample: at its widest feature maps, or at its largest attention."""
    area = height * width / facts.factor**2
    peak = skips = 0.0
    for depth, level in enumerate(facts.levels):
        tokens = area / 4**depth
        scores = costs.scores * level.heads * tokens**2
        peak = max(peak, skips + costs.maps * level.channels * tokens + scores)
        skips += (facts.layers + 1) * level.channels * tokens  # kept for the way up
    return costs.item * peak


def _decode(facts: Facts, costs: _Costs, height: int, width: int) -> float:
    """Bytes of the larger half of the autoencoder, on one picture."""
    first, second = (*facts.vae_channels, *facts.vae_channels)[:2]
    widest = max(costs.decoding * second, costs.encoding * first) * height * width
    scores = 2.1 * (height * width / facts.factor**2) ** 2 if facts.vae_attention else 0.0
    return costs.item * max(widest, scores)
