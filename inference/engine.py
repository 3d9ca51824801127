"""The engine: a model package on one provider, and edits as iterators of progress, previews and variants."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import compose, detail, memory, pipeline
from inference.conditions import Conditions, Picture
from inference.errors import EngineMemoryError
from inference.guidance import branches
from inference.guided_step import Shape
from inference.models import Models, weights_bytes
from inference.offline import stay_offline
from inference.pace import Pace, Stopwatch, timed
from inference.package import ModelPackage
from inference.preview import LatentToRgb, probe
from inference.providers import Chosen, choose
from inference.samplers import sampler_named
from inference.savings import StepKind, kinds
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
    saving: tuple[StepKind, ...]
    picture: Picture
    conditioning: pipeline.Conditioning
    previews: bool

    @property
    def steps(self) -> int:
        return len(self.plan.steps)


@dataclass(frozen=True)
class _Batch:
    """The variants that are denoised together: `number` counts batches, `indices` those of the request's seeds.

    seeds: one for each place; places beyond the indices are filled up and their results thrown away, since the size of
    a batch may change the last bits of a result.
    """

    number: int
    indices: tuple[int, ...]
    seeds: tuple[int, ...]


class Engine:
    """One model package on one provider. Use it from one thread at a time; `cancel` may come from any."""

    def __init__(self, package: ModelPackage, chosen: Chosen, memory_limit: int | None = None) -> None:
        self.package = package
        self.chosen = chosen
        self._memory_limit = memory_limit
        self._models = Models(package, chosen.provider)
        self._conditions = Conditions(package, self._models, few_shapes=chosen.provider.static)
        # Where the device computes, the processor has time to finish a variant beside the next one's steps.
        self._finisher = ThreadPoolExecutor(1, "finish") if chosen.provider.device_memory else None
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
        self._models.fit(*self._conditions.size(image, size))
        picture = self._conditions.picture(image, size, cancel)
        return picture.view.uncrop(self._conditions.before(picture, cancel))

    def close(self) -> None:
        """End the models. The engine cannot be used afterwards."""
        if self._finisher is not None:
            self._finisher.shutdown()
        self._models.close()
        self._conditions.clear()

    def _edit(self, request: EditRequest, cancel: CancelToken, previews: bool) -> Iterator[Event]:
        cancel.raise_if_cancelled()
        plan = sampler_named(request.sampler)(Schedule.from_config(self.package.scheduler), request.steps)
        self._check_memory(request)
        batches = _batches(request.seeds, 1)
        watch, pace = Stopwatch(), Pace(len(plan.steps), len(batches))
        job = yield from self._prepare(request, cancel, plan, previews, watch)
        with _finishing(self._finisher) as finish:
            for batch in batches:
                yield from self._batch(job, batch, finish, watch, pace)
                watch = Stopwatch()
            yield from finish.rest()

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
        height, width = self._conditions.size(request.image, request.size)
        asked = len(branches(request.text_scale, request.image_scale))
        factor = self.package.factor
        self._models.fit(height, width)
        self._models.prefetch(Shape(1, asked, height // factor, width // factor, _part(request)))
        yield Progress(0, "load", 0, steps)
        with watch.stage("load"):
            self._models.wait(cancel)
        yield Progress(0, "encode", 0, steps)
        with watch.stage("text"):
            text, null_text = self._conditions.text(request.instruction, cancel), self._conditions.text("", cancel)
        with watch.stage("encode"):
            picture = self._conditions.picture(request.image, request.size, cancel)
        scales = request.text_scale, request.image_scale
        conditioning = pipeline.Conditioning(picture.latent, text, null_text, *scales)
        saving = kinds(steps, request.guidance_interval, request.reuse)
        return _Job(request, cancel, plan, saving, picture, conditioning, previews)

    def _batch(self, job: _Job, batch: _Batch, finish: _Finish, watch: Stopwatch, pace: Pace) -> Iterator[Event]:
        latents = self._conditions.scaled(job.picture)
        for index in batch.indices:
            yield Progress(index, "denoise", 0, job.steps, pace.left(batch.number, 0))
        for item, seconds in timed(self._steps(job, batch)):
            latents = item.latents
            watch.add("denoise", seconds / len(batch.indices))
            pace.step_took(seconds)
            yield from finish.ready()
            yield from self._told(job, batch, item, pace)
        for place, index in enumerate(batch.indices):
            yield Progress(index, "apply", job.steps, job.steps, pace.left(batch.number, job.steps))
            own = Stopwatch(watch.seconds if place == 0 else {"denoise": watch.seconds["denoise"]})
            finish.begin(partial(self._variant, job, index, latents[place : place + 1], own, pace))
            yield from finish.ready()

    def _told(self, job: _Job, batch: _Batch, item: pipeline.Denoised, pace: Pace) -> Iterator[Event]:
        """How far a batch is after a step."""
        estimates = item.estimate.numpy() if job.previews else None
        for place, index in enumerate(batch.indices):
            yield Progress(index, "denoise", item.step, job.steps, pace.left(batch.number, item.step))
            if estimates is not None:
                yield Preview(index, self._preview(job, np.asarray(estimates[place : place + 1], np.float32)))

    def _variant(self, job: _Job, index: int, latent: Floats, watch: Stopwatch, pace: Pace) -> Variant:
        start = time.perf_counter()
        result = self._finish(job, latent, watch)
        pace.end_took(time.perf_counter() - start)
        return _variant(job.request, index, result, watch)

    def _steps(self, job: _Job, batch: _Batch) -> Iterator[pipeline.Denoised]:
        return pipeline.denoise(
            self._models.stepper(reuses=job.request.reuse > 1),
            plan=job.plan,
            prediction_type=self.package.prediction_type,
            conditioning=job.conditioning,
            seeds=batch.seeds,
            cancel=job.cancel,
            latent_channels=self.package.latent_channels,
            saving=job.saving,
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
            any_colour = self._any_colour(job.cancel, own[0].shape)
            self._colours = LatentToRgb.fit([own, any_colour])
        return _shown(self._colours.image(estimate), job.picture.view)

    def _any_colour(self, cancel: CancelToken, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """A pair of latent and picture with all colours, of this shape where the graphs know no other."""
        decode = partial(self._models.vae.decode, cancel=cancel)
        channels = self.package.latent_channels
        return probe(decode, channels, (shape[2], shape[3])) if self.chosen.provider.static else probe(decode, channels)


class _Finish:
    """Variants being finished, handed out in the order in which they were begun."""

    def __init__(self, executor: Executor | None) -> None:
        self._executor = executor
        self._begun: list[Future[Variant]] = []

    def begin(self, work: Callable[[], Variant]) -> None:
        """Do it beside what comes next, or now where there is no executor."""
        if self._executor is not None:
            self._begun.append(self._executor.submit(work))
            return
        done = Future[Variant]()
        done.set_result(work())
        self._begun.append(done)

    def ready(self) -> Iterator[Variant]:
        while self._begun and self._begun[0].done():
            yield self._begun.pop(0).result()

    def rest(self) -> Iterator[Variant]:
        while self._begun:
            yield self._begun.pop(0).result()

    def stop(self) -> None:
        """Nothing goes on behind the back of whoever left early."""
        for future in self._begun:
            future.cancel()
        wait(self._begun)


@contextmanager
def _finishing(executor: Executor | None) -> Generator[_Finish, None, None]:
    finish = _Finish(executor)
    try:
        yield finish
    finally:
        finish.stop()


def _batches(seeds: tuple[int, ...], size: int) -> tuple[_Batch, ...]:
    starts = range(0, len(seeds), size)
    rows = ((number, seeds[start : start + size]) for number, start in enumerate(starts))
    return tuple(
        _Batch(number, tuple(range(number * size, number * size + len(row))), row + row[-1:] * (size - len(row)))
        for number, row in rows
    )


def _part(request: EditRequest) -> str:
    """Which part of the network the first step runs."""
    return "keeping" if request.reuse > 1 else "whole"


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
