"""What a training will take of memory, disk and time, before it begins. Without PyTorch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.errors import PackageError
from inference.json_values import read_json
from inference.view import common_shapes
from training.base_facts import BaseFacts
from training.recipe import TrainingRecipe
from training.runs import Run
from training.train_errors import TrainError
from training.unet_costs import BACKWARD, RECOMPUTED, SD1, Costs, unet_costs

PROCESS_BYTES = 600 << 20
"""The interpreter with PyTorch, and the batch at hand."""
CARD_BYTES = 700 << 20
"""What CUDA takes for itself."""
SPREAD = 1.25
"""Memory is asked for in blocks, and gradients come beside what is kept: held over needed, as measured."""
CPU_RATE = 8e10
"""Operations a second on one core of a processor, where no training has told yet: half of what it can at best."""
SD1_OTHERS = 123_060_480 + 83_653_863
"""Numbers in Stable Diffusion 1's text encoder and autoencoder."""
_LATENT_BYTES = 4 * 4


@dataclass(frozen=True)
class ModelShape:
    """What is known of a base besides `BaseFacts`. unet: its settings. factor: pixels per place of a latent and side.

    others: numbers in text encoder and autoencoder.
    """

    unet: Mapping[str, object]
    factor: int
    levels: int
    others: int

    @property
    def multiple(self) -> int:
        return self.factor * 2 ** (self.levels - 1)


def model_shape(base: BaseFacts) -> ModelShape:
    """Read from the settings of a folder; Stable Diffusion 1's for a single file."""
    if base.kind == "single":
        return ModelShape(SD1, 8, 4, SD1_OTHERS)
    try:
        unet = read_json(base.path / "unet" / "config.json")
        vae = read_json(base.path / ("vae_decoder" if base.kind == "package" else "vae") / "config.json")
        levels = unet.count("block_out_channels")
        factor = 2 ** (vae.count("block_out_channels") - 1)
    except PackageError as error:
        raise TrainError(str(error)) from error
    return ModelShape(unet.mapping, factor, levels, _others(base))


@dataclass(frozen=True)
class Needs:
    """Bytes on the device for `micro` pictures at a time: `fixed`, and `each` for a picture. disk: bytes in the run's
    folder. operations: of one picture in one step, there and back.
    """

    fixed: int
    each: int
    disk: int
    operations: float

    def memory(self, micro: int) -> int:
        return self.fixed + self.each * micro

    def fitting(self, micro: int, batch: int, free: int) -> int:
        """The largest micro-batch from `micro` down that fits into `free` bytes; 0 for none."""
        parts = (part for part in range(micro, 0, -1) if batch % part == 0 and self.memory(part) <= free)
        return next(parts, 0)


def needs_of(base: BaseFacts, recipe: TrainingRecipe, *, device: str, pairs: int) -> Needs:
    """device: "cpu" or "cuda". pairs: to learn from. Raises `TrainError`."""
    shape, size = model_shape(base), recipe.size or base.dials.size
    height, width = (side // shape.factor for side in max(common_shapes(size, shape.multiple), key=_area))
    costs = unet_costs(shape.unet, height, width)
    learns = _learns(base, shape, costs, recipe)
    cache = pairs * 2 * (2 if recipe.flip else 1) * height * width * _LATENT_BYTES
    return Needs(
        fixed=_fixed(base, shape, recipe, learns, device) + cache * (device == "cpu"),
        each=round(_each(costs, recipe) * SPREAD),
        disk=round(3 * learns * (10 if recipe.eight_bit_adam and device == "cuda" else 16) + cache)
        + 2 * (base.parameters + shape.others),
        operations=2 * costs.multiplications * BACKWARD * (RECOMPUTED if recipe.gradient_checkpointing else 1),
    )


def seconds_of(needs: Needs, recipe: TrainingRecipe, steps: int, device: str, runs: Iterable[Run]) -> float | None:
    """How long it will take: as fast as the newest run on such a device was, else a guess for processors, else None."""
    whole = needs.operations * recipe.batch * recipe.accumulation
    rate = next(filter(None, (_rate(run, device) for run in runs)), None)
    if rate is None:
        if device != "cpu":
            return None
        rate = CPU_RATE * (os.cpu_count() or 1)
    return whole * steps / rate


def runs_in(folder: Path) -> list[Run]:
    """The newest first."""
    found = [path.parent for path in folder.glob("*/run.json")]
    return [Run(path) for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def _rate(run: Run, device: str) -> float | None:
    """Operations a second that a run had; None where it says nothing."""
    try:
        sheet, state = run.sheet(), run.state()
        if state is None or state.step < 10 or state.seconds <= 0 or sheet.device.split(":")[0] != device:
            return None
        from training.base_facts import find_base

        needs = needs_of(find_base(sheet.base_path), sheet.recipe, device=device, pairs=len(sheet.train))
    except TrainError:
        return None
    return needs.operations * sheet.recipe.batch * sheet.recipe.accumulation * state.step / state.seconds


def _learns(base: BaseFacts, shape: ModelShape, costs: Costs, recipe: TrainingRecipe) -> int:
    """How many numbers learn."""
    text = shape.others // 2 if recipe.train_text else 0
    return text + (base.parameters if recipe.method == "full" else costs.adapted * recipe.rank)


def _fixed(base: BaseFacts, shape: ModelShape, recipe: TrainingRecipe, learns: int, device: str) -> int:
    """Weights, gradients, the optimizer's two moments, the average, the base that is kept to."""
    card = device == "cuda"
    moments = 2 if recipe.eight_bit_adam and card else 8
    average = 0 if recipe.ema_on_cpu and card else 4
    resting = base.parameters * (2 if recipe.precision != "fp32" else 4) if recipe.method == "lora" else 0
    others = 0 if card else 4 * shape.others
    teacher = 4 * base.parameters if recipe.keep else 0
    own = CARD_BYTES if card else PROCESS_BYTES
    return own + others + resting + teacher + learns * (4 + 4 + moments + average)


def _each(costs: Costs, recipe: TrainingRecipe) -> float:
    """Bytes kept for the way back of one picture."""
    numbers = costs.inputs + costs.largest if recipe.gradient_checkpointing else costs.kept
    return numbers * (4 if recipe.precision == "fp32" else 2.7)


def _others(base: BaseFacts) -> int:
    """Numbers in text encoder and autoencoder, nearly: from the sizes of their files."""
    if base.kind == "package":
        parts, width = ("text_encoder", "vae_encoder", "vae_decoder"), 2
    else:
        parts, width = ("text_encoder", "vae"), 4
    files = [file for part in parts for file in (base.path / part).glob("*") if _is_weights(file)]
    return sum(file.stat().st_size for file in files) // width


def _is_weights(file: Path) -> bool:
    return file.suffix == ".safetensors" or file.name.startswith("model.onnx")


def _area(shape: tuple[int, int]) -> int:
    return shape[0] * shape[1]
