"""Edits as the program makes them, for whoever judges a model. Without PyTorch."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from inference.engine import Engine
from inference.package import Dials, ModelPackage
from inference.types import CancelToken, EditRequest, Variant
from training.pairs.pair import Rgb


@dataclass(frozen=True, eq=False)
class Maker:
    """Edits whole pictures with one package: at its own dials unless told otherwise, with the full resolution's detail.

    No mask is given to the model: where it changes what it should not, that is to be seen.
    """

    engine: Engine
    package: ModelPackage
    dials: Dials
    cancel: CancelToken
    full_res: bool = True

    def edits(self, image: Rgb, instruction: str, seeds: tuple[int, ...]) -> tuple[Rgb, ...]:
        """One edit a seed, uint8 (H, W, 3) as `image`. Raises `EngineError`, `Cancelled` among others."""
        dials = dataclasses.asdict(self.dials)
        request = EditRequest(image, instruction, seeds=seeds, full_res=self.full_res, **dials)
        events = self.engine.edit(request, self.cancel, previews=False)
        done = {event.index: event.image for event in events if isinstance(event, Variant)}
        return tuple(np.asarray(done[index], np.uint8) for index in range(len(seeds)))

    def at(self, *, text_scale: float, image_scale: float) -> Maker:
        """The same model at other scales."""
        dials = dataclasses.replace(self.dials, text_scale=text_scale, image_scale=image_scale)
        return dataclasses.replace(self, dials=dials)


@contextmanager
def maker(package: ModelPackage, cancel: CancelToken, provider: str = "auto") -> Generator[Maker]:
    """The package's models, loaded by the first edit and given up at the end. Raises `ProviderError`."""
    engine = Engine.open(package, provider)
    try:
        yield Maker(engine, package, package.dials, cancel)
    finally:
        engine.close()
