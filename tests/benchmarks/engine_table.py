"""What the engine's benchmark prints: one line as a contender ends, and the table of all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.guidance import branches
from tests.benchmarks.engine_contenders import REFERENCES, Job

HEAD = (
    "contender",
    "load s",
    "first edit s",
    "whole edit s",
    "cached s",
    "s per step",
    "peak memory GB (own / all)",
    "on the card GB",
    "times diffusers",
    "times tuned",
    "latents off by (largest, rms)",
    "picture dB",
    "of the floor",
)
SAME = 1e-6  # the same edit again, on the same device; some of its kernels may add up in another order
SAVING = ("reuse", "interval", "variants")  # with these a step is not the work that the floor counts


def line(found: Mapping[str, Any]) -> str:
    """One contender's figures as it ends."""
    if "failed" in found:
        return f"{found['contender']}: failed: {found['failed']}"
    edits = ", ".join(
        f"{name} {edit['seconds']:.2f} s (of the cores {edit['cpu']:.1f} s)" for name, edit in found["edits"].items()
    )
    peak = found["memory"]["peak"]
    stages = ", ".join(f"{name} {memory['total'] / 1e9:.2f}" for name, memory in found["memory"]["stages"].items())
    step = _step(found)
    return (
        f"{found['contender']}: load {found['load']:.2f} s, {edits}, "
        f"{'-' if step is None else f'{step:.3f}'} s per step, peak {peak['total'] / 1e9:.2f} GB ({stages})"
    )


def table(
    job: Job,
    device: str,
    found: Mapping[str, Mapping[str, Any]],
    pictures: Mapping[str, Mapping[str, NDArray[Any]]],
    floor: Mapping[str, Any] | None,
    busy: float,
) -> str:
    """Markdown. A row whose figures other processes disturbed by more than `busy` cores says so."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for name, one in found.items():
        disturbed = one["others"] is not None and one["others"] > busy
        label = f"{name} (disturbed: others took {one['others']:.1f} cores)" if disturbed else name
        rows.append(
            (label, *_times(one), *_memory(one), *_ratios(one, found, device), *_parity(name, pictures, device))
        )
        rows[-1] = (*rows[-1], _share(job, one, floor))
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    for name, one in found.items():
        again = one.get("again")
        if again is not None and not again <= SAME:  # not a number is no answer either
            text += f"\n\n**{name} gave something else when the first edit was made again: off by {again:.1e}.**"
    return text if floor is None else f"{text}\n\n{_floor_line(job, floor)}"


def relative(found: NDArray[Any], reference: NDArray[Any]) -> float:
    """The largest difference as a share of the reference's largest magnitude; infinite where the shapes differ."""
    if found.shape != reference.shape:
        return math.inf
    return float(np.abs(found - reference).max() / np.abs(reference).max())


def relative_rms(found: NDArray[Any], reference: NDArray[Any]) -> float:
    """The root mean square of the differences as a share of the reference's; infinite where the shapes differ."""
    if found.shape != reference.shape:
        return math.inf
    return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))


def psnr(found: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Decibels between two pictures of 8 bits; infinite where they are equal."""
    error = float(np.mean((found.astype(np.float64) - reference) ** 2)) if found.shape == reference.shape else math.inf
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _warmest(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The warm edit of which nothing was kept, or what is nearest to that of those that were measured."""
    edits = found["edits"]
    return next(edits[name] for name in ("whole", "first", "cached") if name in edits)


def _whole(found: Mapping[str, Any]) -> float:
    """Seconds of a whole edit and variant."""
    return float(_warmest(found)["seconds"]) / int(found["variants"])


def _step(found: Mapping[str, Any]) -> float | None:
    return _warmest(found)["step"]


def _times(found: Mapping[str, Any]) -> tuple[str, ...]:
    edits = [found["edits"].get(name) for name in ("first", "whole", "cached")]
    seconds = [None if edit is None else edit["seconds"] for edit in edits]
    return tuple("" if value is None else _figure(value) for value in (found["load"], *seconds, _step(found)))


def _memory(found: Mapping[str, Any]) -> tuple[str, str]:
    peak = found["memory"]["peak"]
    device = f"{peak['device'] / 1e9:.2f}" if peak["device"] else ""
    return f"{peak['anonymous'] / 1e9:.2f} / {peak['total'] / 1e9:.2f}", device


def _ratios(one: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]], device: str) -> tuple[str, ...]:
    return tuple(f"{_whole(found[name]) / _whole(one):.2f}" if name in found else "" for name in REFERENCES[device])


def _parity(name: str, pictures: Mapping[str, Mapping[str, NDArray[Any]]], device: str) -> tuple[str, str]:
    reference = pictures.get(REFERENCES[device][0])
    if reference is None or name == REFERENCES[device][0]:
        return "", ""
    mine = pictures[name]
    both = "latent" in mine and "latent" in reference
    pair = (mine["latent"], reference["latent"]) if both else None
    latents = f"{relative(*pair):.1e}, {relative_rms(*pair):.1e}" if pair else ""
    return latents, f"{psnr(mine['image'], reference['image']):.1f}"


def _share(job: Job, found: Mapping[str, Any], floor: Mapping[str, Any] | None) -> str:
    """How much of the device's best rate a step reaches."""
    step = _step(found)
    if floor is None or step is None or any(name in found["switches"] for name in SAVING):
        return ""
    rate = floor["peak"].get(found["precision"])
    return "" if rate is None else f"{_step_operations(job, floor) / rate / step:.0%}"


def _step_operations(job: Job, floor: Mapping[str, Any]) -> float:
    return float(floor["operations"]["unet"]) * len(branches(job.text_scale, job.image_scale))


def _floor_line(job: Job, floor: Mapping[str, Any]) -> str:
    step = _step_operations(job, floor)
    operations = floor["operations"]
    edit = job.steps * step + operations["encode"] + operations["decode"]
    peaks = ", ".join(
        f"{rate / 1e12:.2f} TFLOP/s in {name} ({step / rate:.3f} s a step, {edit / rate:.1f} s an edit)"
        for name, rate in floor["peak"].items()
    )
    return f"Floor on {floor['device']}: {step / 1e12:.2f} TFLOP a step, {edit / 1e12:.1f} an edit; {peaks}."


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"
