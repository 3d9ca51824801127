"""What goes into the engine and what comes out: frozen values, shared by the window, the command line and tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.errors import Cancelled, RequestError

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
FloatImage = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EditRequest:
    """Everything that can change the result of an edit.

    image: uint8 or uint16 (H, W, 3) sRGB, or (H, W, 4) with straight alpha. Alpha passes through unchanged.
    mask: uint8 (H, W); 255 takes the edit, 0 keeps the source exactly, values between blend. None edits everything.
    seeds: one variant per seed, each in [0, 2**63).
    steps >= 1; text_scale >= 0; image_scale >= 0 (every value means what the guidance formula says).
    size: the long side in pixels of what the model sees. full_res: carry the edit over to the photo's own pixels.
    guidance_interval: the part of the steps, from 0 (the first) to 1 (the last), in which guidance asks all its
    branches; in the others only text + image is asked, and taken as it is. reuse: the deep part of the network is
    computed in every `reuse`-th step only, 1 always. Both save time and change the result.
    """

    image: Pixels
    instruction: str
    steps: int
    text_scale: float
    image_scale: float
    sampler: str
    size: int
    model: str = ""
    seeds: tuple[int, ...] = (0,)
    mask: NDArray[np.uint8] | None = None
    full_res: bool = True
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    reuse: int = 1

    def __post_init__(self) -> None:
        _check_image(self.image)
        if self.mask is not None and (self.mask.dtype != np.uint8 or self.mask.shape != self.image.shape[:2]):
            raise RequestError("The mask has to be 8-bit grey and as large as the picture.")
        _check_dials(self)
        _check_savings(self)

    @property
    def blank(self) -> bool:
        """True for an empty instruction: the picture comes back unchanged."""
        return not self.instruction.strip()


@dataclass(frozen=True)
class Progress:
    """How far one variant is: `step` of `steps` done. seconds_left is None until it can be told."""

    variant: int
    stage: str
    step: int
    steps: int
    seconds_left: float | None = None


@dataclass(frozen=True, eq=False)
class Preview:
    """A rough picture of a variant while it is made: uint8 (h, w, 3)."""

    variant: int
    image: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Variant:
    """One finished result, with the shape and dtype of the request's image.

    changed_fraction: share of pixels where a channel differs from the source by more than 2/255.
    outside_mask_changed: pixels with any difference where the mask is 0.
    timings: seconds per stage.
    """

    index: int
    seed: int
    image: Pixels
    seconds: float
    changed_fraction: float
    outside_mask_changed: int
    timings: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Notice:
    """Something that the user should know while the edit goes on: one sentence ("Out of memory: ...")."""

    text: str


Event = Progress | Preview | Variant | Notice


class CancelToken:
    """Set from any thread; the engine looks at it between model calls, and stops a running call through `on_cancel`."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._stoppers: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask for a stop and call every registered stopper once."""
        with self._lock:
            self._event.set()
            stoppers, self._stoppers = self._stoppers, []
        for stop in stoppers:
            stop()

    def on_cancel(self, stop: Callable[[], None]) -> Callable[[], None]:
        """Register `stop` for the time of one call; returns the function that takes it back."""
        with self._lock:
            if not self._event.is_set():
                self._stoppers.append(stop)
                return lambda: self._forget(stop)
        stop()
        return lambda: None

    def raise_if_cancelled(self) -> None:
        """Raises `Cancelled` once `cancel` was called."""
        if self._event.is_set():
            raise Cancelled

    def _forget(self, stop: Callable[[], None]) -> None:
        with self._lock:
            if stop in self._stoppers:
                self._stoppers.remove(stop)


def _check_image(image: Pixels) -> None:
    deep = image.dtype.name in ("uint8", "uint16")
    if not deep or image.ndim != 3 or image.shape[2] not in (3, 4) or image.size == 0:
        raise RequestError("The engine edits pictures of 8 or 16 bit RGB or RGBA with at least one pixel.")


def _check_dials(request: EditRequest) -> None:
    if request.steps < 1:
        raise RequestError(f"An edit needs at least 1 step, not {request.steps}.")
    if not (0 <= request.text_scale < float("inf") and 0 <= request.image_scale < float("inf")):
        raise RequestError("Text scale and image scale have to be 0 or more.")
    if request.size < 8:
        raise RequestError(f"The model has to see at least 8 pixels, not {request.size}.")
    if not request.seeds or min(request.seeds) < 0 or max(request.seeds) >= 2**63:
        raise RequestError("Every seed has to be a whole number from 0 to 2^63 - 1.")


def _check_savings(request: EditRequest) -> None:
    start, end = request.guidance_interval
    if not 0 <= start < end <= 1:
        raise RequestError(
            f"The guidance interval {start:g} to {end:g} cannot be used: its start has to lie below its end, "
            "and both within 0 and 1."
        )
    if request.reuse < 1:
        raise RequestError(f"Reuse has to be 1 (nothing is reused) or more steps, not {request.reuse}.")
