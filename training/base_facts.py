"""What a model is that training shall start from: from settings and headers alone, in milliseconds, without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from inference.errors import PackageError
from inference.manifest import Dials, FileRecord, digest, hash_file
from inference.package import ModelPackage, open_package
from training.export.errors import ExportError
from training.export.onnx_folder import is_onnx_folder
from training.export.source import LDM_CONV_IN, WEIGHT_FOLDERS, check_source, model_size, read_json
from training.export.weights import read_header, weight_files
from training.looking import look
from training.places import find_package, model_store
from training.train_errors import TrainError

Kind = Literal["package", "diffusers", "single"]

_LDM_UNET = "model.diffusion_model."


@dataclass(frozen=True)
class BaseFacts:
    """path: the folder or file. kind: an installed package or a package's folder, a diffusers folder, or one file.

    dials, instructions: what its package says, else the method's own and none. channels: what its UNet takes, twice
    the latent's or, where it has to grow, as many. parameters: how many numbers its UNet has, nearly.
    """

    name: str
    path: Path
    kind: Kind
    licence: str
    dials: Dials
    instructions: tuple[str, ...]
    channels: int
    parameters: int

    def sha256(self) -> str:
        """One hash for the model: a package's own word for it, else of weights and settings, read now."""
        if self.kind == "package":
            return open_package(self.path).sha256
        if self.kind == "single":
            return hash_file(self.path)
        files = sorted(_folder_files(self.path))
        return digest(FileRecord(f.relative_to(self.path).as_posix(), hash_file(f), f.stat().st_size) for f in files)


def find_base(path_or_name: str) -> BaseFacts:
    """The installed model of that name, else what is at that path; the program's own choice for "".

    Raises `TrainError`, a sentence, where there is none that training can start from.
    """
    path = Path(path_or_name).expanduser()
    try:
        if not path_or_name or _installed(path_or_name) or not path.exists() or is_onnx_folder(path):
            return _of_package(find_package(path_or_name))
        check_source(path, grows=True)
        return _of_folder(path) if path.is_dir() else _of_file(path)
    except (PackageError, ExportError) as error:
        raise TrainError(str(error)) from error
    except OSError as error:
        raise TrainError(f"{path} cannot be read: {error.strerror or error}.") from error


def _installed(name: str) -> bool:
    return any(package.name.casefold() == name.casefold() for package in model_store().list())


def _of_package(package: ModelPackage) -> BaseFacts:
    stored = sum(file.stat().st_size for file in package.unet.parent.glob("model.onnx*"))
    return BaseFacts(
        package.name, package.folder.absolute(), "package", package.licence, package.dials, package.instructions,
        package.latent_channels + package.image_channels, stored // (2 if package.precision == "fp16" else 4),
    )  # fmt: skip


def _of_folder(folder: Path) -> BaseFacts:
    found, unet = look(folder), read_json(folder / "unet" / "config.json")
    numbers = sum(
        math.prod(entry["shape"])
        for file in weight_files(folder / "unet") for entry in read_header(file).tensors.values()
    )  # fmt: skip
    dials = replace(Dials(), size=model_size(folder))
    channels = int(str(unet["in_channels"]))  # a whole number, as `check_source` has seen
    return BaseFacts(found.name, folder.absolute(), "diffusers", found.licence, dials, (), channels, numbers)


def _of_file(file: Path) -> BaseFacts:
    found, channels, numbers = look(file), 8, 0
    if file.suffix == ".safetensors":
        shapes = {name: tuple(entry["shape"]) for name, entry in read_header(file).tensors.items()}
        channels = shapes[LDM_CONV_IN][1]
        numbers = sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(_LDM_UNET))
    return BaseFacts(found.name, file.absolute(), "single", found.licence, Dials(), (), channels, numbers)


def _folder_files(folder: Path) -> Iterator[Path]:
    for part in WEIGHT_FOLDERS:
        yield folder / part / "config.json"
        yield from weight_files(folder / part)
    yield folder / "tokenizer" / "vocab.json"
    yield folder / "tokenizer" / "merges.txt"
    scheduler = folder / "scheduler" / "scheduler_config.json"
    if scheduler.is_file():
        yield scheduler
