"""Opens the model that training starts from: a diffusers folder, one file, or a package that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import EngineError
from inference.manifest import Dials
from inference.package import open_package
from training.base_facts import BaseFacts, Kind, find_base
from training.export.errors import ExportError
from training.export.load import Source, open_source, put_weights
from training.export.weights import Weights
from training.growth import grown
from training.libraries import torch
from training.train_errors import TrainError


@dataclass(frozen=True, eq=False)
class Base:
    """A model to train. folder_or_file: where it lies; sha256: see `BaseFacts`.

    unet, vae, text_encoder: torch modules, in evaluation mode, that require no gradient; the UNet takes both latents.
    channels: what it took before it grew. weights: for "text_encoder", "unet" and "vae", every weight by name as it is
    stored, to be read when it is needed.
    """

    name: str
    folder_or_file: Path
    kind: Kind
    sha256: str
    licence: str
    dials: Dials
    instructions: tuple[str, ...]
    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any
    channels: int
    weights: Mapping[str, Weights]

    @property
    def grew(self) -> bool:
        """True where the UNet did not take a picture before."""
        return self.channels < int(self.unet.config.in_channels)


def open_base(path_or_name: str, *, dtype: Any = None, config: Path | None = None) -> Base:
    """The model of that name or at that path (see `find_base`), its weights in memory.

    dtype: torch's type for the UNet, by far the largest part, whose weights go straight into it; None is float32. The
    text encoder and the autoencoder, whose answers are kept, stay float32. config: see `base_source`.
    Raises `TrainError`.
    """
    facts = find_base(path_or_name)
    opened = base_source(facts, config)
    kinds = {"unet": dtype or torch.float32, "vae": torch.float32, "text_encoder": torch.float32}
    try:
        for part, kind in kinds.items():
            put_weights(getattr(opened.pipeline, part), opened.weights[part], kind)
        sha256 = facts.sha256()
    except (ExportError, EngineError) as error:
        raise TrainError(str(error)) from error
    pipeline = opened.pipeline
    return Base(
        facts.name, facts.path, facts.kind, sha256, facts.licence, facts.dials, facts.instructions,
        pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.tokenizer, pipeline.scheduler, facts.channels,
        opened.weights,
    )  # fmt: skip


def base_source(facts: BaseFacts, config: Path | None = None) -> Source:
    """The model of `facts` without its weights in memory, with a UNet that takes both latents.

    config: for a model in one file, a folder with its tokenizer, where none lies near it.
    Raises `TrainError`.
    """
    try:
        if facts.kind == "package":
            from training.package_weights import package_source  # onnx and optimum take a second to import

            return package_source(open_package(facts.path))
        return grown(open_source(facts.path, config, grows=True))
    except (ExportError, EngineError) as error:
        raise TrainError(str(error)) from error
