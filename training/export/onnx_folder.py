"""ONNX folders of other exporters (optimum, OnnxStack) as model packages: taken as they are, with what they lack.

PyTorch is not needed. Where the onnx library is there too, a timestep of whole numbers becomes one of fractions, and
the UNet gets a second graph with fused attention.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from inference.graph_file import GraphFile, read_graph
from inference.package_files import package_files
from training.export.errors import ExportSourceError
from training.export.single_file import SCHEDULER, TEXT_ENCODER, TOKENIZER, TOKENIZER_FILES, UNET, VAE
from training.export.vocabulary import find_vocabulary

PARTS = ("text_encoder", "unet", "vae_encoder", "vae_decoder")

_CHUNK = 1 << 22
_SKELETON = 200_000_000  # bytes; a larger graph file holds its weights itself
# What Stable Diffusion 1 says, by the file that may be missing.
_SETTINGS: Mapping[str, Mapping[str, object]] = {
    "unet/config.json": UNET,
    "vae_decoder/config.json": VAE,
    "vae_encoder/config.json": VAE,
    "text_encoder/config.json": TEXT_ENCODER,
    "scheduler/scheduler_config.json": SCHEDULER,
    "tokenizer/tokenizer_config.json": TOKENIZER,
}


def is_onnx_folder(folder: Path) -> bool:
    """True where the four graphs are there, or at least the UNet's."""
    return (folder / "unet" / "model.onnx").is_file()


def check_onnx_folder(folder: Path) -> str:
    """Why the folder cannot be imported, a sentence; "" where it can. Raises `PackageError` for pickles and links."""
    for part in PARTS:
        if not (folder / part / "model.onnx").is_file():
            return f"{folder / part / 'model.onnx'} is missing, so this is no whole model: get the whole folder."
    package_files(folder)
    encoder, unet = (read_graph(folder / part / "model.onnx") for part in ("vae_encoder", "unet"))
    if any(operator.startswith("Random") for operator in encoder.operators):
        return (
            f"{encoder.path} draws a random sample instead of giving the mean, so no edit could be repeated: get the "
            "model as a diffusers folder or .safetensors file and import that."
        )
    taken = _channels(unet)
    if taken is not None and taken != 8:
        return (
            f"The UNet of {folder} takes {taken} channels where an instruction model takes the 4 of the noise and the "
            "4 of the picture: choose an InstructPix2Pix model."
        )
    if any(port.name in ("timestep_cond", "text_embeds", "time_ids") for port in unet.inputs):
        return f"The UNet of {folder} takes more than picture, timestep and text: it is a kind of model not known here."
    return ""


def copy_onnx_folder(source: Path, target: Path, config: Path | None, advance: Callable[[int], None]) -> list[str]:
    """Copies what belongs to the model, completes it, and returns what there is to say about that.

    config: a folder with CLIP's vocabulary, where the source has none. advance: hears of bytes copied; may raise.
    Raises `ExportSourceError` and `PackageError` where the folder cannot become a package.
    """
    problem = check_onnx_folder(source)
    if problem:
        raise ExportSourceError(problem)
    for name, file in package_files(source).items():
        if file.suffix.lower() not in (".md", ".png", ".jpg", ".jpeg", ".webp", ".gif") and not name.startswith(
            "safety_"
        ):
            _copy(file, target / name, advance)
    notes = [*_complete(target), *_vocabulary(source, target, config)]
    return [*notes, *_whole_timesteps(target)]


def fuse_onnx_folder(folder: Path) -> list[str]:
    """Writes unet/attention.onnx where the UNet's weights lie beside its graph and its attention can be fused."""
    file = folder / "unet" / "model.onnx"
    if file.with_name("attention.onnx").is_file() or not _has_onnx() or file.stat().st_size > _SKELETON:
        return []
    if not read_graph(file).external_data:
        return []
    graphs = cast("Any", importlib.import_module("training.export.graph_file"))
    fused = cast("Any", importlib.import_module("training.export.fusing")).attention_fused(graphs.read_structure(file))
    if fused is None:
        return []
    graphs.write_graph(fused, file.with_name("attention.onnx"), fused.ir_version)
    return ["Attention was fused, so that edits on the processor take less memory."]


def _copy(file: Path, copy: Path, advance: Callable[[int], None]) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with file.open("rb") as original, copy.open("xb") as stream:
        while chunk := original.read(_CHUNK):
            stream.write(chunk)
            advance(len(chunk))


def _complete(target: Path) -> list[str]:
    """Settings that OnnxStack's folders leave out, as Stable Diffusion 1 has them, where the graphs are its."""
    missing = [name for name in _SETTINGS if not (target / name).is_file()]
    needed = [name for name in missing if not name.startswith(("vae_encoder/", "tokenizer/"))]
    if needed and not _is_first_stable_diffusion(target):
        raise ExportSourceError(
            f"{needed[0]} is missing and the graphs are not Stable Diffusion 1's, so it cannot be guessed: get the "
            "whole folder."
        )
    for name in missing:
        if name != "tokenizer/tokenizer_config.json" or not (target / "tokenizer/tokenizer.json").is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(json.dumps(_SETTINGS[name], indent=2) + "\n", encoding="utf-8")
    return [f"{', '.join(needed)} was missing and was taken from Stable Diffusion 1."] if needed else []


def _is_first_stable_diffusion(folder: Path) -> bool:
    text, unet = (read_graph(folder / part / "model.onnx") for part in ("text_encoder", "unet"))
    widths = [port.shape[2] for port in (*unet.inputs, *text.outputs) if len(port.shape) == 3]
    return all(width == 768 for width in widths if isinstance(width, int))


def _vocabulary(source: Path, target: Path, config: Path | None) -> list[str]:
    """CLIP's vocabulary, where the source has the tokenizer as a graph (OnnxStack) or not at all."""
    folder = target / "tokenizer"
    if (folder / "tokenizer.json").is_file() or all((folder / name).is_file() for name in TOKENIZER_FILES):
        return []
    found = find_vocabulary(source, config)
    if found is None:
        raise ExportSourceError(
            f"{source} has no tokenizer/vocab.json and merges.txt: name the folder of any Stable Diffusion 1 model "
            "with --config."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for graph in folder.glob("*.onnx*"):
        graph.unlink()
    for name in TOKENIZER_FILES:
        shutil.copyfile(found / name, folder / name)
    return [f"The vocabulary was taken from {found}."]


def _whole_timesteps(target: Path) -> list[str]:
    """A timestep of whole numbers cuts the fractions of the samplers."""
    file = target / "unet" / "model.onnx"
    if not _has_onnx() or file.stat().st_size > _SKELETON:
        return []
    graphs = cast("Any", importlib.import_module("training.export.graph_file"))
    model = graphs.read_structure(file)
    if not graphs.float_timestep(model):
        return []
    graphs.write_graph(model, file, model.ir_version)
    return ["The model took timesteps as whole numbers; now it takes fractions, as its samplers give them."]


def _channels(graph: GraphFile) -> int | None:
    shapes = [port.shape for port in graph.inputs if len(port.shape) == 4]
    return shapes[0][1] if shapes and isinstance(shapes[0][1], int) else None


def _has_onnx() -> bool:
    return importlib.util.find_spec("onnx") is not None
