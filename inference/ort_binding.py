"""Runs of one session of ONNX Runtime whose inputs and outputs stay on the device.

A latent that a step gives is the next step's input without passing through the host. Where a provider can replay a
recorded run (CUDA graphs), every buffer keeps its place: outputs go to two sets of buffers in turn, since a step reads
what the one before has written, and each combination of buffers has a recording of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from inference.network import Array, Held, Tensor, as_wanted
from inference.runtime import InferenceSession, OrtValue, RunOptions, runtime
from inference.types import CancelToken

Running = Callable[[CancelToken | None, bool], AbstractContextManager[RunOptions]]

_RECORDING = "gpu_graph_id"


@dataclass(frozen=True, eq=False)
class OrtHeld:
    """A value of ONNX Runtime, wherever it lies."""

    value: OrtValue

    def numpy(self) -> Array:
        return self.value.numpy()


class OrtBinding:
    """running: makes the options of one run, which is the last one or not. device: "cpu" or "cuda", where values are
    kept. replay: see above.
    """

    def __init__(
        self,
        session: InferenceSession,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        running: Running,
        device: str = "cpu",
        replay: bool = False,
    ) -> None:
        self._session, self._running = session, running
        self._device, self._replay = device, replay
        self._kinds = {tensor.name: tensor.dtype for tensor in inputs}
        self._outputs = outputs
        self._fed: dict[str, OrtValue] = {}
        self._own: dict[str, OrtValue] = {}
        self._buffers: list[Mapping[str, OrtValue]] = []
        self._recordings: dict[tuple[int, ...], int] = {}
        self._runs = 0

    def feed(self, name: str, value: Array | Held) -> None:
        """As `Binding.feed`."""
        self._fed[name] = value.value if isinstance(value, OrtHeld) else self._uploaded(name, value)

    def run(self, cancel: CancelToken | None = None, last: bool = False) -> dict[str, Held]:
        """As `Binding.run`."""
        binding = self._session.io_binding()
        for name, value in self._fed.items():
            binding.bind_ortvalue_input(name, value)
        kept = self._kept_buffers()
        for tensor in self._outputs:
            if kept:
                binding.bind_ortvalue_output(tensor.name, kept[tensor.name])
            else:
                binding.bind_output(tensor.name, self._device)
        with self._running(cancel, last) as options:
            if self._replay:
                options.add_run_config_entry(_RECORDING, str(self._recording(kept)))
            self._session.run_with_iobinding(binding, options)
        self._runs += 1
        values = binding.get_outputs()
        return {tensor.name: OrtHeld(value) for tensor, value in zip(self._outputs, values, strict=True)}

    def _uploaded(self, name: str, value: Array | Held) -> OrtValue:
        """On the device; where an array of this shape was fed before, in its place."""
        array = as_wanted(value if isinstance(value, np.ndarray) else value.numpy(), self._kinds[name])
        own = self._own.get(name)
        if own is None or tuple(own.shape()) != array.shape:
            # A copy of our own: ONNX Runtime would read a small array where it lies, also after it has changed.
            own = self._own[name] = runtime().OrtValue.ortvalue_from_numpy(array.copy(), self._device, 0)
        else:
            own.update_inplace(array)
        return own

    def _kept_buffers(self) -> Mapping[str, OrtValue]:
        if not self._replay:
            return {}
        if not self._buffers:
            self._buffers = [self._new_buffers(), self._new_buffers()]
        return self._buffers[self._runs % 2]

    def _new_buffers(self) -> Mapping[str, OrtValue]:
        make = runtime().OrtValue.ortvalue_from_shape_and_type
        return {
            tensor.name: make([int(size or 0) for size in tensor.shape], tensor.dtype.type, self._device, 0)
            for tensor in self._outputs
        }

    def _recording(self, kept: Mapping[str, OrtValue]) -> int:
        """A number for this combination of buffers."""
        places = tuple(value.data_ptr() for value in (*self._fed.values(), *kept.values()))
        return self._recordings.setdefault(places, len(self._recordings) + 1)
