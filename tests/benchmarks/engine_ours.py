"""The program's own engine as a contender of its benchmark, used as a program uses it: requests in, events out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import pipeline
from inference.engine import Engine
from inference.package import open_package
from inference.providers import choose
from inference.types import CancelToken, EditRequest, Progress, Variant
from tests.benchmarks.engine_child import Edit, Mark
from tests.benchmarks.engine_contenders import Contender, Job
from tests.benchmarks.engine_switches import OPTION, switched, used_graph, without

SWITCHES = (
    "provider",  # by name
    "variants",  # in one request
    "full_res",  # on: carry the edit over to the photo's own pixels, which asks the decoder once more
    "previews",  # on: as the window shows them
    "graphs",  # the graphs to prefer, joined by "+"
    "reuse",  # the deep part of the network in every n-th step only
    "interval",  # "0.2-0.8": the part of the steps in which guidance asks all branches
    "float32",  # on: compute in float32 where the provider would round more
    "composed",  # off: the UNet alone on the provider, guidance and sampler in numpy, as before
    "binding",  # off: latents pass through the host between steps
    "replay",  # off: no recorded run (CUDA graph)
    "share",  # off: every size of picture has weights of its own
    "optimize",  # ONNX Runtime's own optimizer: "off", "basic", "extended" or "all"
)
# Besides, "option.NAME=VALUE" sets an option of the provider, as option.prefer_nhwc=1.


def measure(job: Job, contender: Contender, mark: Mark) -> tuple[dict[str, Any], dict[str, Edit]]:
    """See `engine_child.measure`."""
    switches = contender.switches
    unknown = {name for name in switches if not name.startswith(OPTION)} - set(SWITCHES)
    if unknown:
        raise ValueError(f"The engine has no switch {', '.join(sorted(unknown))}: there are {', '.join(SWITCHES)}.")
    package = open_package(Path(job.package))
    chosen = choose(switches["provider"])
    provider = switched(chosen.provider, switches)
    graph = used_graph(package.folder / "unet", provider)
    engine = Engine(package, replace(chosen, provider=provider))
    photo = cv2.cvtColor(cv2.imread(job.photo, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    with finished_latents() as latents, without(switches):
        edits = _edits(engine, job, switches, np.asarray(photo), latents, mark)
    mark("end")
    engine.close()
    return {"versions": _versions(), "provider": provider.name, "graph": graph}, edits


def _edits(
    engine: Engine,
    job: Job,
    switches: Mapping[str, str],
    photo: NDArray[np.uint8],
    latents: list[NDArray[np.float32]],
    mark: Mark,
) -> dict[str, Edit]:
    edits: dict[str, Edit] = {}
    for name in job.edits:
        image = np.ascontiguousarray(photo[:, ::-1]) if name == "whole" else photo
        words = f"{job.instruction} now" if name == "whole" else job.instruction
        request = _request(job, switches, image, words)
        latents.clear()
        edits[name] = _edit(engine, request, switches.get("previews") == "on", latents, lambda name=name: mark(name))
    return edits


def _request(job: Job, switches: Mapping[str, str], image: NDArray[np.uint8], instruction: str) -> EditRequest:
    extra: dict[str, Any] = {}
    if "reuse" in switches:
        extra["reuse"] = int(switches["reuse"])
    if "interval" in switches:
        first, last = switches["interval"].split("-")
        extra["guidance_interval"] = (float(first), float(last))
    return EditRequest(
        image=image,
        instruction=instruction,
        steps=job.steps,
        text_scale=job.text_scale,
        image_scale=job.image_scale,
        sampler=job.sampler,
        size=max(job.width, job.height),
        seeds=tuple(job.seed + index for index in range(int(switches.get("variants", "1")))),
        full_res=switches.get("full_res") == "on",
        **extra,
    )


def _edit(
    engine: Engine,
    request: EditRequest,
    previews: bool,
    latents: list[NDArray[np.float32]],
    begins: Callable[[], None],
) -> Edit:
    """One edit; its clock starts when the models are loaded, which only the first edit waits for."""
    stamps: list[float] = []
    variants: list[Variant] = []
    start, busy = time.perf_counter(), time.process_time()
    for event in engine.edit(request, CancelToken(), previews=previews):
        if isinstance(event, Progress) and event.stage == "encode":
            begins()
            start, busy = time.perf_counter(), time.process_time()
            stamps.append(start)
        if isinstance(event, Progress) and event.variant == 0 and event.stage == "denoise" and event.step > 0:
            stamps.append(time.perf_counter())
        if isinstance(event, Variant):
            variants.append(event)
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    stages: dict[str, float] = {}
    for variant in variants:
        for stage, took in variant.timings.items():
            stages[stage] = stages.get(stage, 0.0) + took
    images = [np.asarray(variant.image, np.uint8) for variant in variants]
    return Edit(seconds, stamps, images, latents[0] if latents else None, stages, cpu)


@contextmanager
def finished_latents() -> Iterator[list[NDArray[np.float32]]]:
    """Keeps the first latent of every loop's end: an edit tells pixels only, and parity is measured on latents too."""
    seen: list[NDArray[np.float32]] = []
    denoise = pipeline.denoise

    def watched(*given: Any, **named: Any) -> Iterator[pipeline.Denoised]:
        last = None
        for last in denoise(*given, **named):
            yield last
        if last is not None:
            seen.append(np.array(last.latents[:1], np.float32))

    pipeline.denoise = watched
    try:
        yield seen
    finally:
        pipeline.denoise = denoise


def _versions() -> dict[str, str]:
    """Of the libraries that may compute; without those that are not installed."""
    names = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "openvino")
    found = {name: next(iter(metadata.distributions(name=name)), None) for name in names}
    return {name: one.version for name, one in found.items() if one is not None}
