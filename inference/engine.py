"""The engine: a model package on one provider, and edits as iterators of progress, previews and variants."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inference import kept, memory
from inference.conditions import Conditions
from inference.edit_run import EditRun, Wish, compared
from inference.errors import EngineError
from inference.fallback import Attempts, in_words
from inference.memory_model import RunPlan
from inference.models import Models
from inference.offline import stay_offline
from inference.pace import Stopwatch
from inference.package import ModelPackage
from inference.planner import Planner
from inference.providers import Chosen, choose, provider_named
from inference.samplers import sampler_named
from inference.schedule import Schedule
from inference.types import CancelToken, EditRequest, Event, Notice, Pixels

Floats = NDArray[np.float32]


class Engine:
    """One model package on one provider. Use it from one thread at a time; `cancel` may come from any.

    chosen: the provider at work; another one than was asked for while its memory does not suffice for an edit.
    """

    def __init__(self, package: ModelPackage, chosen: Chosen, memory_limit: int | None = None) -> None:
        self.package = package
        self.chosen = self._first = chosen
        self._planner = Planner(package, chosen.provider, memory_limit)
        self._worked: dict[tuple[int, int, int, int], RunPlan] = {}
        self._open_on(chosen)

    @classmethod
    def open(cls, package: ModelPackage, provider: str = "auto", memory_limit: int | None = None) -> Engine:
        """Choose a provider for `package`; models load when an edit first needs them.

        memory_limit: bytes that an edit may take; None for what the machine has free.
        Raises `ProviderError` where the provider is unknown or none works.
        """
        stay_offline()
        return cls(package, choose(provider, memory_limit), memory_limit)

    def prefetch(self) -> None:
        """Begin to load the models in the background, so that the first edit finds them ready.

        Where not even the smallest edit would fit, nothing is loaded. What goes wrong, the edit says.
        """
        with suppress(EngineError):
            plan, _ = self._planner.plan(self.package.multiple, self.package.multiple, 1, 0)
            self._move_to(plan.provider)
            self._models.prefetch()

    def make_ready(self, cancel: CancelToken) -> None:
        """Load everything once, where the provider makes something of it that later loads find; else nothing is done.

        When it returns the disk has all of that. Raises `Cancelled`, `PackageError`, `ProviderError`,
        `EngineMemoryError`.
        """
        if self.chosen.provider.prepares:
            self.prefetch()
            self._models.wait(cancel)
            kept.settle()

    def edit(self, request: EditRequest, cancel: CancelToken, *, previews: bool = True) -> Iterator[Event]:
        """Yields `Progress`, `Preview` (where wanted) and one `Variant` per seed, in order.

        A blank instruction gives copies of the picture. A variant is the same alone and among others: each has the
        noise of its own seed, and all run at one batch size. Where the memory runs out, a `Notice` says what is tried
        instead, and the variants that are missing follow.
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

    def _open_on(self, chosen: Chosen) -> None:
        self.chosen = chosen
        self._models = Models(self.package, chosen.provider)
        self._conditions = Conditions(self.package, self._models, few_shapes=chosen.provider.static)
        # Where the device computes, the processor has time to finish a variant beside the next one's steps.
        self._finisher = ThreadPoolExecutor(1, "finish") if chosen.provider.device_memory else None
        static = chosen.provider.static
        self._run = EditRun(self.package, self._models, self._conditions, static, self._finisher)

    def _move_to(self, provider: str) -> None:
        """Go on with another provider; what the one before had loaded is given up."""
        if provider != self.chosen.provider.name:
            self.close()
            first = self._first.provider.name
            reason = first, "There was not enough memory for the edit."
            other = Chosen(provider_named(provider), (*self._first.passed_over, reason))
            self._open_on(self._first if provider == first else other)

    def _edit(self, request: EditRequest, cancel: CancelToken, previews: bool) -> Iterator[Event]:
        cancel.raise_if_cancelled()
        sampling = sampler_named(request.sampler)(Schedule.from_config(self.package.scheduler), request.steps)
        size = self._conditions.size(request.image, request.size)
        wish = Wish(request, cancel, sampling, size, previews)
        key = *request.image.shape[:2], request.size, wish.branches
        plan, said = self._worked.get(key), ""
        known = plan is not None
        if plan is None:
            loaded = self._loaded_on(self._first.provider.name)
            plan, said = self._planner.plan(*size, wish.branches, _photo(request), loaded)
        if said:
            yield Notice(said)
        attempts = Attempts(plan, max(size))
        checked = None if known else plan
        yield from attempts.run(len(request.seeds), partial(self._attempt, wish, checked), self._models_again)
        if attempts.said:
            self._worked[key] = attempts.plan  # the next edit of this size need not fail again

    def _attempt(self, wish: Wish, checked: RunPlan | None, plan: RunPlan, indices: tuple[int, ...]) -> Iterator[Event]:
        """checked: the plan whose memory was looked at already."""
        if plan != checked:
            loaded = self._loaded_on(plan.provider)
            self._planner.check(plan, *wish.size, wish.branches, _photo(wish.request), loaded)
        self._move_to(plan.provider)
        return self._run.events(wish, plan, indices)

    def _models_again(self) -> None:
        """Give up what a failed attempt holds: a session keeps what its runs took."""
        self._models.drop()

    def _loaded_on(self, provider: str) -> bool:
        return self.chosen.provider.name == provider and self._models.loaded


def copies(request: EditRequest, cancel: CancelToken) -> Iterator[Event]:
    """What a blank instruction gives: the picture itself, once per seed. Raises `Cancelled`."""
    for index in range(len(request.seeds)):
        cancel.raise_if_cancelled()
        yield compared(request, index, request.image.copy(), Stopwatch())


def _photo(request: EditRequest) -> int:
    """Bytes that the photo's own pixels take during an edit."""
    height, width, channels = request.image.shape
    return memory.photo_bytes(height * width, channels, request.image.itemsize)


@contextmanager
def _out_of_memory() -> Generator[None, None, None]:
    try:
        yield
    except MemoryError as error:
        raise in_words(error) from error
