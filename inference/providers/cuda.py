"""NVIDIA GPUs through CUDA and cuDNN."""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys

from inference.provider import Provider
from inference.runtime import SessionOptions, runtime


def _missing() -> str | None:
    """The runtime lists CUDA without a driver too, so look for one."""
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(driver)
    except OSError:
        return "No NVIDIA driver was found: install the driver of your graphics card, version 580 or later."
    return None


def _tune(options: SessionOptions) -> None:
    # CUDA and cuDNN may be pip packages, which no system path leads to. What is missing shows when the session starts;
    # the words printed here would end up in the output of the program.
    with contextlib.redirect_stdout(io.StringIO()):
        runtime().preload_dlls()


def _options(memory_limit: int | None) -> dict[str, str]:
    options = {
        "device_id": "0",
        # Growing in powers of two would hold up to twice what a model needs until the session ends.
        "arena_extend_strategy": "kSameAsRequested",
        # Trying every convolution algorithm (the default) costs seconds for each new picture size.
        "cudnn_conv_algo_search": "HEURISTIC",
    }
    return options if memory_limit is None else options | {"gpu_mem_limit": str(memory_limit)}


PROVIDER = Provider(
    name="cuda",
    ort_name="CUDAExecutionProvider",
    install="install it with `pip install palimpsest[cuda]`",
    missing=_missing,
    options=_options,
    tune=_tune,
    graphs=("fp16", "attention", "model"),
    device="cuda",
    can_replay=True,
    replaying={"enable_cuda_graph": "1"},
    static=True,
    device_memory=True,
    shares_weights=True,
    exactly={"use_tf32": "0"},
)
