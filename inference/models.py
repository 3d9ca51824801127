"""The four networks of a package, loaded side by side and only when they are needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from inference.package import ModelPackage
from inference.providers import Provider
from inference.session import OnnxModel
from inference.text import TextEncoder
from inference.types import CancelToken
from inference.unet import UNet
from inference.vae import Vae

# How long a cancelled edit waits at most before it notices that it was cancelled while models load.
_POLL_SECONDS = 0.05


class Models:
    """Loads each network in a thread of its own; most of that work is done outside the interpreter's lock."""

    def __init__(self, package: ModelPackage, provider: Provider) -> None:
        self._package, self._provider = package, provider
        self._loader = ThreadPoolExecutor(max_workers=2, thread_name_prefix="load")
        self._loading: dict[Path, Future[OnnxModel]] = {}
        self._text: TextEncoder | None = None

    @property
    def text(self) -> TextEncoder:
        if self._text is None:
            model = self._model(self._package.text_encoder)
            self._text = TextEncoder(model, self._package.tokenizer, self._package.text_length)
        return self._text

    @property
    def vae(self) -> Vae:
        return Vae(self._model(self._package.vae_encoder), self._model(self._package.vae_decoder), self._package)

    @property
    def unet(self) -> UNet:
        return UNet(self._model(self._package.unet))

    @property
    def loaded(self) -> bool:
        """True once a load of everything has begun: its memory is taken, or about to be."""
        return len(self._loading) == len(_paths(self._package))

    def prefetch(self) -> None:
        """Begin to load whatever is not loaded; a load that failed before is tried again."""
        for path in _paths(self._package):
            self._begin(path)

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
        for future in self._loading.values():
            if not future.cancelled() and future.exception() is None:
                future.result().close()
        self._loading.clear()

    def _begin(self, path: Path) -> Future[OnnxModel]:
        known = self._loading.get(path)
        if known is None or (known.done() and known.exception() is not None):
            self._loading[path] = self._loader.submit(OnnxModel, path, self._provider)
        return self._loading[path]

    def _model(self, path: Path) -> OnnxModel:
        return self._begin(path).result()


def weights_bytes(package: ModelPackage) -> int:
    """Bytes on disk of the networks, weights in files of their own among them."""
    return sum(file.stat().st_size for path in _paths(package) for file in path.parent.iterdir() if file.is_file())


def _paths(package: ModelPackage) -> tuple[Path, ...]:
    # The largest first, so that the others load beside it.
    return (package.unet, package.text_encoder, package.vae_encoder, package.vae_decoder)
