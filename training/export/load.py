"""Loads what shall be exported as a diffusers pipeline: float32, on the CPU, from local files alone."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from training.export.errors import ExportSourceError
from training.export.quiet import quiet
from training.export.single_file import config_folder
from training.export.source import check_source, weight_variant


def load_pipeline(source: Path, config: Path | None = None) -> Any:
    """The `StableDiffusionInstructPix2PixPipeline` in `source`, a folder of diffusers or one .safetensors file.

    config: for a single file, a folder with the tokenizer (see `single_file.config_folder`).
    Raises `ExportSourceError`. Pickles are refused and the network is never asked.
    """
    check_source(source)
    try:
        with quiet():
            pipeline = _from_folder(source) if source.is_dir() else _from_file(source, config)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ExportSourceError(f"{source} could not be loaded ({_first_line(error)}): check the model.") from error
    _check_complete(pipeline, source)
    return pipeline


def _from_folder(folder: Path) -> Any:
    return _pipeline_class().from_pretrained(
        str(folder), use_safetensors=True, variant=weight_variant(folder), local_files_only=True, **_common()
    )


def _from_file(file: Path, config: Path | None) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        config_folder(Path(folder), config or file.parent)
        # The released file holds raw and averaged weights; the released code edits with the averaged ones.
        return _pipeline_class().from_single_file(
            str(file), config=folder, extract_ema=True, local_files_only=True, **_common()
        )


def _pipeline_class() -> Any:
    return cast("Any", import_module("diffusers")).StableDiffusionInstructPix2PixPipeline


def _common() -> dict[str, Any]:
    dtype = cast("Any", import_module("torch")).float32
    return {"torch_dtype": dtype, "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def _check_complete(pipeline: Any, source: Path) -> None:
    for part in ("text_encoder", "unet", "vae"):
        module = getattr(pipeline, part)
        missing = [name for name, value in module.named_parameters() if value.is_meta]
        if missing:
            raise ExportSourceError(f"{source} lacks the weight {missing[0]} of its {part}: fetch the file again.")
        module.eval()


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
