"""One attempt at an edit: encode, denoise in batches, decode, carry over to the photo, tell how far it is."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import compose, detail, pipeline
from inference.conditions import Conditions, Picture
from inference.finishing import Finishing, finishing
from inference.guidance import branches
from inference.guided_step import Shape
from inference.memory_model import RunPlan
from inference.models import Models
from inference.pace import Pace, Stopwatch, timed
from inference.package import ModelPackage
from inference.preview import LatentToRgb, probe
from inference.savings import StepKind, costs, kinds
from inference.schedule import Plan
from inference.types import CancelToken, EditRequest, Event, Pixels, Preview, Progress, Variant
from inference.view import View

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Wish:
    """A request and what was made of it before the first attempt. size: (H, W) of what the model sees."""

    request: EditRequest
    cancel: CancelToken
    sampling: Plan
    size: tuple[int, int]
    previews: bool

    @property
    def steps(self) -> int:
        return len(self.sampling.steps)

    @property
    def branches(self) -> int:
        return len(branches(self.request.text_scale, self.request.image_scale))

    @property
    def saving(self) -> tuple[StepKind, ...]:
        return kinds(self.steps, self.request.guidance_interval, self.request.reuse)


@dataclass(frozen=True, eq=False)
class _Conditions:
    """What all variants share."""

    picture: Picture
    told: pipeline.Conditioning


@dataclass(frozen=True)
class _Batch:
    """The variants that are denoised together: `number` counts batches, `indices` those of the request's seeds.

    seeds: one for each place; places beyond the indices are filled up and their results thrown away, since the size of
    a batch may change the last bits of a result.
    """

    number: int
    indices: tuple[int, ...]
    seeds: tuple[int, ...]


class EditRun:
    """Edits of one package by one set of networks.

    few_shapes: networks know one size of latent only. executor: for what the processor finishes of a variant while the
    device is at the next one; None where it has no time for that.
    """

    def __init__(
        self,
        package: ModelPackage,
        models: Models,
        conditions: Conditions,
        few_shapes: bool = False,
        executor: Executor | None = None,
    ) -> None:
        self._package, self._models, self._conditions = package, models, conditions
        self._few_shapes, self._executor = few_shapes, executor
        self._colours: LatentToRgb | None = None

    def events(self, wish: Wish, run: RunPlan, indices: tuple[int, ...]) -> Iterator[Event]:
        """The variants of those indices, in the way of `run`."""
        batches = _batches(wish.request.seeds, indices, run.variants_at_once)
        watch, pace = Stopwatch(), Pace(costs(wish.saving, wish.branches), len(batches))
        given = yield from self._prepare(wish, run, indices[0], watch)
        with finishing(self._executor) as finish:
            for batch in batches:
                yield from self._batch(wish, given, batch, finish, watch, pace)
                watch = Stopwatch()
            yield from finish.rest()

    def _prepare(self, wish: Wish, run: RunPlan, first: int, watch: Stopwatch) -> Generator[Event, None, _Conditions]:
        """Load the networks and encode the texts and the picture, each only where it is not there yet."""
        request, cancel = wish.request, wish.cancel
        self._models.fit(*wish.size, run.vae_tile)
        height, width = (side // self._package.factor for side in wish.size)
        self._models.prefetch(Shape(run.variants_at_once, wish.branches, height, width))
        yield Progress(first, "load", 0, wish.steps)
        with watch.stage("load"):
            self._models.wait(cancel)
        yield Progress(first, "encode", 0, wish.steps)
        with watch.stage("text"):
            text, null_text = self._conditions.text(request.instruction, cancel), self._conditions.text("", cancel)
        with watch.stage("encode"):
            picture = self._conditions.picture(request.image, request.size, cancel)
        scales = request.text_scale, request.image_scale
        return _Conditions(picture, pipeline.Conditioning(picture.latent, text, null_text, *scales))

    def _batch(
        self, wish: Wish, given: _Conditions, batch: _Batch, finish: Finishing, watch: Stopwatch, pace: Pace
    ) -> Iterator[Event]:
        latents = self._conditions.scaled(given.picture)
        for index in batch.indices:
            yield Progress(index, "denoise", 0, wish.steps, pace.left(batch.number, 0))
        for item, seconds in timed(self._steps(wish, given, batch)):
            latents = item.latents
            watch.add("denoise", seconds / len(batch.indices))
            pace.step_took(seconds)
            yield from finish.ready()
            yield from self._told(wish, given, batch, item, pace)
        for place, index in enumerate(batch.indices):
            yield Progress(index, "apply", wish.steps, wish.steps, pace.left(batch.number, wish.steps))
            own = Stopwatch(watch.seconds if place == 0 else {"denoise": watch.seconds["denoise"]})
            finish.begin(partial(self._variant, wish, given, index, latents[place : place + 1], own, pace))
            yield from finish.ready()

    def _told(
        self, wish: Wish, given: _Conditions, batch: _Batch, item: pipeline.Denoised, pace: Pace
    ) -> Iterator[Event]:
        """How far a batch is after a step."""
        estimates = item.estimate.numpy() if wish.previews else None
        for place, index in enumerate(batch.indices):
            yield Progress(index, "denoise", item.step, wish.steps, pace.left(batch.number, item.step))
            if estimates is not None:
                yield Preview(index, self._preview(wish, given, np.asarray(estimates[place : place + 1], np.float32)))

    def _variant(
        self, wish: Wish, given: _Conditions, index: int, latent: Floats, watch: Stopwatch, pace: Pace
    ) -> Variant:
        start = time.perf_counter()
        result = self._finish(wish, given, latent, watch)
        pace.end_took(time.perf_counter() - start)
        return compared(wish.request, index, result, watch)

    def _steps(self, wish: Wish, given: _Conditions, batch: _Batch) -> Iterator[pipeline.Denoised]:
        return pipeline.denoise(
            self._models.stepper(reuses=wish.request.reuse > 1),
            plan=wish.sampling,
            prediction_type=self._package.prediction_type,
            conditioning=given.told,
            seeds=batch.seeds,
            cancel=wish.cancel,
            latent_channels=self._package.latent_channels,
            saving=wish.saving,
        )

    def _finish(self, wish: Wish, given: _Conditions, latent: Floats, watch: Stopwatch) -> Pixels:
        """The finished latent as pixels of the photo's own size, composed with the source."""
        request, view, cancel = wish.request, given.picture.view, wish.cancel
        with watch.stage("decode"):
            after = view.uncrop(self._models.vae.decode(latent, cancel))
            before = view.uncrop(self._conditions.before(given.picture, cancel)) if request.full_res else None
        source = request.image[..., :3]
        with watch.stage("apply"):
            if before is None:
                edited = detail.plain(source, after)
            else:
                edited = detail.full_resolution(source, view.uncrop(view.pixels), before, after)
        cancel.raise_if_cancelled()
        with watch.stage("compose"):
            return compose.composite(request.image, edited, request.mask)

    def _preview(self, wish: Wish, given: _Conditions, estimate: Floats) -> NDArray[np.uint8]:
        if self._colours is None:
            own = self._conditions.scaled(given.picture), self._conditions.before(given.picture, wish.cancel)
            any_colour = self._any_colour(wish.cancel, own[0].shape)
            self._colours = LatentToRgb.fit([own, any_colour])
        return _shown(self._colours.image(estimate), given.picture.view)

    def _any_colour(self, cancel: CancelToken, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """A pair of latent and picture with all colours, of this shape where the graphs know no other."""
        decode = partial(self._models.vae.decode, cancel=cancel)
        channels = self._package.latent_channels
        return probe(decode, channels, (shape[2], shape[3])) if self._few_shapes else probe(decode, channels)


def _batches(seeds: tuple[int, ...], indices: tuple[int, ...], size: int) -> tuple[_Batch, ...]:
    rows = (indices[start : start + size] for start in range(0, len(indices), size))
    filled = ((row, row + row[-1:] * (size - len(row))) for row in rows)
    return tuple(
        _Batch(number, row, tuple(seeds[index] for index in places)) for number, (row, places) in enumerate(filled)
    )


def _shown(image: Floats, view: View) -> NDArray[np.uint8]:
    """A picture at latent size (1, 3, h, w) as uint8 at the size of the view, without its padding."""
    height, width = view.pixels.shape[2:]
    picture = np.ascontiguousarray(image[0].transpose(1, 2, 0))
    large = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    planes = large.transpose(2, 0, 1)[np.newaxis]
    return np.rint(view.uncrop(planes) * 255).astype(np.uint8)


def compared(request: EditRequest, index: int, result: Pixels, watch: Stopwatch) -> Variant:
    """The variant of that index, with how much of the picture changed."""
    with watch.stage("compare"):
        changed = compose.changed_fraction(request.image, result)
        outside = compose.outside_mask_changed(request.image, result, request.mask)
    return Variant(index, request.seeds[index], result, watch.total, changed, outside, watch.seconds)
