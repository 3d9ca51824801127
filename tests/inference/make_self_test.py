"""Makes inference/self_test.onnx and self_test.npz: run `python tests/inference/make_self_test.py`.

The graph has what a diffusion UNet is made of: convolutions, group normalisation as exporters write it, SiLU, attention
to a text, layer normalisation, GELU, resizing, and a branch in float16. Every dimension is fixed, as DirectML likes it.
The numbers come from onnx's own reference implementation in numpy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

WIDTH, SIDE, GROUPS, HEADS, TOKENS = 16, 16, 4, 2, 8


class _Builder:
    def __init__(self) -> None:
        self.random = np.random.RandomState(1729)  # its stream never changes
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(value, dtype), f"constant_{len(self.tensors)}"))
        return self.tensors[-1].name

    def weight(self, *shape: int, dtype: type = np.float32) -> str:
        return self.constant(self.random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape), dtype)

    def conv(
        self, x: str, inputs: int, outputs: int, stride: int = 1, dtype: type = np.float32, output: str = ""
    ) -> str:
        weight, bias = self.weight(outputs, inputs, 3, 3, dtype=dtype), self.weight(outputs, dtype=dtype)
        return self.add("Conv", x, weight, bias, output=output, strides=[stride, stride], pads=[1, 1, 1, 1])

    def shaped(self, x: str, *shape: int) -> str:
        return self.add("Reshape", x, self.constant(shape, np.int64))

    def group_norm_silu(self, x: str) -> str:
        flat = self.shaped(x, 1, GROUPS, -1)
        ones, zeros = self.constant(np.ones(GROUPS)), self.constant(np.zeros(GROUPS))
        normal = self.shaped(self.add("InstanceNormalization", flat, ones, zeros, epsilon=1e-5), 1, WIDTH, SIDE, SIDE)
        scaled = self.add("Add", self.add("Mul", normal, self.weight(WIDTH, 1, 1)), self.weight(WIDTH, 1, 1))
        return self.add("Mul", scaled, self.add("Sigmoid", scaled))

    def attention(self, x: str, text: str) -> str:
        normal = self.add("LayerNormalization", x, self.weight(WIDTH), self.weight(WIDTH), axis=-1, epsilon=1e-5)
        q = self.heads(normal, [0, 2, 1, 3])
        k, v = self.heads(text, [0, 2, 3, 1]), self.heads(text, [0, 2, 1, 3])
        logits = self.add("Mul", self.add("MatMul", q, k), self.constant(1 / np.sqrt(WIDTH / HEADS)))
        seen = self.add("MatMul", self.add("Softmax", logits, axis=-1), v)
        seen = self.shaped(self.add("Transpose", seen, perm=[0, 2, 1, 3]), 1, -1, WIDTH)
        return self.add("Add", x, self.add("MatMul", seen, self.weight(WIDTH, WIDTH)))

    def heads(self, x: str, order: list[int]) -> str:
        product = self.add("MatMul", x, self.weight(WIDTH, WIDTH))
        return self.add("Transpose", self.shaped(product, 1, -1, HEADS, WIDTH // HEADS), perm=order)

    def gelu(self, x: str) -> str:
        erf = self.add("Erf", self.add("Mul", x, self.constant(np.sqrt(0.5))))
        return self.add("Mul", self.add("Mul", x, self.constant(0.5)), self.add("Add", erf, self.constant(1.0)))


def graph() -> onnx.ModelProto:
    b = _Builder()
    first = b.conv("sample", 4, WIDTH)
    deep = b.add("Add", first, b.conv(b.group_norm_silu(first), WIDTH, WIDTH))
    small = b.conv(deep, WIDTH, WIDTH, stride=2)
    tokens = b.add("Transpose", b.shaped(small, 1, WIDTH, -1), perm=[0, 2, 1])
    tokens = b.gelu(b.attention(tokens, "text"))
    small = b.shaped(b.add("Transpose", tokens, perm=[0, 2, 1]), 1, WIDTH, SIDE // 2, SIDE // 2)
    nearest = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    large = b.add("Resize", small, "", b.constant([1, 1, 2, 2]), **nearest)
    b.conv(b.add("Concat", large, deep, axis=1), 2 * WIDTH, 4, output="noise")
    half = b.conv(b.add("Cast", deep, to=TensorProto.FLOAT16), WIDTH, 4, dtype=np.float16)
    b.add("Cast", half, output="half", to=TensorProto.FLOAT)
    image, text = [1, 4, SIDE, SIDE], [1, TOKENS, WIDTH]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("sample", image), ("text", text))]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, image) for n in ("noise", "half")]
    model = helper.make_model(
        helper.make_graph(b.nodes, "self_test", inputs, outputs, b.tensors),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="palimpsest",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def numbers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    random = np.random.RandomState(3)
    feeds = {
        "sample": random.normal(0, 1, (1, 4, SIDE, SIDE)).astype(np.float32),
        "text": random.normal(0, 1, (1, TOKENS, WIDTH)).astype(np.float32),
    }
    noise, half = ReferenceEvaluator(model).run(None, feeds)
    return {**feeds, "noise": noise, "half": half}


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "inference"
    made = graph()
    (target / "self_test.onnx").write_bytes(made.SerializeToString(deterministic=True))
    np.savez_compressed(target / "self_test.npz", **numbers(made))
