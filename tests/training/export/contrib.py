"""ONNX Runtime's own operators in numpy, for graphs whose kernels only graphics cards have (ContribOperators.md)."""

from __future__ import annotations

from math import erf
from typing import Any

import numpy as np
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

_erf = np.vectorize(erf, otypes=[np.float64])


class GroupNorm(OpRun):
    op_domain = "com.microsoft"

    def _run(self, x: Any, gamma: Any, beta: Any, **attributes: Any) -> tuple[Any]:
        batch, height, width, channels = x.shape
        groups, epsilon = attributes["groups"], attributes["epsilon"]
        assert attributes.get("channels_last") in (None, 1) and gamma.dtype == beta.dtype == np.float32
        parts = x.astype(np.float64).reshape(batch, height * width, groups, channels // groups)
        mean, deviation = parts.mean((1, 3), keepdims=True), parts.var((1, 3), keepdims=True)
        y = ((parts - mean) / np.sqrt(deviation + epsilon)).reshape(x.shape) * gamma + beta
        return ((y / (1 + np.exp(-y)) if attributes["activation"] else y).astype(x.dtype),)


class MultiHeadAttention(OpRun):
    op_domain = "com.microsoft"

    def _run(self, query: Any, key: Any, value: Any, **attributes: Any) -> tuple[Any]:
        heads = attributes["num_heads"]
        q, k, v = (
            x.astype(np.float64).reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3) for x in (query, key, value)
        )
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ v
        return (mixed.transpose(0, 2, 1, 3).reshape(query.shape).astype(query.dtype),)


class BiasAdd(OpRun):
    op_domain = "com.microsoft"

    def _run(self, x: Any, bias: Any, skip: Any) -> tuple[Any]:
        return (x + bias + skip,)


class BiasSplitGelu(OpRun):
    op_domain = "com.microsoft"

    def _run(self, x: Any, bias: Any) -> tuple[Any]:
        left, right = np.split((x + bias).astype(np.float64), 2, -1)
        return ((left * right * 0.5 * (1 + _erf(right / np.sqrt(2)))).astype(x.dtype),)


class SkipLayerNormalization(OpRun):
    op_domain = "com.microsoft"

    def _run(self, x: Any, skip: Any, gamma: Any, beta: Any, bias: Any = None, **attributes: Any) -> tuple[Any, ...]:
        total = (x + skip + (0 if bias is None else bias)).astype(np.float64)
        centred = total - total.mean(-1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + attributes["epsilon"]) * gamma + beta
        none = np.zeros(0, np.float32)
        return tuple(part.astype(x.dtype) for part in (y, none, none, total)[: len(self.onnx_node.output)])


def run(model: Any, feeds: dict[str, Any]) -> Any:
    """The first output of a graph, computed in numpy."""
    operators = [GroupNorm, MultiHeadAttention, BiasAdd, BiasSplitGelu, SkipLayerNormalization]
    return ReferenceEvaluator(model, new_ops=operators).run(None, feeds)[0]
