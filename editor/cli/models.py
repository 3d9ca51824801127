"""palimpsest models list | add | verify | remove."""

from __future__ import annotations

from pathlib import Path

from editor.cli import report
from editor.cli.library import library
from editor.cli.progress import bar
from inference.errors import PackageError
from inference.package import ModelPackage, verify_package
from inference.store import ModelStore


def show() -> None:
    """A line for each model: the default one has a star, one that cannot be opened an exclamation mark."""
    store = library()
    packages = store.list()
    default = _default_folder(store)
    width = max((len(package.name) for package in packages), default=0)
    for package in packages:
        mark = "*" if package.folder == default else " "
        report.say(
            f"{mark} {package.name:{width}}  {package.precision}  {_size(package)}  {package.licence}  {package.folder}"
        )
    for folder, problem in store.problems():
        report.say(f"! {folder.name:{width}}  {problem}")
    if not packages:
        report.say("No models: add a model folder with palimpsest models add PATH.")


def add(path: Path) -> None:
    package = library().add(path)
    report.say(f"Added {package.name} ({_size(package)}) as {package.folder}")


def verify(name: str) -> None:
    package = library().find(name)
    with bar() as advance:
        verify_package(package, lambda share: advance(share, f"verifying {package.name}"))
    report.say(f"{package.name}: every file is as recorded (SHA-256 {package.sha256})")


def remove(name: str) -> None:
    library().remove(name)
    report.say(f"Removed {name}")


def _default_folder(store: ModelStore) -> Path | None:
    try:
        return store.default().folder
    except PackageError:
        return None


def _size(package: ModelPackage) -> str:
    size = sum(path.stat().st_size for path in package.folder.rglob("*") if path.is_file())
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
