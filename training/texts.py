"""Instructions as the UNet takes them: embeddings made once, or token ids where the text encoder learns as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.disk_cache import DiskCache, key_of
from training.latents import weights_hash
from training.libraries import torch

if TYPE_CHECKING:
    from torch import Tensor


def token_ids(tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """int64 (N, L), padded and cut to the model's length."""
    encoded = tokenizer(
        list(texts), padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    )
    return encoded.input_ids


class Texts:
    """One row for each different text, the first of them "": the text that stands for none.

    rows: float32 (N, L, D) embeddings, or int64 (N, L) ids where the encoder is to run with each batch.
    """

    def __init__(self, texts: Sequence[str], rows: Tensor) -> None:
        self._row_of = {text: row for row, text in enumerate(texts)}
        self.rows = rows

    def row(self, text: str) -> int:
        return self._row_of[text]

    @classmethod
    def made(cls, texts: Sequence[str], encoder: Any, tokenizer: Any, cache: DiskCache | None) -> Texts:
        """cache: keeps embeddings; None for ids."""
        distinct = list(dict.fromkeys(("", *texts)))
        ids = token_ids(tokenizer, distinct)
        if cache is None:
            return cls(distinct, ids)
        weights = weights_hash(encoder)
        rows = [cache.get(key_of("text", weights, one.numpy()), lambda one=one: _embedded(encoder, one)) for one in ids]
        return cls(distinct, torch.from_numpy(np.stack(rows)))


@torch.no_grad()
def _embedded(encoder: Any, ids: Tensor) -> Any:
    """One text at a time, so that its bits do not depend on the others: int64 (L,) to float32 (L, D)."""
    return encoder(ids[None].to(encoder.device))[0][0].float().cpu().numpy()
