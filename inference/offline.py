"""Nothing leaves this machine: what a library would report about its use is switched off."""

from __future__ import annotations

import os


def stay_offline() -> None:
    """Switch off ONNX Runtime's telemetry. To be called before `onnxruntime` is imported: it looks only then.

    From 1.29 on, official builds for Linux and macOS report models and runs to their maker unless this is set, and
    keep an identity in the temporary folder (https://github.com/microsoft/onnxruntime/pull/27379). Children inherit it.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
