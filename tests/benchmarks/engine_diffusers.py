"""diffusers' InstructPix2Pix pipeline as a contender of the engine's benchmark, as fast as it can be had.

The start noise is ours. In float32, weights that the package stores as float16 are rounded alike, so that parity
compares the computation and not the files; the time that takes is not counted.
"""

from __future__ import annotations

import time
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from inference.noise import normal
from inference.runtime import cores
from tests.benchmarks.engine_child import Edit, Mark
from tests.benchmarks.engine_contenders import Contender, Job
from training.export.precision import SMALLEST_HALF

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SCHEDULERS = {"euler": "EulerDiscreteScheduler"}  # the only sampler whose start noise is all its noise, in both

# channels_last: for the UNet and the autoencoder. compile: the UNet and the decoder through torch.compile, with the
# weights frozen on a CPU and CUDA graphs on a GPU. variants: in one batch. tf32: on a GPU, in place of full float32.
SWITCHES = ("channels_last", "compile", "variants", "tf32")


@torch.no_grad()
def measure(job: Job, contender: Contender, mark: Mark) -> tuple[dict[str, Any], dict[str, Edit]]:
    """See `engine_child.measure`."""
    unknown = set(contender.switches) - set(SWITCHES)
    if unknown:
        raise ValueError(f"diffusers has no switch {', '.join(sorted(unknown))}: there are {', '.join(SWITCHES)}.")
    torch.set_num_threads(job.threads or cores() or torch.get_num_threads())
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = contender.switches.get("tf32") == "on"
    pipeline, rounding = _load(job, contender)
    notes = {
        "versions": {"torch": torch.__version__, "diffusers": diffusers.__version__},
        "threads": torch.get_num_threads(),
        "attention": type(next(iter(pipeline.unet.attn_processors.values()))).__name__,
        "not_loading": rounding,
    }
    photo = Image.open(job.photo).convert("RGB")
    edits = {}
    for name in [name for name in job.edits if name != "cached"]:  # it keeps nothing, so that it has no such case
        mark(name)
        turned = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if name == "whole" else photo
        edits[name] = _edit(pipeline, job, contender, turned)
    if contender.device == "cuda":
        notes["allocated"] = torch.cuda.max_memory_allocated()
    mark("end")
    return notes, edits


def _load(job: Job, contender: Contender) -> tuple[Any, float]:
    """The pipeline, and the seconds that rounding its weights took."""
    dtype = DTYPES[contender.precision]
    pipeline: Any = diffusers.StableDiffusionInstructPix2PixPipeline.from_pretrained(
        job.source, torch_dtype=dtype, local_files_only=True, use_safetensors=True, **_no_checker()
    )
    start = time.perf_counter()
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.eval()
        if contender.precision == "fp32":
            _round(part)
    rounding = time.perf_counter() - start
    config = {name: value for name, value in pipeline.scheduler.config.items() if name != "_use_default_values"}
    pipeline.scheduler = getattr(diffusers, SCHEDULERS[job.sampler]).from_config(config)
    pipeline.to(contender.device)
    pipeline.set_progress_bar_config(disable=True)
    if contender.switches.get("channels_last") == "on":
        for part in (pipeline.unet, pipeline.vae):
            part.to(memory_format=torch.channels_last)
    if contender.switches.get("compile") == "on":
        _compile(pipeline, contender.device)
    return pipeline, rounding


def _no_checker() -> dict[str, Any]:
    return {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def _round(part: torch.nn.Module) -> None:
    for weight in part.parameters():
        if weight.numel() >= SMALLEST_HALF:
            weight.data.copy_(weight.data.half())


def _compile(pipeline: Any, device: str) -> None:
    if device == "cpu":
        from torch._inductor import config

        config.freezing = True
    mode = "max-autotune" if device == "cuda" else None
    pipeline.unet = torch.compile(pipeline.unet, mode=mode, fullgraph=True, dynamic=False)
    pipeline.vae.decode = torch.compile(pipeline.vae.decode, mode=mode, fullgraph=True, dynamic=False)


def _edit(pipeline: Any, job: Job, contender: Contender, photo: Image.Image) -> Edit:
    device, dtype = contender.device, DTYPES[contender.precision]
    count = int(contender.switches.get("variants", "1"))
    factor, channels = pipeline.vae_scale_factor, pipeline.vae.config.latent_channels
    shape = (1, channels, job.height // factor, job.width // factor)
    noise = np.concatenate([normal(job.seed + index, 0, shape) for index in range(count)])
    stamps: list[float] = []
    last: list[torch.Tensor] = []

    def stepped(_: Any, number: int, __: Any, values: dict[str, Any]) -> dict[str, Any]:
        # Waiting after each step would take the overlap of steps away: only where the clock is read in the end.
        if device == "cuda" and number in (0, job.steps - 1):
            torch.cuda.synchronize()
        stamps.append(time.perf_counter())
        last[:] = [values["latents"]]
        return values

    start, busy = time.perf_counter(), time.process_time()
    stamps.append(start)
    done = pipeline(
        job.instruction,
        image=photo,
        num_inference_steps=job.steps,
        guidance_scale=job.text_scale,
        image_guidance_scale=job.image_scale,
        num_images_per_prompt=count,
        latents=torch.from_numpy(noise).to(device, dtype),
        callback_on_step_end=stepped,
    )
    images = [np.asarray(image) for image in done.images]
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    return Edit(seconds, stamps, images, last[0][:1].float().cpu().numpy(), cpu=cpu)
