"""Teaches the text encoder what the words mean before the UNet sees a picture.

Linear heads read kind, amount, colours, shape and place off the encoder's output. A minute of text alone gives the
UNet instructions that are already apart, where it would spend its first hour finding that out from pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.libraries import torch
from training.starter.grammar import all_instructions, sample_instruction, sample_phrase
from training.starter.instruction import Instruction
from training.starter.loop import Loop, LoopSettings

if TYPE_CHECKING:
    from torch import Tensor

FIELDS = ("kind", "amount", "colour", "to_colour", "shape", "place")


class Heads(torch.nn.Module):
    """One linear reading of each field from the mean and the last token of (N, L, D)."""

    def __init__(self, width: int) -> None:
        torch.nn.Module.__init__(self)
        self.values = {f: sorted({getattr(i, f) for i in all_instructions()}) for f in FIELDS}
        self.readers = torch.nn.ModuleDict({f: torch.nn.Linear(2 * width, len(v)) for f, v in self.values.items()})

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        pooled = torch.cat([tokens.mean(1), tokens[:, -1]], dim=1)
        return {field: reader(pooled) for field, reader in self.readers.items()}

    def labels(self, field: str, instructions: Sequence[Instruction]) -> Tensor:
        return torch.tensor([self.values[field].index(getattr(i, field)) for i in instructions])


def token_ids(tokenizer: Any, phrases: Sequence[str]) -> Tensor:
    """int64 (N, L): padded and cut to the model's length."""
    encoded = tokenizer(list(phrases), padding="max_length", truncation=True, return_tensors="pt")
    return encoded.input_ids


def train_words(folder: Path, text: Any, tokenizer: Any, *, seed: int, steps: int = 1500, batch: int = 96) -> float:
    """Trains `text` in place; returns the share of held-out phrasings whose fields are all read right."""
    heads = Heads(text.config.hidden_size)
    loop = Loop({"text": text, "heads": heads}, folder, LoopSettings(steps, lr=1e-3, save_every=500, log_every=100))

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng((seed, step))
        instructions = [sample_instruction(rng) for _ in range(batch)]
        read = heads(text(token_ids(tokenizer, [sample_phrase(rng, i) for i in instructions])).last_hidden_state)
        losses = [torch.nn.functional.cross_entropy(read[f], heads.labels(f, instructions)) for f in FIELDS]
        return torch.stack(losses).sum()

    loop.run(loss)
    return words_accuracy(text, tokenizer, heads, seed=seed)


@torch.no_grad()
def words_accuracy(text: Any, tokenizer: Any, heads: Heads, *, seed: int, count: int = 512) -> float:
    """Share of held-out phrasings whose fields are all read right."""
    rng = np.random.default_rng((seed, 2**31))
    instructions = [sample_instruction(rng) for _ in range(count)]
    phrases = [sample_phrase(rng, i, held_out=True) for i in instructions]
    read = heads(text(token_ids(tokenizer, phrases)).last_hidden_state)
    right = torch.stack([read[f].argmax(1) == heads.labels(f, instructions) for f in FIELDS]).all(0)
    return float(right.float().mean())
