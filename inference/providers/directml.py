"""Any DirectX 12 GPU on Windows.

It wants no memory pattern, sequential execution and no two runs of a session at once. It is several times faster where
every dimension is fixed: see `dimensions` of `Loading`.
https://onnxruntime.ai/docs/execution-providers/DirectML-ExecutionProvider.html
"""

from __future__ import annotations

from inference.provider import Provider
from inference.runtime import SessionOptions


def _tune(options: SessionOptions) -> None:
    options.enable_mem_pattern = False  # execution is sequential for every provider here


PROVIDER = Provider(
    name="directml",
    ort_name="DmlExecutionProvider",
    install="on Windows, install it with `pip install palimpsest[directml]` in place of every other onnxruntime",
    options=lambda memory_limit: {"device_id": "0"},
    tune=_tune,
    exclusive=True,
    graphs=("fp16", "model"),
    static=True,
    device_memory=True,
)
