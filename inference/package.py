"""Model packages: folders of ONNX graphs with their settings, as optimum exports them; ours add a manifest.

Reading one looks at settings and at the graphs' headers only. What the engine has to know (channel counts, scale
factors, text length, prediction type) comes out of the package, never out of the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from inference.errors import PackageError
from inference.graph_file import GraphFile, Port, read_graph
from inference.json_values import Values, missing, read_json
from inference.manifest import (
    Dials,
    Manifest,
    check_hashes,
    check_listed,
    check_sizes,
    digest,
    hash_files,
    is_safe_name,
    read_manifest,
    safe_name,
    save_manifest,
)
from inference.package_files import extra_graphs, inside, package_files

__all__ = ["Dials", "ModelPackage", "open_package", "verify_package", "write_manifest"]

PREDICTION_TYPES = ("epsilon", "v_prediction")

_PARTS = ("text_encoder", "unet", "vae_encoder", "vae_decoder")
_CONFIGS = ("unet/config.json", "vae_decoder/config.json", "scheduler/scheduler_config.json")

# diffusers' AutoencoderKL has this default, and configurations older than the entry mean it.
_OLD_SCALING_FACTOR = 0.18215

# Some tokenizers say 1e30 where they mean "no limit".
_LONGEST_TEXT = 1 << 16


@dataclass(frozen=True)
class ModelPackage:
    """What is known of a package without loading it.

    latent_channels: C of the latents. image_channels: those of the image condition; the UNet takes the sum of both.
    factor: pixels per latent pixel and side. multiple: what height and width of the model's view must be divisible by.
    A latent for the UNet is `(z - shift_factor) * scaling_factor`.
    text_length: tokens of an instruction, with start and end.
    prediction_type: "epsilon" or "v_prediction". scheduler: scheduler_config.json as it was read.
    manifest: None for a package from another exporter.
    """

    folder: Path
    name: str
    licence: str
    precision: str
    dials: Dials
    instructions: tuple[str, ...]
    latent_channels: int
    image_channels: int
    factor: int
    multiple: int
    scaling_factor: float
    shift_factor: float
    text_length: int
    prediction_type: str
    scheduler: Mapping[str, object] = field(hash=False)
    manifest: Manifest | None = field(default=None, repr=False)

    @cached_property
    def sha256(self) -> str:
        """One hash over all files: the manifest's word for it, or computed now where there is no manifest."""
        return digest(self.manifest.files if self.manifest is not None else hash_files(self.folder))

    def graph(self, part: str, preference: Sequence[str] = ("model",)) -> Path:
        """The first of `preference`, file stems such as "attention", that the package has for one of its networks.

        part: "text_encoder", "unet", "vae_encoder" or "vae_decoder". Every package has "model"; the others are the
        same network with larger operators, and share its weights.
        """
        folder = self.folder / part
        return next((file for stem in preference if (file := folder / f"{stem}.onnx").is_file()), folder / "model.onnx")

    @property
    def text_encoder(self) -> Path:
        return self.folder / "text_encoder" / "model.onnx"

    @property
    def unet(self) -> Path:
        return self.folder / "unet" / "model.onnx"

    @property
    def vae_encoder(self) -> Path:
        return self.folder / "vae_encoder" / "model.onnx"

    @property
    def vae_decoder(self) -> Path:
        return self.folder / "vae_decoder" / "model.onnx"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer"


@dataclass(frozen=True)
class _Graphs:
    text_encoder: GraphFile
    unet: GraphFile
    vae_encoder: GraphFile
    vae_decoder: GraphFile

    def all(self) -> tuple[GraphFile, ...]:
        return (self.text_encoder, self.unet, self.vae_encoder, self.vae_decoder)


def open_package(folder: Path) -> ModelPackage:
    """Read a package without hashing or loading it: milliseconds, also for gigabytes.

    Raises `PackageError` where a file is missing or has another size than the manifest says, where settings and graphs
    do not fit each other, and for pickles, links and paths that leave the folder.
    """
    folder = Path(folder)
    required = _required(folder)
    manifest = read_manifest(folder)
    if manifest is not None:
        check_sizes(folder, manifest)
    return _read(folder, required, manifest)


def verify_package(package: ModelPackage, progress: Callable[[float], None] | None = None) -> None:
    """Hash every file of the manifest; `progress` gets the share done, in [0, 1].

    Raises `PackageError` for the first file that differs, and where there is no manifest to compare with.
    """
    if package.manifest is None:
        raise PackageError(
            f"{package.folder} has no manifest.json, so there are no hashes to compare with; "
            "add the package to the store to get one."
        )
    check_hashes(package.folder, package.manifest, progress)


def write_manifest(
    folder: Path,
    *,
    name: str,
    licence: str,
    precision: str,
    dials: Dials,
    instructions: Iterable[str],
    source: str,
) -> ModelPackage:
    """Hash the package's files, write manifest.json atomically, and return the package read anew.

    name: letters, digits, dots, dashes and underscores (it names a folder). source: where the weights come from.
    Raises `PackageError` where the folder is not a whole package; then no manifest is left behind.
    """
    if not is_safe_name(name):
        raise PackageError(f"A model cannot be named {name!r}: use letters, digits, dots, dashes and underscores.")
    required = _required(folder)
    manifest = Manifest(name, licence, source, precision, dials, tuple(instructions), hash_files(folder))
    package = _read(folder, required, manifest)
    save_manifest(folder, manifest)
    return package


def _required(folder: Path) -> tuple[str, ...]:
    """The paths of the files that every package has; refuses a folder without them, or with anything dangerous."""
    if not folder.is_dir():
        raise PackageError(f"There is no model package at {folder}: that is not a folder.")
    required = (*(f"{part}/model.onnx" for part in _PARTS), *_CONFIGS, *_tokenizer_files(folder))
    for name in required:
        if not (folder / name).is_file():
            raise missing(folder / name)
    package_files(folder)
    return required


def _read(folder: Path, required: Iterable[str], manifest: Manifest | None) -> ModelPackage:
    graphs = _Graphs(*(read_graph(folder / part / "model.onnx") for part in _PARTS))
    extra = [read_graph(folder / name) for part in _PARTS for name in extra_graphs(folder, part)]
    external = _external_data(folder, (*graphs.all(), *extra))
    if manifest is not None:
        names = (f"{graph.path.parent.name}/{graph.path.name}" for graph in extra)
        check_listed(folder, manifest, (*required, *names, *external))
    return _package(folder, graphs, manifest)


def _tokenizer_files(folder: Path) -> tuple[str, ...]:
    if (folder / "tokenizer/tokenizer.json").is_file():
        return ("tokenizer/tokenizer.json",)
    return ("tokenizer/vocab.json", "tokenizer/merges.txt")


def _external_data(folder: Path, graphs: Iterable[GraphFile]) -> tuple[str, ...]:
    """The files where graphs keep weights, by their path in the package; a graph's own paths are relative to itself."""
    names: list[str] = []
    for graph in graphs:
        for location in sorted(graph.external_data):
            path = inside(graph.path.parent, location)
            if not path.is_file():
                raise missing(path)
            names.append(PurePosixPath(graph.path.parent.name, location).as_posix())
    return tuple(names)


def _package(folder: Path, graphs: _Graphs, manifest: Manifest | None) -> ModelPackage:
    unet, vae = (read_json(folder / part / "config.json") for part in ("unet", "vae_decoder"))
    scheduler = read_json(folder / "scheduler/scheduler_config.json")
    latent = _latent_channels(graphs, vae)
    _check_encoder(graphs.vae_encoder, latent)
    _check_text_width(graphs)
    factor = 2 ** (vae.count("block_out_channels") - 1)
    return ModelPackage(
        folder=folder,
        name=manifest.name if manifest else safe_name(folder.resolve().name),
        licence=manifest.licence if manifest else "unknown",
        precision=manifest.precision if manifest else graphs.unet.precision,
        dials=manifest.dials if manifest else Dials(),
        instructions=manifest.instructions if manifest else (),
        latent_channels=latent,
        image_channels=_image_channels(graphs.unet, unet, latent),
        factor=factor,
        multiple=factor * 2 ** (unet.count("block_out_channels") - 1),
        scaling_factor=_scaling_factor(vae),
        shift_factor=vae.number("shift_factor", default=0.0),
        text_length=_text_length(folder, graphs.text_encoder),
        prediction_type=_prediction_type(scheduler),
        scheduler=scheduler.mapping,
        manifest=manifest,
    )


def _latent_channels(graphs: _Graphs, vae: Values) -> int:
    decoder = graphs.vae_decoder
    latent = _channels(decoder, _port(decoder, decoder.inputs, "latent_sample", 4), vae, "latent_channels")
    made = _port(graphs.unet, graphs.unet.outputs, "out_sample", 4).shape[1]
    if made != latent and isinstance(made, int):
        raise PackageError(
            f"{graphs.unet.path} makes latents of {made} channels where the decoder takes {latent}, "
            "so the two do not belong together; get the package again."
        )
    return latent


def _image_channels(graph: GraphFile, config: Values, latent: int) -> int:
    taken = _channels(graph, _port(graph, graph.inputs, "sample", 4), config, "in_channels")
    if taken != 2 * latent:
        raise PackageError(
            f"{graph.path} takes {taken} channels where a model that edits by instruction takes {latent} + {latent}, "
            "so this is another kind of model; choose an InstructPix2Pix model."
        )
    return taken - latent


def _check_encoder(graph: GraphFile, latent: int) -> None:
    if any(operator.startswith("Random") or operator == "Multinomial" for operator in graph.operators):
        raise PackageError(
            f"{graph.path} draws a random sample instead of giving the mean, so no edit could be repeated; "
            "export the model again with `palimpsest models export`."
        )
    given = graph.outputs[0].shape[1] if graph.outputs and len(graph.outputs[0].shape) == 4 else 0
    if isinstance(given, int) and given not in (latent, 2 * latent):
        raise PackageError(
            f"{graph.path} gives {given} channels where the decoder takes {latent}, "
            "so the two do not belong together; get the package again."
        )


def _check_text_width(graphs: _Graphs) -> None:
    given = _port(graphs.text_encoder, graphs.text_encoder.outputs, "last_hidden_state", 3).shape[2]
    taken = _port(graphs.unet, graphs.unet.inputs, "encoder_hidden_states", 3).shape[2]
    if isinstance(given, int) and isinstance(taken, int) and given != taken:
        raise PackageError(
            f"{graphs.unet.path} takes texts of width {taken} where the text encoder gives {given}, "
            "so the two do not belong together; get the package again."
        )


def _channels(graph: GraphFile, port: Port, config: Values, key: str) -> int:
    """The graph's word where it fixes the channels, else the configuration's; both have to agree."""
    fixed, said = port.shape[1], config.optional_whole(key)
    if not isinstance(fixed, int):
        fixed = config.whole(key, least=1)
    if said not in (None, fixed):
        raise PackageError(
            f"{graph.path} has {fixed} channels at {port.name!r} where its config.json says {said}, "
            "so the two do not belong together; get the package again."
        )
    return fixed


def _port(graph: GraphFile, ports: tuple[Port, ...], name: str, rank: int) -> Port:
    """The port of that name, else the first of that rank."""
    fitting = [port for port in ports if len(port.shape) == rank]
    port = next((port for port in fitting if port.name == name), fitting[0] if fitting else None)
    if port is None:
        raise PackageError(f"{graph.path} has no {name!r} of {rank} dimensions, so it is another kind of model.")
    return port


def _scaling_factor(vae: Values) -> float:
    value = vae.number("scaling_factor", default=_OLD_SCALING_FACTOR)
    if value == 0:
        raise vae.wrong("scaling_factor", "another number than 0")
    return value


def _text_length(folder: Path, graph: GraphFile) -> int:
    """The graph's word where it fixes the length, else the least of what tokenizer and text encoder can take."""
    fixed = _port(graph, graph.inputs, "input_ids", 2).shape[1]
    if isinstance(fixed, int):
        return fixed
    limits = [("tokenizer/tokenizer_config.json", "model_max_length")]
    limits += [("text_encoder/config.json", "max_position_embeddings")]
    said = (read_json(folder / file).number(key, default=0.0) for file, key in limits if (folder / file).is_file())
    lengths = [int(length) for length in said if 2 < length <= _LONGEST_TEXT]
    if not lengths:
        raise PackageError(
            f"{folder} does not say how many tokens its text encoder takes: max_position_embeddings is missing in "
            "text_encoder/config.json; export the model again."
        )
    return min(lengths)


def _prediction_type(scheduler: Values) -> str:
    kind = scheduler.text("prediction_type", default="epsilon")
    if kind not in PREDICTION_TYPES:
        raise scheduler.wrong("prediction_type", " or ".join(PREDICTION_TYPES))
    return kind
