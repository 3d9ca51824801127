"""Looks at what shall be exported, before torch is imported: JSON and safetensors headers alone, never a pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from training.export.errors import ExportSourceError
from training.export.weights import read_header, weight_files

WEIGHT_FOLDERS = ("text_encoder", "unet", "vae")
PICKLES = (".ckpt", ".bin", ".pt", ".pth", ".pkl", ".pickle")
CHECKPOINTS = (".ckpt",)
"""Of the pickles, what PyTorch's weights-only loader is asked to read."""
LDM_CONV_IN = "model.diffusion_model.input_blocks.0.0.weight"
LDM_TEXT = "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight"
LDM_VAE = "first_stage_model.decoder.conv_in.weight"


def check_source(source: Path, grows: bool = False) -> None:
    """Raises `ExportSourceError` unless `source` is an InstructPix2Pix folder of diffusers, or a file of weights that
    can be read without running what is in it.

    grows: a text-to-image model, which sees no picture yet, will do too.
    """
    if source.is_dir():
        _check_folder(source, grows)
    elif source.suffix in CHECKPOINTS and zipfile.is_zipfile(source):
        return  # its weights are looked at by torch's own loader
    elif source.suffix in PICKLES and source.exists():
        raise _pickle(source)
    elif not source.is_file():
        raise ExportSourceError(f"There is no model at {source}: check the path.")
    elif source.suffix != ".safetensors":
        raise ExportSourceError(
            f"{source} is neither a folder of diffusers nor a .safetensors file, and only these two can be exported."
        )
    else:
        check_shapes(safetensors_shapes(source), source, grows)


def model_size(source: Path) -> int:
    """The long side in pixels that the model was trained at; 512, Stable Diffusion 1's, where nothing says so."""
    if not source.is_dir():
        return 512
    unet, vae = read_json(source / "unet" / "config.json"), read_json(source / "vae" / "config.json")
    side, levels = unet.get("sample_size"), vae.get("block_out_channels")
    if not isinstance(side, int) or not isinstance(levels, list):
        return 512
    return side * 2 ** (len(cast("list[object]", levels)) - 1)


def read_json(file: Path) -> dict[str, object]:
    """The JSON object in `file`; raises `ExportSourceError` when there is none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportSourceError(f"{file} is missing, so this is no complete model: fetch the whole folder.") from None
    except (OSError, ValueError) as error:
        raise ExportSourceError(f"{file} cannot be read ({error}): fetch the file again.") from error
    if not isinstance(value, dict):
        raise ExportSourceError(f"{file} holds no JSON object: fetch the file again.")
    return cast("dict[str, object]", value)


def safetensors_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor in a safetensors file, from its header alone. Raises `ExportSourceError`."""
    return {name: tuple(entry["shape"]) for name, entry in read_header(file).tensors.items()}


def _check_folder(folder: Path, grows: bool) -> None:
    index = read_json(folder / "model_index.json")
    if "text_encoder_2" in index or "transformer" in index:
        raise ExportSourceError(
            f"{folder} is a {index.get('_class_name')}: only models built like Stable Diffusion 1 or 2 can be exported."
        )
    for part in WEIGHT_FOLDERS:
        _check_weights(folder / part)
    for name in ("vocab.json", "merges.txt"):
        if not (folder / "tokenizer" / name).is_file():
            raise ExportSourceError(f"{folder / 'tokenizer' / name} is missing: fetch the model's tokenizer folder.")
    unet, vae = read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")
    check_channels(unet.get("in_channels"), vae.get("latent_channels", 4), folder, grows)
    if unet.get("time_cond_proj_dim") is not None:
        raise ExportSourceError(f"{folder} wants its guidance scale as an input, which this editor cannot give.")


def _check_weights(folder: Path) -> None:
    read_json(folder / "config.json")
    if any(folder.glob("*.safetensors")):
        weight_files(folder)
        return
    for file in sorted(folder.glob("*")):
        if file.suffix in PICKLES:
            raise _pickle(file)
    raise ExportSourceError(f"{folder} holds no .safetensors weights: fetch the whole model.")


def check_channels(found: object, latent: object, source: Path, grows: bool = False) -> None:
    """The UNet has to take the noisy latent and the image's latent side by side (Brooks et al., section 3.2).

    grows: the noisy latent alone will do.
    """
    if isinstance(found, int) and isinstance(latent, int) and (found == 2 * latent or (grows and found == latent)):
        return
    kind = {4: "a text-to-image model", 9: "an inpainting model"}.get(found if isinstance(found, int) else 0, "")
    raise ExportSourceError(
        f"The UNet of {source} takes {found} channels{f', as {kind} does' if kind else ''}; an instruction model takes "
        f"twice the latent's {latent}: choose an InstructPix2Pix model{' or a plain Stable Diffusion 1' * grows}."
    )


def check_shapes(shapes: Mapping[str, tuple[int, ...]], file: Path, grows: bool = False) -> None:
    """Raises `ExportSourceError` unless a file of these tensors is a whole InstructPix2Pix model.

    grows: see `check_source`.
    """
    missing = [key for key in (LDM_CONV_IN, LDM_TEXT, LDM_VAE) if key not in shapes]
    if missing:
        raise ExportSourceError(
            f"{file} lacks {missing[0]}, so it is no whole Stable Diffusion 1 model: choose a file with UNet, VAE and "
            "text encoder."
        )
    check_channels(shapes[LDM_CONV_IN][1], shapes[LDM_VAE][1], file, grows)


def _pickle(file: Path) -> ExportSourceError:
    return ExportSourceError(
        f"{file} is a pickle, which can run code when it is opened, so it is not opened here: convert it elsewhere "
        "with torch.load(FILE, weights_only=True) and safetensors.torch.save_file, and export the result."
    )
