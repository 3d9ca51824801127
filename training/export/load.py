"""Opens what shall be exported: a pipeline without weights, and the weights, to be read when they are needed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from training.export.checkpoint import checkpoint_weights
from training.export.errors import ExportSourceError
from training.export.ldm import diffusers_names
from training.export.quiet import quiet
from training.export.single_file import config_folder
from training.export.skeleton import empty_modules, tag
from training.export.source import CHECKPOINTS, LDM_CONV_IN, check_shapes, check_source, read_json
from training.export.weights import Weight, Weights, folder_weights, reshaped, safetensors_weights, same_but_for_ones

PARTS = ("text_encoder", "unet", "vae")

# Names that diffusers gave the autoencoder's attention before 0.13; released models still have them.
_OLD_NAMES = ((".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0."))


@dataclass(frozen=True)
class Source:
    """A model to export. pipeline: its modules have tags in place of weights (`skeleton.tag`).

    weights: for each of `PARTS`, every parameter of the module by name and in its shape.
    """

    pipeline: Any
    weights: Mapping[str, Weights]


def open_source(source: Path, config: Path | None = None, grows: bool = False) -> Source:
    """The model in `source`: a folder of diffusers, one .safetensors file, or a checkpoint of plain tensors.

    config: for a file, a folder with the tokenizer (see `single_file.config_folder`). grows: see `check_source`.
    Raises `ExportSourceError`. Nothing is unpickled but by torch's weights-only loader; the network is never asked.
    """
    check_source(source, grows)
    try:
        with quiet():
            return _open_folder(source) if source.is_dir() else _open_file(source, config, grows)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ExportSourceError(f"{source} could not be loaded ({_first_line(error)}): check the model.") from error


def load_pipeline(source: Path, config: Path | None = None) -> Any:
    """The whole `StableDiffusionInstructPix2PixPipeline` of `open_source`, its weights in memory as float32."""
    opened = open_source(source, config)
    for part in PARTS:
        put_weights(getattr(opened.pipeline, part), opened.weights[part])
    return opened.pipeline


def put_weights(module: Any, weights: Weights, dtype: Any = None) -> None:
    """Reads every weight of `module` into it, as torch's `dtype` (float32); names are relative to it."""
    for prefix, inner in module.named_modules():
        put_own_weights(inner, prefix, weights, dtype)


def put_own_weights(module: Any, prefix: str, weights: Weights, dtype: Any = None) -> None:
    """Reads the weights that `module`, of the name `prefix`, has itself; not those of the modules in it."""
    torch = cast("Any", import_module("torch"))
    for key, parameter in module._parameters.items():
        if parameter is not None:
            values = torch.from_numpy(weights[f"{prefix}.{key}" if prefix else key].read()).to(dtype)
            module._parameters[key] = torch.nn.Parameter(values, requires_grad=False)


def empty_pipeline(folder: Path) -> Any:
    """The pipeline that the settings in `folder`, a diffusers folder, describe; its modules have tags for weights."""
    modules = {part: _module(folder / part) for part in PARTS}
    with empty_modules():  # no weights, also for what it may make itself
        return cast("Any", import_module("diffusers")).StableDiffusionInstructPix2PixPipeline.from_pretrained(
            str(folder), **modules, local_files_only=True, safety_checker=None, feature_extractor=None,
            image_encoder=None, requires_safety_checker=False,
        )  # fmt: skip


def fitted(pipeline: Any, weights: Callable[[str, Any], Mapping[str, Weight]], source: Path) -> Source:
    """`pipeline` with what `weights` gives for each of `PARTS` and its module.

    Raises `ExportSourceError`, which names `source`, where a weight is missing or of another shape.
    """
    modules = {part: getattr(pipeline, part) for part in PARTS}
    return Source(pipeline, {part: _fitting(part, m, weights(part, m), source) for part, m in modules.items()})


def _open_folder(folder: Path) -> Source:
    found = {part: folder_weights(folder / part) for part in PARTS}
    return fitted(empty_pipeline(folder), lambda part, _module: found[part], folder)


def _open_file(file: Path, config: Path | None, grows: bool) -> Source:
    found = checkpoint_weights(file) if file.suffix in CHECKPOINTS else safetensors_weights(file)
    check_shapes({name: weight.shape for name, weight in found.items()}, file, grows)
    with tempfile.TemporaryDirectory() as folder:
        config_folder(Path(folder), file, config, found[LDM_CONV_IN].shape[1])
        pipeline = empty_pipeline(Path(folder))
    opened = fitted(pipeline, lambda part, module: diffusers_names(part, found, _config(part, module)), file)
    _check_vocabulary(opened.pipeline, file)
    return opened


def _check_vocabulary(pipeline: Any, file: Path) -> None:
    words, wanted = len(pipeline.tokenizer), int(pipeline.text_encoder.config.vocab_size)
    if words != wanted:
        raise ExportSourceError(
            f"The vocabulary that was found has {words} words where {file} knows {wanted}: name the folder of a Stable "
            "Diffusion 1 model with --config."
        )


def _config(part: str, module: Any) -> dict[str, Any]:
    return {} if part == "text_encoder" else dict(module.config)


def _module(folder: Path) -> Any:
    config = read_json(folder / "config.json")
    with empty_modules():
        if folder.name == "text_encoder":
            library = cast("Any", import_module("transformers"))
            module = library.CLIPTextModel(library.CLIPTextConfig.from_dict(config))
        else:
            library = cast("Any", import_module("diffusers"))
            kind = library.UNet2DConditionModel if folder.name == "unet" else library.AutoencoderKL
            module = kind.from_config(config)
    tag(module)
    return module.eval()


def _fitting(part: str, module: Any, found: Mapping[str, Weight], source: Path) -> Weights:
    """The weight of every parameter, in its shape."""
    named = {_new_name(name) if part == "vae" else name: weight for name, weight in found.items()}
    fitting: dict[str, Weight] = {}
    for name, parameter in module.named_parameters():
        shape, weight = tuple(parameter.shape), named.get(name)
        if weight is None:
            raise ExportSourceError(f"{source} lacks the weight {name} of its {part}: fetch the file again.")
        if not same_but_for_ones(shape, weight.shape):
            raise ExportSourceError(
                f"In {source} the weight {name} of the {part} is {_times(weight.shape)} where its configuration wants "
                f"{_times(shape)}: the two do not belong together."
            )
        fitting[name] = reshaped(weight, shape)
    return fitting


def _new_name(name: str) -> str:
    if ".attentions." in name:
        for old, new in _OLD_NAMES:
            name = name.replace(old, new)
    return name


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", str(error)) if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
