"""Which files a model package has, and the refusal of those that must not be there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from inference.errors import PackageError

MANIFEST = "manifest.json"

# Graphs of the same network with larger operators, by file stem; they lie beside its model.onnx.
EXTRA_GRAPHS = ("attention", "fp16")

# Unpickling runs whatever code is in the file, so a package that has one is refused whole, needed or not.
PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})

# Weights for other programs that may lie beside the graphs; nothing here reads them.
_OTHER_WEIGHTS = frozenset({".safetensors", ".msgpack", ".h5", ".ot"})


def package_files(folder: Path) -> dict[str, Path]:
    """The files that belong to a package, by their path inside it ("unet/model.onnx"), sorted; without the manifest.

    Hidden files and other programs' weights do not belong.
    Raises `PackageError` for a pickle, for a link that leaves the folder or leads nowhere, and for a linked folder.
    """
    root = folder.resolve()
    files = {path.relative_to(folder).as_posix(): path for path in _walk(folder)}
    for path in files.values():
        _refuse(folder, root, path)
    return {name: files[name] for name in sorted(files) if _belongs(name)}


def extra_graphs(folder: Path, part: str) -> tuple[str, ...]:
    """The paths in the package of the graphs that a network has besides model.onnx ("unet/attention.onnx")."""
    names = (f"{part}/{stem}.onnx" for stem in EXTRA_GRAPHS)
    return tuple(name for name in names if (folder / name).is_file())


def inside(folder: Path, name: str) -> Path:
    """The file `name` (a path with slashes) of the package; raises `PackageError` where that would leave the folder."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise PackageError(
            f"The package {folder} names the file {name!r}, which is outside of its folder, so it is refused."
        )
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PackageError(f"{path} leads out of the package's folder, so the package is refused.")
    return path


def _walk(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise PackageError(f"{error.filename} cannot be read: {error.strerror or error}.") from error

    for parent, folders, files in os.walk(folder, onerror=fail):
        for name in folders:
            path = Path(parent, name)
            if path.is_symlink():
                raise PackageError(
                    f"{path} is a link to a folder, so the package is refused; put the files themselves there."
                )
        yield from (Path(parent, name) for name in files)


def _refuse(folder: Path, root: Path, path: Path) -> None:
    if path.suffix.lower() in PICKLES:
        raise PackageError(f"{path} may be a pickle, which can run any code, so the package {folder.name} is refused.")
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise PackageError(f"{path} is a link that leaves the package's folder, so the package is refused.")
    if not path.is_file():
        raise PackageError(f"{path} is not a file that can be read, so the package is refused.")


def _belongs(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and name != MANIFEST and path.suffix.lower() not in _OTHER_WEIGHTS
