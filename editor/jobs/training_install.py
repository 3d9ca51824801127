"""A finished training's model into the user's folder, under the name that the user gives it. Without Qt."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from inference.errors import PackageError
from inference.import_report import read_report
from inference.package import ModelPackage, open_package, write_manifest
from inference.store import ModelStore

SPARE = 64 << 20
"""Bytes left free on the disk."""
_COPIED = 0.6


def install(store: ModelStore, folder: Path, name: str, progress: Callable[[float], None]) -> ModelPackage:
    """Add the package in `folder` as `name`; nothing that is installed is replaced, and the package stays as it is.

    progress: called with the share done; what it raises ends the work and nothing is left. Raises `PackageError` as
    `ModelStore.add` does.
    """
    package = open_package(folder)
    if name in ("", package.name):
        return store.add(folder, progress)
    store.check_name(name)
    _check_space(store, folder)
    with store.staging() as aside:
        target = aside / "package"
        _copy(folder, target, lambda share: progress(_COPIED * share))
        named = write_manifest(
            target,
            name=name,
            licence=package.licence,
            precision=package.precision,
            dials=package.dials,
            instructions=package.instructions,
            source=package.manifest.source if package.manifest is not None else folder.name,
        )
        return store.adopt(named.folder, read_report(target), lambda share: progress(_COPIED + (1 - _COPIED) * share))


def installed_as(store: ModelStore, folder: Path) -> str:
    """The name of the installed model with the content of the package in `folder`; "" where there is none."""
    try:
        sha256 = open_package(folder).sha256
    except PackageError:
        return ""
    own = (package for package in store.list() if not store.in_bundled(package.folder))
    return next((package.name for package in own if package.sha256 == sha256), "")


def _check_space(store: ModelStore, folder: Path) -> None:
    needed, free = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) + SPARE, store.free_bytes
    if free < needed:
        raise PackageError(
            f"Installing the model needs {needed / 1e6:.0f} MB of free disk and there are {free / 1e6:.0f} MB: make "
            "room, then install it again."
        )


def _copy(source: Path, target: Path, progress: Callable[[float], None]) -> None:
    files = [path for path in source.rglob("*") if path.is_file()]
    total, done = max(1, sum(path.stat().st_size for path in files)), 0
    try:
        for path in files:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            done += path.stat().st_size
            progress(done / total)
    except OSError as error:
        raise PackageError(
            f"The model cannot be copied: {error.strerror or error}. Make room and try again."
        ) from error
