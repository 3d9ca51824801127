"""Folders of image encoders on this machine: what is in them, and the hash that a report names. Without PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from inference.manifest import FileRecord, digest, hash_file
from training.export.errors import ExportError
from training.export.weights import read_header

CONFIG, PREPARATION = "config.json", "preprocessor_config.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


class EncoderError(Exception):
    """A folder that holds no encoder that can be used. `str(error)` is a sentence for the user."""


@dataclass(frozen=True)
class EncoderFolder:
    """files: what is read of it, hashed. config, preparation: its settings ({} where there are none)."""

    path: Path
    config: Mapping[str, Any]
    preparation: Mapping[str, Any]
    files: tuple[FileRecord, ...]

    @property
    def sha256(self) -> str:
        """One hash over all files that are read."""
        return digest(self.files)

    @property
    def kind(self) -> str:
        """What the settings call it, such as "clip"."""
        return str(self.config.get("model_type", ""))

    @property
    def weights(self) -> dict[str, str]:
        """The hash of each file of weights: what publishers list."""
        return {file.path: file.sha256 for file in self.files if file.path.endswith(".safetensors")}


def encoder_folder(path: Path) -> EncoderFolder:
    """Raises `EncoderError` where there are no weights as safetensors beside a config.json."""
    path = Path(path)
    if not path.is_dir():
        raise EncoderError(f"There is no encoder at {path}: that is not a folder.")
    if not any(path.glob("*.safetensors")):
        pickled = any(file for pattern in _PICKLES for file in path.glob(pattern))
        why = "its weights are a pickle, which could run code" if pickled else "it holds no weights"
        raise EncoderError(f"{path} cannot be used, for {why}: get the encoder's .safetensors file into that folder.")
    try:
        for file in sorted(path.glob("*.safetensors")):
            read_header(file)
    except ExportError as error:
        raise EncoderError(str(error)) from error
    config = _settings(path / CONFIG)
    if config is None:
        raise EncoderError(f"{path} cannot be used, for its {CONFIG} is missing: get the encoder's whole folder.")
    names = [CONFIG, PREPARATION, *TOKENIZER_FILES, *(file.name for file in path.glob("*.safetensors*"))]
    present = sorted(path / name for name in dict.fromkeys(names) if (path / name).is_file())
    files = tuple(FileRecord(file.name, hash_file(file), file.stat().st_size) for file in present)
    return EncoderFolder(path, config, _settings(path / PREPARATION) or {}, files)


def _settings(file: Path) -> Mapping[str, Any] | None:
    if not file.is_file():
        return None
    try:
        value: object = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{file} cannot be read ({error}): get the encoder's folder again.") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{file} holds no settings: get the encoder's folder again.")
    return cast("dict[str, Any]", value)
