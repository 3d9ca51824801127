"""`python -m training look SOURCE`: what a file or folder is, in a moment: from names, settings and headers alone.

No weights are read, nothing is unpickled, and neither PyTorch nor onnx is needed.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from inference.errors import PackageError
from inference.manifest import safe_name
from inference.package import open_package
from inference.package_files import MANIFEST
from training.export.errors import ExportError
from training.export.lora_keys import is_few_steps, is_lora
from training.export.onnx_folder import check_onnx_folder, is_onnx_folder
from training.export.source import PICKLES, WEIGHT_FOLDERS, check_source
from training.export.weights import read_header, weight_files

Kind = Literal["diffusers", "single", "checkpoint", "onnx", "lora", "package", ""]

_GRAPHS = 24 << 20  # bytes of the graphs, the tokenizer and what lies between the weights
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Look:
    """What a source is.

    kind: "" for what is none of these. bytes: on the disk. needs_bytes: free disk that an import needs.
    licence: as the source says it, else "unknown". needs_train: an import needs the training packages.
    problem: why it cannot be imported, as a sentence; "" where nothing speaks against it.
    few_steps: a LoRA that says it is a latent consistency model's, made for edits of four steps.
    """

    kind: Kind
    name: str
    licence: str
    bytes: int
    needs_bytes: int
    needs_train: bool
    problem: str = ""
    few_steps: bool = False


def look(path: Path) -> Look:
    """What is at `path`. Raises nothing: what cannot be read becomes the problem."""
    path = Path(path)
    try:
        if path.is_dir():
            return _folder(path)
        if path.suffix.lower() == ".safetensors" and path.is_file():
            return _safetensors(path)
        return _other(path)
    except (ExportError, PackageError) as error:
        return Look("", _name(path), _UNKNOWN, _size(path), 0, False, str(error))
    except OSError as error:
        return Look("", _name(path), _UNKNOWN, 0, 0, False, f"{path} cannot be read: {error.strerror or error}.")


def main(argv: Sequence[str]) -> int:
    """Prints what `look` finds. Exit codes: 0 something that can be imported, 4 anything else, 2 usage.

    With --json the exit code is 0 too for what cannot be imported: the problem is part of the answer.
    """
    parser = argparse.ArgumentParser(prog="python -m training look", description="Say what a file or folder is.")
    parser.add_argument("source", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    found = look(arguments.source)
    if arguments.json:
        print(json.dumps(asdict(found)))
        return 0
    if found.problem:
        print(found.problem, file=sys.stderr)
        return 4
    print(f"{found.name}: {found.kind}, {found.bytes / 1e6:.1f} MB, licence: {found.licence}")
    return 0


def _folder(folder: Path) -> Look:
    if is_onnx_folder(folder):
        return _onnx(folder)
    if (folder / "model_index.json").is_file() or (folder / "unet").is_dir():
        return _diffusers(folder)
    return Look(
        "", _name(folder), _folder_licence(folder), _size(folder), 0, False,
        f"{folder} is no model: choose a diffusers folder (with model_index.json), an ONNX folder (with "
        "unet/model.onnx) or a .safetensors file.",
    )  # fmt: skip


def _onnx(folder: Path) -> Look:
    size = _size(folder)
    try:
        problem = check_onnx_folder(folder)
        package = open_package(folder) if not problem and (folder / MANIFEST).is_file() else None
    except PackageError as error:
        problem, package = str(error), None
    if package is not None:
        return Look("package", package.name, package.licence, size, size, False)
    return Look("onnx", _name(folder), _folder_licence(folder), size, size + _GRAPHS, False, problem)


def _diffusers(folder: Path) -> Look:
    problem, numbers = "", 0
    try:
        check_source(folder)
        files = [file for part in WEIGHT_FOLDERS for file in weight_files(folder / part)]
        numbers = sum(_numbers(file) for file in files)
    except ExportError as error:
        problem = str(error)
    return Look("diffusers", _name(folder), _folder_licence(folder), _size(folder), _needs(numbers), True, problem)


def _safetensors(file: Path) -> Look:
    header = read_header(file)
    licence = header.metadata.get("modelspec.license") or _folder_licence(file.parent)
    size = file.stat().st_size
    if is_lora(header.tensors):
        return Look("lora", file.stem, licence, size, 0, True, few_steps=is_few_steps(file, header))
    problem = ""
    try:
        check_source(file)
    except ExportError as error:
        problem = str(error)
    return Look("single", file.stem, licence, size, _needs(_numbers(file)), True, problem)


def _other(path: Path) -> Look:
    if path.suffix.lower() in PICKLES and path.is_file():
        size, problem = path.stat().st_size, ""
        try:
            check_source(path)
        except ExportError as error:
            problem = str(error)
        # How many of its numbers are the model's is known when it is opened: averaged and raw weights may lie in it.
        return Look("checkpoint", path.stem, _folder_licence(path.parent), size, size // 2 + _GRAPHS, True, problem)
    check_source(path)  # raises for everything that is left
    return Look("", _name(path), _UNKNOWN, 0, 0, False, f"{path} is no model.")


def _numbers(file: Path) -> int:
    """How many numbers of a file go into a package: where there are averaged weights, the raw ones do not."""
    shapes = {name: math.prod(entry["shape"]) for name, entry in read_header(file).tensors.items()}
    return sum(count for name, count in shapes.items() if not name.startswith("model_ema."))


def _needs(numbers: int) -> int:
    return 2 * numbers + _GRAPHS if numbers else 0


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0


def _name(path: Path) -> str:
    """A name for the model; the hub's cache keeps a model's under models--OWNER--NAME/snapshots/HASH."""
    path = path.resolve()
    if path.parent.name == "snapshots" and path.parent.parent.name.startswith("models--"):
        return safe_name(path.parent.parent.name.split("--")[-1])
    return safe_name(path.name if path.is_dir() or not path.suffix else path.stem)


def _folder_licence(folder: Path) -> str:
    """What the front matter of a README.md says, as on the hub, else what a model_index.json does."""
    values = _front_matter(folder / "README.md")
    licence = values.get("license", "")
    if licence == "other":
        licence = values.get("license_name", licence)
    return licence or _noted(folder / "model_index.json") or _UNKNOWN


def _front_matter(file: Path) -> Mapping[str, str]:
    try:
        text = file.read_bytes()[: 1 << 16].decode("utf-8", "replace")
    except OSError:
        return {}
    block = re.match(r"\A\s*---\s*\n(.*?)\n---", text, re.DOTALL)
    lines = (re.match(r"(license|license_name)\s*:\s*(.+)", line) for line in (block[1] if block else "").splitlines())
    return {found[1]: found[2].strip().strip("\"'") for found in lines if found}


def _noted(file: Path) -> str:
    try:
        value: object = json.loads(file.read_text(encoding="utf-8")).get("license")
    except (OSError, ValueError, AttributeError):
        return ""
    return value if isinstance(value, str) else ""
