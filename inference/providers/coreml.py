"""Apple's GPU and neural engine, on macOS."""

from __future__ import annotations

from inference.provider import Provider

PROVIDER = Provider(
    name="coreml",
    ort_name="CoreMLExecutionProvider",
    install="it comes with `pip install palimpsest[cpu]` on macOS",
    # The older NeuralNetwork format knows neither most operators nor float32 on the GPU.
    options=lambda memory_limit: {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"},
)
