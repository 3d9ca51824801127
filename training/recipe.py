"""One configuration of training, as values: what it is, and what follows from it. Without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["lora", "full"]
Precision = Literal["fp32", "bf16", "fp16"]

LEAST_STEPS, MOST_STEPS, STEPS_PER_PAIR = 300, 3000, 60


@dataclass(frozen=True)
class TrainingRecipe:
    """Everything but pairs and base that decides a result.

    about: one sentence on what it is for. method: "lora" with `rank`, or "full". lr: peak of a cosine with `warmup` as
    a share of the steps. batch: pairs a step on one rank; accumulation: such batches a step. steps: 0 follows the
    number of pairs. size: long side in pixels that the model trains at; 0 takes the base's. dropout: u of the method.
    replay: the share of samples that guard against forgetting. flip: how often a pair is mirrored, where its
    instruction allows it. min_snr: gamma of min-SNR weighting (Hang et al., arXiv 2303.09556), 0 for none.
    first_step_share: share of samples at the last timestep, beside the even rest. outside_weight: weight of the loss
    outside of a pair's mask, in [0, 1]. keep: what is replayed, and what has lost its text, is taught the base's own
    answers, which takes the memory of a second network. train_text: the text encoder learns too. ema_on_cpu: the
    average stays in main memory. held_out: share of the source pictures that is kept for judging. save_every,
    sample_every: in steps; 0 is a tenth and a fifth of all.
    """

    name: str
    about: str
    method: Method = "lora"
    rank: int = 16
    lr: float = 1e-4
    warmup: float = 0.05
    batch: int = 4
    accumulation: int = 1
    steps: int = 0
    size: int = 0
    precision: Precision = "bf16"
    gradient_checkpointing: bool = False
    eight_bit_adam: bool = False
    weight_decay: float = 0.01
    clip: float = 1.0
    ema_decay: float = 0.999
    ema_on_cpu: bool = False
    min_snr: float = 5.0
    dropout: float = 0.05
    replay: float = 0.2
    flip: float = 0.5
    first_step_share: float = 0.0
    outside_weight: float = 0.2
    keep: bool = False
    train_text: bool = False
    held_out: float = 0.1
    seed: int = 0
    save_every: int = 0
    sample_every: int = 0

    def steps_for(self, pairs: int, ranks: int = 1) -> int:
        """Steps of a run over so many pairs: clamp(60 x pairs / batch, 300, 3000) unless `steps` says otherwise."""
        whole = self.batch * self.accumulation * ranks
        return self.steps or min(MOST_STEPS, max(LEAST_STEPS, round(STEPS_PER_PAIR * pairs / whole)))
