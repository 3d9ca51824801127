"""CLIP and DINO from folders on this machine, as functions from pictures and words to vectors."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.encoder_files import EncoderError, EncoderFolder, encoder_folder
from training.encoder_pictures import Preparation, preparation, prepared
from training.pairs.pair import Rgb
from training.similarity import unit

# Not by `training.libraries`, which brings diffusers too: seconds, and words on stderr.
torch: Any = import_module("torch")
transformers: Any = import_module("transformers")

_BATCH = 8


@dataclass(frozen=True, eq=False)
class Encoder:
    """One encoder. tokenizer: None for one that reads no words."""

    folder: EncoderFolder
    preparation: Preparation
    network: Any
    tokenizer: Any = None

    def pictures(self, pictures: Sequence[Rgb]) -> NDArray[np.float64]:
        """float64 (N, D), of length 1 each."""
        parts = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
        return np.concatenate([self._batch(part) for part in parts])

    def words(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """float64 (N, D), of length 1 each; texts longer than the encoder's length are cut."""
        length = self.network.config.text_config.max_position_embeddings
        tokens = self.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        with torch.no_grad():
            return unit(self.network.get_text_features(**tokens.to(self.network.device)).cpu().numpy())

    def _batch(self, pictures: Sequence[Rgb]) -> NDArray[np.float64]:
        values = np.stack([prepared(picture, self.preparation) for picture in pictures])
        with torch.no_grad():
            pixels = torch.from_numpy(values).to(self.network.device)
            if self.tokenizer is not None:
                return unit(self.network.get_image_features(pixel_values=pixels).cpu().numpy())
            # The class token after the last norm, which is what DINO's authors take (Caron et al., arXiv 2104.14294).
            return unit(self.network(pixel_values=pixels).last_hidden_state[:, 0].cpu().numpy())

    def described(self) -> dict[str, object]:
        """For a report's protocol."""
        return {
            "name": self.folder.path.resolve().name,
            "kind": self.folder.kind,
            "sha256": self.folder.sha256,
            "weights": self.folder.weights,
            "pictures": str(self.preparation),
            "device": str(self.network.device),
        }


def open_clip(path: Path) -> Encoder:
    """Raises `EncoderError` where the folder holds no CLIP with its vocabulary, as safetensors."""
    folder = encoder_folder(path)
    if folder.kind != "clip":
        raise EncoderError(f"{path} holds an encoder of the kind {folder.kind!r} and not CLIP: name CLIP's own folder.")
    network = _loaded(transformers.CLIPModel, folder)
    try:
        with _quiet():
            tokenizer = transformers.CLIPTokenizerFast.from_pretrained(str(path), local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise EncoderError(
            f"{path} holds no vocabulary for CLIP: get its tokenizer.json, or vocab.json and merges.txt, into that "
            "folder."
        ) from error
    size = int(network.config.vision_config.image_size)
    return Encoder(folder, preparation(folder.preparation, size, clip=True), network, tokenizer)


def open_dino(path: Path) -> Encoder:
    """Raises `EncoderError` where the folder holds no vision transformer as safetensors."""
    folder = encoder_folder(path)
    network = _loaded(transformers.AutoModel, folder)
    size = getattr(network.config, "image_size", None)
    if not isinstance(size, int) or hasattr(network.config, "text_config"):
        raise EncoderError(f"{path} holds no vision transformer ({folder.kind!r}): name the folder of a DINO model.")
    return Encoder(folder, preparation(folder.preparation, size, clip=False), network)


def _loaded(kind: Any, folder: EncoderFolder) -> Any:
    try:
        with _quiet():
            network = kind.from_pretrained(
                str(folder.path), local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise EncoderError(f"{folder.path} cannot be loaded ({_first_line(error)}): get the encoder again.") from error
    return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _quiet() -> Generator[None]:
    """What the library has to say below errors is not the user's concern."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
