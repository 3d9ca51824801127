"""Instructions to embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import PackageError
from inference.network import Network, Tensor
from inference.tokenizer import ClipTokenizer
from inference.types import CancelToken


class TextEncoder:
    """length: tokens per text, with start and end; shorter texts are padded, longer ones cut before the end token.

    Raises `PackageError` where the tokenizer's files do not fit, or the graph is no text encoder.
    """

    def __init__(self, model: Network, tokenizer_folder: Path, length: int) -> None:
        self._model = model
        self._tokenizer = ClipTokenizer(tokenizer_folder, length)
        self._input = _only_input(model)
        self._output = _embedding(model)

    def ids(self, texts: Sequence[str]) -> NDArray[Any]:
        """int (N, length), in the type that the graph takes."""
        return np.array(self._tokenizer.ids(texts), self._input.dtype)

    def encode(self, texts: Sequence[str], cancel: CancelToken | None = None) -> NDArray[np.float32]:
        """float32 (N, length, D). One text is encoded at a time, so that its bits do not depend on the others.

        Raises `Cancelled` and what `Network.run` raises.
        """
        rows = [self._model.run({self._input.name: row[None]}, cancel)[self._output] for row in self.ids(texts)]
        return np.concatenate(rows).astype(np.float32, copy=False)


def _only_input(model: Network) -> Tensor:
    if len(model.inputs) != 1:
        names = ", ".join(tensor.name for tensor in model.inputs)
        raise PackageError(f"{model.path} takes {names} where token ids alone are known here; it is of another kind.")
    return model.inputs[0]


def _embedding(model: Network) -> int:
    """Which output has one vector per token: the one of that name, else the first of three dimensions."""
    fitting = [index for index, tensor in enumerate(model.outputs) if len(tensor.shape) == 3]
    named = [index for index in fitting if model.outputs[index].name == "last_hidden_state"]
    if not fitting:
        raise PackageError(f"{model.path} gives no vector per token, so it is no text encoder of a diffusion model.")
    return (named or fitting)[0]
