"""The floor under a step's time: the multiplications of the network, at the rate of the device's best matrix product.

python -m tests.benchmarks.engine_floor SOURCE WIDTH HEIGHT DEVICE PRECISION... > floor.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch.utils.flop_counter import FlopCounterMode

from inference.runtime import cores

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SIDES = {"cpu": 2048, "cuda": 8192}
SECONDS = {"cpu": 4.0, "cuda": 2.0}


@torch.no_grad()
def operations(source: Path, width: int, height: int) -> dict[str, float]:
    """Floating-point operations (two per multiplication and addition) of one sample through each network."""
    with torch.device("meta"):
        unet = _model("UNet2DConditionModel", source / "unet")
        vae = _model("AutoencoderKL", source / "vae")
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        latent = torch.zeros(1, vae.config.latent_channels, height // factor, width // factor)
        sample = torch.zeros(1, unet.config.in_channels, *latent.shape[2:])
        length = json.loads((source / "text_encoder" / "config.json").read_text())["max_position_embeddings"]
        text = torch.zeros(1, length, unet.config.cross_attention_dim)
        return {
            "unet": _count(lambda: unet(sample, torch.tensor(500.0), text)),
            "encode": _count(lambda: vae.encode(torch.zeros(1, 3, height, width))),
            "decode": _count(lambda: vae.decode(latent)),
        }


def _model(name: str, folder: Path) -> Any:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return getattr(diffusers, name).from_config(config).eval()


def _count(run: Any) -> float:
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


@torch.no_grad()
def peak(device: str, precision: str, side: int = 0, seconds: float = 0.0) -> float:
    """Operations a second of the best of many square matrix products."""
    side, dtype = side or SIDES[device], DTYPES[precision]
    left, right = (torch.randn(side, side).to(device, dtype) for _ in range(2))
    best, end = float("inf"), time.perf_counter() + (seconds or SECONDS[device])
    while time.perf_counter() < end:
        start = time.perf_counter()
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2.0 * side**3 / best


def main(arguments: list[str]) -> int:
    source, width, height, device, *precisions = arguments
    torch.set_num_threads(cores() or torch.get_num_threads())
    torch.backends.cuda.matmul.allow_tf32 = False
    found = {
        "operations": operations(Path(source), int(width), int(height)),
        "peak": {precision: peak(device, precision) for precision in precisions},
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
