"""x86 and ARM processors and Intel's GPUs through OpenVINO, without ONNX Runtime.

On a processor it is about twice as fast as ONNX Runtime or more: it computes in bfloat16 where it can, and keeps
feature maps in the layout that its convolutions want.
"""

from __future__ import annotations

from inference import openvino_runtime
from inference.openvino_network import load
from inference.provider import Provider

PROVIDER = Provider(
    name="openvino",
    ort_name="",
    install=openvino_runtime.INSTALL,
    missing=openvino_runtime.missing,
    load=load,  # with open sizes: 3 % slower than fixed ones, and one set of weights for all pictures and branches
    prepares=True,
)
