"""The processor: always there, and what every other provider falls back to."""

from __future__ import annotations

from inference.provider import Provider

PROVIDER = Provider(
    name="cpu",
    ort_name="CPUExecutionProvider",
    install="install it with `pip install palimpsest[cpu]`",
    in_process=True,
)
