"""How the weights of a graph are stored. Inputs, outputs and the maths stay float32 in every form.

`fp16` halves the file: each large weight is stored as float16 and a Cast to float32 stands behind it, which ONNX
Runtime folds away while it loads, so the optimised graph is the one of `fp32` and runs at its speed on a CPU. The
graphs that also compute in float16, for graphics cards, share those weights (`half.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SMALLEST_HALF = 256  # elements; below this a Cast node takes more room than the halved weight saves


@dataclass(frozen=True)
class Precision:
    """halve: weights are stored as float16. tolerance: the largest difference from torch, as a share of the reference's
    largest magnitude, that rounding explains; above it the graph is wrong.
    """

    halve: bool
    tolerance: float


# float32 leaves about 1e-5 on a full-size UNet; float16 rounds each weight by up to 5e-4 of itself.
PRECISIONS: Mapping[str, Precision] = {"fp32": Precision(False, 1e-3), "fp16": Precision(True, 5e-2)}
