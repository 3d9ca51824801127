"""The engine: a model package on one provider, and edits as iterators of progress, previews and variants."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import compose, detail, memory, pipeline
from inference.conditions import Conditions, Picture
from inference.errors import EngineMemoryError
from inference.models import Models, weights_bytes
from inference.offline import stay_offline
from inference.pace import Pace, Stopwatch, timed
from inference.package import ModelPackage
from inference.preview import LatentToRgb, probe
from inference.providers import Chosen, choose
from inference.samplers import sampler_named
from inference.schedule import Plan, Schedule
from inference.types import CancelToken, EditRequest, Event, Pixels, Preview, Progress, Variant
from inference.view import View

Floats = NDArray[np.float32]

_NO_MEMORY = "The memory ran out during the edit: close other programs or use a smaller picture."


@dataclass(frozen=True, eq=False)
class _Job:
    """One request with all that its variants share."""

    request: EditRequest
    cancel: CancelToken
    plan: Plan
    picture: Picture
    text: Floats
    null_text: Floats
    previews: bool

    @property
    def steps(self) -> int:
        return len(self.plan.steps)


class Engine:
    """One model package on one provider. Use it from one thread at a time; `cancel` may come from any."""

    def __init__(self, package: ModelPackage, chosen: Chosen, memory_limit: int | None = None) -> None:
        self.package = package
        self.chosen = chosen
        self._memory_limit = memory_limit
        self._models = Models(package, chosen.provider)
        self._conditions = Conditions(package, self._models)
        self._colours: LatentToRgb | None = None

    @classmethod
    def open(cls, package: ModelPackage, provider: str = "auto", memory_limit: int | None = None) -> Engine:
        """Choose a provider for `package`; models load when an edit first needs them.

        memory_limit: bytes that an edit may take; None for what the machine has free.
        Raises `ProviderError` where the provider is unknown or none works.
        """
        stay_offline()
        return cls(package, choose(provider, memory_limit), memory_limit)

    def prefetch(self) -> None:
        """Begin to load the models in the background, so that the first edit finds them ready."""
        self._models.prefetch()

    def edit(self, request: EditRequest, cancel: CancelToken, *, previews: bool = True) -> Iterator[Event]:
        """Yields `Progress`, `Preview` (where wanted) and one `Variant` per seed, in order.

        A blank instruction gives copies of the picture. A variant is the same alone and among others: each has the
        noise of its own seed, and all run at one batch size.
        Raises `Cancelled` within one model call, `RequestError`, `PackageError`, `ProviderError`, `EngineMemoryError`.
        """
        with _out_of_memory():
            yield from copies(request, cancel) if request.blank else self._edit(request, cancel, previews)

    def reconstruct(self, image: Pixels, size: int) -> Floats:
        """What the autoencoder alone keeps of `image` at a long side of `size`: float32 (h, w, 3) in [0, 1]."""
        cancel = CancelToken()
        self._models.wait(cancel)
        picture = self._conditions.picture(image, size, cancel)
        return picture.view.uncrop(self._conditions.before(picture, cancel))

    def close(self) -> None:
        """End the models. The engine cannot be used afterwards."""
        self._models.close()
        self._conditions.clear()

    def _edit(self, request: EditRequest, cancel: CancelToken, previews: bool) -> Iterator[Event]:
        cancel.raise_if_cancelled()
        plan = sampler_named(request.sampler)(Schedule.from_config(self.package.scheduler), request.steps)
        self._check_memory(request)
        watch, pace = Stopwatch(), Pace(len(plan.steps), len(request.seeds))
        job = yield from self._prepare(request, cancel, plan, previews, watch)
        for index in range(len(request.seeds)):
            yield from self._variant(job, index, watch, pace)
            watch = Stopwatch()

    def _check_memory(self, request: EditRequest) -> None:
        height, width, channels = request.image.shape
        photo = memory.photo_bytes(height * width, channels, request.image.itemsize)
        budget = memory.available_memory() if self._memory_limit is None else self._memory_limit
        model = 0 if self._models.loaded else memory.model_bytes(weights_bytes(self.package))
        memory.check(model + photo, budget)

    def _prepare(
        self, request: EditRequest, cancel: CancelToken, plan: Plan, previews: bool, watch: Stopwatch
    ) -> Generator[Event, None, _Job]:
        """Load the models and encode the texts and the picture, each only where it is not there yet."""
        steps = len(plan.steps)
        self._models.prefetch()
        yield Progress(0, "load", 0, steps)
        with watch.stage("load"):
            self._models.wait(cancel)
        yield Progress(0, "encode", 0, steps)
        with watch.stage("text"):
            text, null_text = self._conditions.text(request.instruction, cancel), self._conditions.text("", cancel)
        with watch.stage("encode"):
            picture = self._conditions.picture(request.image, request.size, cancel)
        return _Job(request, cancel, plan, picture, text, null_text, previews)

    def _variant(self, job: _Job, index: int, watch: Stopwatch, pace: Pace) -> Iterator[Event]:
        latent = yield from self._denoise(job, index, watch, pace)
        yield Progress(index, "apply", job.steps, job.steps, pace.left(index, job.steps))
        start = time.perf_counter()
        result = self._finish(job, latent, watch)
        pace.end_took(time.perf_counter() - start)
        yield _variant(job.request, index, result, watch)

    def _denoise(self, job: _Job, index: int, watch: Stopwatch, pace: Pace) -> Generator[Event, None, Floats]:
        """Yields how far it is; returns the finished, scaled latent (1, C, h, w)."""
        latent = self._conditions.scaled(job.picture)
        yield Progress(index, "denoise", 0, job.steps, pace.left(index, 0))
        for item, seconds in timed(self._steps(job, index)):
            latent = item.latent
            watch.add("denoise", seconds)
            pace.step_took(seconds)
            yield Progress(index, "denoise", item.step, job.steps, pace.left(index, item.step))
            if job.previews:
                yield Preview(index, self._preview(job, item.estimate))
        return latent

    def _steps(self, job: _Job, index: int) -> Iterator[pipeline.Denoised]:
        unet = self._models.unet

        def predict(sample: Floats, timestep: float, text: Floats) -> Floats:
            return unet.predict(sample, timestep, text, job.cancel)

        return pipeline.denoise(
            predict,
            plan=job.plan,
            prediction_type=self.package.prediction_type,
            image_latent=job.picture.latent,
            latent_channels=self.package.latent_channels,
            text=job.text,
            null_text=job.null_text,
            text_scale=job.request.text_scale,
            image_scale=job.request.image_scale,
            seed=job.request.seeds[index],
            cancel=job.cancel,
        )

    def _finish(self, job: _Job, latent: Floats, watch: Stopwatch) -> Pixels:
        """The finished latent as pixels of the photo's own size, composed with the source."""
        request, view = job.request, job.picture.view
        with watch.stage("decode"):
            after = view.uncrop(self._models.vae.decode(latent, job.cancel))
            before = view.uncrop(self._conditions.before(job.picture, job.cancel)) if request.full_res else None
        source = request.image[..., :3]
        with watch.stage("apply"):
            if before is None:
                edited = detail.plain(source, after)
            else:
                edited = detail.full_resolution(source, view.uncrop(view.pixels), before, after)
        job.cancel.raise_if_cancelled()
        with watch.stage("compose"):
            return compose.composite(request.image, edited, request.mask)

    def _preview(self, job: _Job, estimate: Floats) -> NDArray[np.uint8]:
        if self._colours is None:
            own = self._conditions.scaled(job.picture), self._conditions.before(job.picture, job.cancel)
            any_colour = probe(lambda latent: self._models.vae.decode(latent, job.cancel), self.package.latent_channels)
            self._colours = LatentToRgb.fit([own, any_colour])
        return _shown(self._colours.image(estimate), job.picture.view)


def _shown(image: Floats, view: View) -> NDArray[np.uint8]:
    """A picture at latent size (1, 3, h, w) as uint8 at the size of the view, without its padding."""
    height, width = view.pixels.shape[2:]
    picture = np.ascontiguousarray(image[0].transpose(1, 2, 0))
    large = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    planes = large.transpose(2, 0, 1)[np.newaxis]
    return np.rint(view.uncrop(planes) * 255).astype(np.uint8)


def copies(request: EditRequest, cancel: CancelToken) -> Iterator[Event]:
    """What a blank instruction gives: the picture itself, once per seed. Raises `Cancelled`."""
    for index in range(len(request.seeds)):
        cancel.raise_if_cancelled()
        yield _variant(request, index, request.image.copy(), Stopwatch())


def _variant(request: EditRequest, index: int, result: Pixels, watch: Stopwatch) -> Variant:
    with watch.stage("compare"):
        changed = compose.changed_fraction(request.image, result)
        outside = compose.outside_mask_changed(request.image, result, request.mask)
    return Variant(index, request.seeds[index], result, watch.total, changed, outside, watch.seconds)


@contextmanager
def _out_of_memory() -> Generator[None, None, None]:
    try:
        yield
    except MemoryError as error:
        raise EngineMemoryError(_NO_MEMORY) from error
