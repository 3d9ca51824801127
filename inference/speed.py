"""How fast a model runs here: seconds of one step, and how near that is to what the device could do at best.

Everything is measured in a process of its own, which can be ended at any moment and may die without harm.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from inference import flops, memory, memory_model, wire
from inference.child import Child
from inference.child_side import end_with_parent, private_output
from inference.errors import EngineError, EngineMemoryError, PackageError
from inference.graph_file import read_graph
from inference.guidance import branches
from inference.guided_step import GuidedStepper, Shape
from inference.memory_facts import facts_of
from inference.models import Models
from inference.offline import stay_offline
from inference.package import ModelPackage, open_package
from inference.peak import peak
from inference.pipeline import Asked, Row
from inference.provider import Provider
from inference.types import CancelToken

TIMEOUT = 600.0
"""Seconds after which a measurement is given up: loading gigabytes from a slow disk takes minutes."""
RUN_SECONDS = 6.0
"""How long calls are repeated, after the first; the best of them counts."""
MOST_RUNS = 20
_POLL_SECONDS = 0.1
# The latent stays as it is: what the network answers is computed, and then counts for nothing.
_ROW = Row(timestep=500.0, a=1.0, b=0.0, c=0.0, d=0.0, p=1.0, q=0.0)

Progress = Callable[[float, str], object]


@dataclass(frozen=True)
class Speed:
    """One step of an edit on a provider: a call of the UNet, of the size and the branches that the model's dials say.

    size: the long side that the model sees, in pixels. branches: samples in the call. steps: of an edit.
    seconds: of the best step. load_seconds: until the first could begin. flops: operations in the call, and
    once_flops: in what an edit computes once (text, encoding, decoding); 0 where they cannot be counted.
    peak: operations a second that the device reached with large matrix products.
    """

    model: str
    provider: str
    size: int
    branches: int
    steps: int
    seconds: float
    load_seconds: float
    flops: float
    once_flops: float
    peak: float

    @property
    def floor(self) -> float:
        """Seconds that the call would take at the device's peak."""
        return self.flops / self.peak

    @property
    def share(self) -> float:
        """How much of the device's peak the call uses: 1 is all of it, 0 means that it is not known."""
        return self.floor / self.seconds

    @property
    def edit_seconds(self) -> float:
        """An edit of one variant: all steps, and the rest as if it ran at their pace."""
        rest = self.once_flops / self.flops if self.flops else 0.0
        return (self.steps + rest) * self.seconds

    def facts(self) -> dict[str, object]:
        """All of it, also what follows from it, for JSON."""
        return {**asdict(self), "floor": self.floor, "share": self.share, "edit_seconds": self.edit_seconds}


def measure(
    folder: Path,
    provider: str = "auto",
    cancel: CancelToken | None = None,
    progress: Progress = lambda share, text: None,
    timeout: float = TIMEOUT,
) -> Speed:
    """Measure the package in `folder` in a child process. progress: (share in [0, 1], what is being done).

    Raises `Cancelled`, `PackageError`, `ProviderError`, `EngineMemoryError`, and `EngineError` where the process ends
    by itself or takes longer than `timeout` seconds.
    """
    cancel = cancel or CancelToken()
    cancel.raise_if_cancelled()
    child = Child("inference.speed", [str(folder.absolute()), "--provider", provider])
    try:
        for message in _messages(child, cancel, time.monotonic() + timeout):
            if message["is"] == "progress":
                progress(float(message["share"]), str(message["text"]))
            elif message["is"] == "speed":
                return Speed(**message["speed"])
            elif message["is"] == "error":
                raise wire.error_from(message)
    finally:
        child.end(0.0)
    raise EngineError(f"The measurement took longer than {timeout:.0f} seconds and was ended: try a smaller model.")


def _messages(child: Child, cancel: CancelToken, deadline: float) -> Iterator[wire.Message]:
    """Until the deadline. Raises `Cancelled`, and `EngineError` where the child ended."""
    while time.monotonic() < deadline:
        message = child.next_message(_POLL_SECONDS)
        cancel.raise_if_cancelled()
        if message is not None and message["is"] == "ended":
            raise EngineMemoryError(
                f"The measurement ended by itself ({child.how_it_ended()}), most often for want of memory: "
                "close other programs, or choose a smaller model."
            )
        if message is not None:
            yield message


def measure_here(
    package: ModelPackage, provider: Provider, progress: Progress, cancel: CancelToken | None = None
) -> Speed:
    """As `measure`, in this process and without a time limit."""
    cancel = cancel or CancelToken()
    dials = package.dials
    asked = _asked(package, dials.size)
    used = len(asked.branches)
    _check_memory(package, provider, used)
    models = Models(package, provider)
    try:
        progress(0.05, "loading the model")
        start = time.perf_counter()
        stepper = _loaded(models, package, used)
        loaded = time.perf_counter() - start
        progress(0.4, "running a step")
        seconds = _best(lambda: stepper.step(asked, _ROW, None, True, cancel), progress)
    finally:
        models.close()
    progress(0.8, "finding out what the device can do")
    best = peak(provider, cancel, lambda share: progress(0.8 + 0.2 * share, "finding out what the device can do"))
    call, once = _operations(package, dials.size, used)
    return Speed(package.name, provider.name, dials.size, used, dials.steps, seconds, loaded, call, once, best)


def unet_flops(package: ModelPackage, size: int, samples: int = 1) -> int:
    """Operations of one call of the UNet at a size in pixels, counted from the package's plain graph.

    Raises `PackageError` where the graph cannot be read or counted.
    """
    side = _side(package, size)

    def given(name: str, shape: tuple[int | str, ...]) -> tuple[int, ...]:
        return _shape(package, shape, side, samples)

    return flops.count(package.unet.read_bytes(), given)


def once_flops(package: ModelPackage, size: int) -> int:
    """Operations of encoding the text and a picture of that size, and of decoding one. Raises `PackageError`."""
    side = _side(package, size)
    pixels = side * package.factor
    shapes = {
        package.text_encoder: (1, package.text_length),
        package.vae_encoder: (1, 3, pixels, pixels),
        package.vae_decoder: (1, package.latent_channels, side, side),
    }
    return sum(flops.count(path.read_bytes(), lambda name, told, shape=shape: shape) for path, shape in shapes.items())


def _operations(package: ModelPackage, size: int, samples: int) -> tuple[float, float]:
    """Of a call of the UNet, and of what an edit computes once; 0 for graphs that no rule here knows."""
    try:
        return float(unet_flops(package, size, samples)), float(once_flops(package, size))
    except PackageError:
        return 0.0, 0.0


def _check_memory(package: ModelPackage, provider: Provider, used: int) -> None:
    """Raises `EngineMemoryError` before the system would end the process. A graphics card's driver tells by itself."""
    if provider.device_memory:
        return
    size = package.dials.size
    with suppress(PackageError):  # another exporter's settings may not tell what memory depends on
        needed = memory_model.estimate(facts_of(package, provider.graphs), provider.name, size, size, used).total
        memory.check(needed, memory.available_memory())


def _asked(package: ModelPackage, size: int) -> Asked:
    """The branches of the package's own dials, with noise for the picture and for the texts."""
    random, side = np.random.default_rng(0), _side(package, size)
    used = branches(package.dials.text_scale, package.dials.image_scale)
    text = next(port for port in read_graph(package.unet).inputs if len(port.shape) == 3)
    images = random.standard_normal((len(used), package.image_channels, side, side), np.float32)
    return Asked(used, images, random.standard_normal(_shape(package, text.shape, side, len(used)), np.float32))


def _loaded(models: Models, package: ModelPackage, used: int) -> GuidedStepper:
    """Steps as an edit of one variant takes them, their network loaded."""
    side = _side(package, package.dials.size)
    models.fit(side * package.factor, side * package.factor)
    models.bind(Shape(1, used, side, side))
    stepper = models.stepper()
    latents = np.random.default_rng(1).standard_normal((1, package.latent_channels, side, side), np.float32)
    stepper.begin(latents, package.dials.steps)
    return stepper


def _best(step: Callable[[], object], progress: Progress) -> float:
    """Seconds of the fastest step. The first one is left out: memory is found and kernels are compiled in it."""
    first = _timed(step)
    runs = max(1, min(MOST_RUNS, math.floor(RUN_SECONDS / max(first, 1e-6))))
    times: list[float] = []
    for index in range(runs):
        progress(0.5 + 0.3 * index / runs, f"running a step, {index + 1} of {runs}")
        times.append(_timed(step))
    return min(times)


def _timed(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _shape(package: ModelPackage, told: tuple[int | str | None, ...], side: int, samples: int) -> tuple[int, ...]:
    """The shape of the UNet's input of that rank: sample, text or timestep."""
    match len(told):
        case 4:
            return (samples, package.latent_channels + package.image_channels, side, side)
        case 3:
            width = told[2]
            return (samples, package.text_length, width if isinstance(width, int) else 1)
        case _:
            return tuple(length if isinstance(length, int) else samples for length in told)


def _side(package: ModelPackage, size: int) -> int:
    """Of the latent: the size rounded to what the network can halve."""
    return max(1, round(size / package.multiple)) * package.multiple // package.factor


def main(arguments: list[str]) -> int:
    """The child: `python -m inference.speed FOLDER --provider NAME` sends its messages on standard output."""
    from inference.providers import choose

    parser = argparse.ArgumentParser(prog="inference.speed")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--provider", default="auto")
    asked = parser.parse_args(arguments)
    stay_offline()
    sink = private_output()
    end_with_parent()

    def tell(share: float, text: str) -> None:
        wire.write(sink, {"is": "progress", "share": share, "text": text})

    try:
        tell(0.0, "choosing how to compute")
        chosen = choose(asked.provider).provider
        speed = measure_here(open_package(asked.folder), chosen, tell)
    except Exception as error:
        wire.write(sink, wire.error_message(error))
        return 1
    wire.write(sink, {"is": "speed", "speed": asdict(speed)})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
