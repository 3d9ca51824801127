"""The networks of a package on a provider, loaded side by side and only when they are needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from inference.errors import RequestError
from inference.graph_file import mapped, parse_graph, read_graph
from inference.guided_step import GuidedStepper, Shape
from inference.network import Binding, Graph, Loading, Network
from inference.package import ModelPackage
from inference.provider import Provider
from inference.session import load
from inference.shallow import Cut, cut, shallow, with_deep_output
from inference.shared_weights import SharedWeights
from inference.step_graph import compose_step
from inference.text import TextEncoder
from inference.types import CancelToken
from inference.vae import Vae

# How long a cancelled edit waits at most before it notices that it was cancelled while models load.
_POLL_SECONDS = 0.05

TEXT, ENCODER, DECODER, UNET = "text_encoder", "vae_encoder", "vae_decoder", "unet"


@dataclass(frozen=True)
class _Key:
    """One loaded network. part: what of a UNet, see `Shape`.

    sizes: the batch and the sizes of one input, or what a `Shape` says; empty where they may change from run to run.
    """

    network: str
    part: str = ""
    sizes: tuple[int, ...] = ()


class Models:
    """Loads each network in a thread of its own; most of that work is done outside the interpreter's lock.

    Where the provider wants fixed shapes, networks are loaded for one size of picture at a time.
    """

    def __init__(self, package: ModelPackage, provider: Provider) -> None:
        self._package, self._provider = package, provider
        self._loader = ThreadPoolExecutor(max_workers=2, thread_name_prefix="load")
        self._loading: dict[_Key, Future[Network]] = {}
        self._bindings: dict[_Key, Binding] = {}
        self._size: tuple[int, int] = (0, 0)
        self._tile: int | None = None
        self._text: TextEncoder | None = None

    @property
    def text(self) -> TextEncoder:
        if self._text is None:
            model = self._network(self._text_key())
            self._text = TextEncoder(model, self._package.tokenizer, self._package.text_length)
        return self._text

    @property
    def vae(self) -> Vae:
        encoder, decoder = (self._network(key) for key in self._vae_keys())
        return Vae(encoder, decoder, self._package, self._tile)

    def stepper(self, reuses: bool = False) -> GuidedStepper:
        """Guided steps for the size of `fit`. Raises `RequestError` where features cannot be reused."""
        if reuses and self._cut is None:
            raise RequestError(
                f"The model {self._package.name} has no part that steps could reuse: choose the speed Exact (reuse 1)."
            )
        return GuidedStepper(self.bind)

    @property
    def loaded(self) -> bool:
        """True once a load of everything has begun: its memory is taken, or about to be."""
        return {key.network for key in self._loading} == {TEXT, ENCODER, DECODER, UNET}

    def fit(self, height: int, width: int, tile: int | None = None) -> None:
        """The size in pixels of the pictures that come next; what is loaded for another size is given up.

        tile: side of the autoencoder's tiles, as for `Vae`.
        """
        if self._provider.static and (height, width, tile) != (*self._size, self._tile):
            self._bindings.clear()
            for key in [key for key in self._loading if key.network != TEXT]:
                _close(self._loading.pop(key))
        self._size, self._tile = (height, width), tile

    def drop(self) -> None:
        """Give up everything that is loaded, and its memory; it is loaded again when it is needed."""
        self._bindings.clear()
        while self._loading:
            _close(self._loading.popitem()[1])
        self._text = None

    def prefetch(self, shape: Shape | None = None) -> None:
        """Begin to load whatever is not loaded; a load that failed before is tried again.

        shape: of the steps to come; without it nothing is loaded that would need to know it.
        """
        if not self._provider.static:
            shape = shape or Shape(1, 1, 1, 1)
        if shape is not None:
            self._begin(self._step_key(shape))
        self._begin(self._text_key())
        if not self._provider.static or all(self._size):
            for key in self._vae_keys():
                self._begin(key)

    def wait(self, cancel: CancelToken) -> None:
        """Until all is loaded. Raises `Cancelled` and what a load raised.

        That is `PackageError`, `ProviderError` or `EngineMemoryError`.
        """
        pending = set(self._loading.values())
        while pending:
            cancel.raise_if_cancelled()
            done, pending = wait(pending, timeout=_POLL_SECONDS)
            for future in done:
                future.result()

    def close(self) -> None:
        self._loader.shutdown(wait=True, cancel_futures=True)
        self.drop()

    def _text_key(self) -> _Key:
        return self._key(TEXT, (1, self._package.text_length))

    def _vae_keys(self) -> tuple[_Key, _Key]:
        height, width = (min(side, self._tile or side) for side in self._size)
        factor = self._package.factor
        return self._key(ENCODER, (1, height, width)), self._key(DECODER, (1, height // factor, width // factor))

    def _step_key(self, shape: Shape) -> _Key:
        return self._key(UNET, (shape.variants, shape.branches, shape.height, shape.width), shape.part)

    def _key(self, network: str, sizes: tuple[int, ...], part: str = "") -> _Key:
        return _Key(network, part, sizes if self._provider.static else ())

    def bind(self, shape: Shape) -> Binding:
        """The guided step of that shape, loaded now if it is not there.

        Always the same binding: what a device has recorded of its runs belongs to its buffers.
        """
        key = self._step_key(shape)
        if key not in self._bindings:
            self._bindings[key] = self._network(key).bind()
        return self._bindings[key]

    def _begin(self, key: _Key) -> Future[Network]:
        known = self._loading.get(key)
        if known is None or (known.done() and known.exception() is not None):
            self._loading[key] = self._loader.submit(self._load, key)
        return self._loading[key]

    def _network(self, key: _Key) -> Network:
        return self._begin(key).result()

    def _load(self, key: _Key) -> Network:
        path = self._path(key.network)
        data = self._composed(path, key.part) if key.network == UNET else None
        sizes = self._dimensions(path, key) if key.sizes else {}
        step = key.network == UNET
        loading = Loading(dimensions=sizes, replay=step, weights=self._weights if step else None)
        return load(self._provider, Graph(path, data), loading)

    @cached_property
    def _weights(self) -> SharedWeights | None:
        """The UNet's, on the device once, whatever sizes and parts of it are loaded."""
        provider = self._provider
        return SharedWeights(self._path(UNET), provider.device) if provider.shares_weights else None

    def _dimensions(self, path: Path, key: _Key) -> dict[str, int]:
        """The values of a graph's named dimensions."""
        inputs = read_graph(path).inputs
        if key.network != UNET:
            batch, *sizes = key.sizes
            return _named(inputs[0].shape, (batch, *([0] * (len(inputs[0].shape) - len(key.sizes))), *sizes))
        variants, branches, height, width = key.sizes
        known = {"variants": variants, "branches": branches, "batch": variants * branches}
        pictures = (port.shape for port in inputs if len(port.shape) == 4)
        texts = (port.shape for port in inputs if len(port.shape) == 3)
        for shape in pictures:
            known |= _named(shape, (variants * branches, 0, height, width))
        for shape in texts:
            known |= _named(shape, (variants * branches, self._package.text_length, 0))
        return known | {"height": height, "width": width}

    def _composed(self, path: Path, part: str) -> bytes:
        """The guided step around the UNet in a file."""
        package = self._package
        data = mapped(path)
        if self._cut is not None:
            # The whole one gives its deep features always: one graph, and one set of weights, with and without reuse.
            data = memoryview((shallow if part == "shallow" else with_deep_output)(data, self._cut))
        return compose_step(parse_graph(path, data), data, package.latent_channels, package.image_channels)

    @cached_property
    def _cut(self) -> Cut | None:
        return cut(mapped(self._path(UNET)))

    def _path(self, network: str) -> Path:
        return self._package.graph(network, self._provider.graphs)


def weights_bytes(package: ModelPackage) -> int:
    """Bytes on disk of the networks, weights in files of their own among them."""
    folders = (package.folder / network for network in (TEXT, ENCODER, DECODER, UNET))
    return sum(file.stat().st_size for folder in folders for file in folder.iterdir() if file.is_file())


def _named(shape: tuple[int | str, ...], sizes: tuple[int, ...]) -> dict[str, int]:
    """The sizes of the dimensions that have a name; 0 for one that is not known."""
    pairs = zip(shape, sizes, strict=True)
    return {name: size for name, size in pairs if isinstance(name, str) and name and size}


def _close(future: Future[Network]) -> None:
    if not future.cancel() and future.exception() is None:
        future.result().close()
