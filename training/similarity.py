"""Likeness in an encoder's space: the paper's two numbers and MagicBrush's columns, from embeddings. No PyTorch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Embedding = NDArray[np.float64]
"""float64 (D,), of length 1."""


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Each row brought to length 1, as float64 (N, D); a row of zeros stays."""
    values = vectors.astype(np.float64)
    return values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12)


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """In [-1, 1]; 0 where one of them has no direction."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 1e-12 else 0.0


def direction(before: Embedding, after: Embedding, text_before: Embedding, text_after: Embedding) -> float:
    """How far the picture moved as its caption did: cos(I1 - I0, T1 - T0) (Gal et al., arXiv 2108.00946)."""
    return cosine(after - before, text_after - text_before)
