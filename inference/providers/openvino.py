"""Intel processors and GPUs through an ONNX Runtime that was built with OpenVINO."""

from __future__ import annotations

from inference.provider import Provider

PROVIDER = Provider(
    name="openvino",
    ort_name="OpenVINOExecutionProvider",
    install="install `onnxruntime-openvino` in place of every other onnxruntime",
    # AUTO takes a GPU where there is one and the processor where there is none.
    options=lambda memory_limit: {"device_type": "AUTO"},
)
