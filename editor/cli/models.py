"""palimpsest models list | add | verify | remove."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from editor.cli import report
from editor.cli.library import library
from editor.cli.progress import bar
from editor.cli.running import interruptible
from editor.core import paths
from editor.core.errors import Cancelled, UsageError
from editor.jobs.importing import (
    Found,
    Importer,
    Wishes,
    download_folder,
    forget_download,
    gigabytes,
    host_of,
    is_remote,
    lora_of,
)
from editor.jobs.readying import Readying
from editor.jobs.stages import in_words
from inference.errors import Cancelled as CancelledWork
from inference.errors import PackageError
from inference.import_report import read_report
from inference.package import ModelPackage, verify_package
from inference.shared_files import Usage
from inference.store import ModelStore


@dataclass(frozen=True)
class AddOptions:
    """source: a path, an https address or hub:OWNER/NAME. loras: FILE or FILE:WEIGHT. yes: connect without asking."""

    source: str
    name: str = ""
    licence: str = ""
    loras: tuple[str, ...] = ()
    few_steps: bool | None = None
    config: Path | None = None
    yes: bool = False

    @property
    def wishes(self) -> Wishes:
        """Raises `UsageError` for a LoRA that is not one of those files, or a weight beyond 0 to 2."""
        loras = tuple(lora_of(text) for text in self.loras)
        return Wishes(self.name, self.licence, loras, self.few_steps, self.config)


def show() -> None:
    """A line for each model: the default one has a star, one that cannot be opened an exclamation mark."""
    store = library()
    packages, usages = store.list(), store.usages()
    default = _default_folder(store)
    width = max((len(package.name) for package in packages), default=0)
    for package in packages:
        mark = "*" if package.folder == default else " "
        facts = (package.precision, _size(usages[package.folder]), package.licence, *_parity(package))
        report.say(f"{mark} {package.name:{width}}  {'  '.join(facts)}  {package.folder}")
    for folder, problem in store.problems():
        report.say(f"! {folder.name:{width}}  {problem}")
    if not packages:
        report.say("No models: add a model folder with palimpsest models add PATH.")
    _show_downloads()


def add(options: AddOptions, start: Sequence[str] | None = None) -> None:
    """Fetch it where it is remote, tell what it is, import it and install it. start: as for `Importer`."""
    importer, wishes = Importer(library(), start, Readying()), options.wishes
    source, wishes = _local(options, importer, wishes)
    with _cancelled("The import was cancelled; nothing was added."), interruptible() as cancel:
        found = importer.look(source, cancel)
        _tell(found, importer.store)
        before = {package.folder for package in importer.store.list()}
        with bar() as advance:
            package = importer.add(found, wishes, lambda stage, share: advance(share, in_words(stage)), cancel)
    if is_remote(options.source):
        forget_download(download_folder(paths.user_downloads(), options.source))
    if package.folder in before:
        report.say(f"{package.name} is here already, the same in every file: {package.folder}")
    else:
        _tell_added(package, importer.store)


def verify(name: str) -> None:
    package = library().find(name)
    with bar() as advance:
        verify_package(package, lambda share: advance(share, f"verifying {package.name}"))
    report.say(f"{package.name}: every file is as recorded (SHA-256 {package.sha256})")


def remove(name: str) -> None:
    store = library()
    usage = {folder.name.casefold(): usage for folder, usage in store.usages().items()}.get(name.casefold())
    store.remove(name)
    freed = "" if usage is None else f" and freed {gigabytes(usage.own)}"
    kept = f"; {gigabytes(usage.shared)} stay for other models" if usage is not None and usage.shared else ""
    report.say(f"Removed {name}{freed}{kept}")


def _local(options: AddOptions, importer: Importer, wishes: Wishes) -> tuple[Path, Wishes]:
    """(where the source is on this machine, the wishes with its host's name and licence); asked for first."""
    source = options.source
    if not is_remote(source):
        return Path(source).expanduser(), wishes
    _agree(f"Ask {host_of(source)} what {source} is? This goes over the network.", options.yes)
    with _cancelled("Nothing was fetched."), interruptible() as cancel:
        plan = importer.plan(source, cancel)
    report.say(
        f"{source}: {plan.files} files, {gigabytes(plan.bytes)}, from {plan.host}, licence {plan.licence or '?'}"
    )
    _agree(f"Fetch {gigabytes(plan.bytes)} from {plan.host}?", options.yes)
    folder = download_folder(paths.user_downloads(), source)
    kept = f"The download was cancelled; what came so far is kept in {folder}, and the same command goes on from there."
    with _cancelled(kept), interruptible() as cancel, bar() as advance:
        path = importer.fetch(source, folder, lambda stage, share: advance(share, in_words(stage)), cancel)
    return path, replace(wishes, name=wishes.name or plan.name, licence=wishes.licence or plan.licence)


@contextmanager
def _cancelled(sentence: str) -> Generator[None]:
    """What a cancel is called here, where nothing is edited."""
    try:
        yield
    except CancelledWork as error:
        raise Cancelled(sentence) from error


def _agree(question: str, yes: bool) -> None:
    """Raises `UsageError` where nobody can be asked, and `Cancelled` for a no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("Nothing is fetched over the network unless you say yes: add --yes, or run it in a terminal.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Cancelled("Nothing was fetched.")


def _tell(found: Found, store: ModelStore) -> None:
    report.say(
        f"{found.name}: {found.what}, {gigabytes(found.bytes)}, licence {found.licence or 'not stated'}; needs "
        f"{gigabytes(found.needs_bytes)} of disk, {gigabytes(store.free_bytes)} are free"
    )


def _tell_added(package: ModelPackage, store: ModelStore) -> None:
    report.say(f"Added {package.name} ({_size(store.usages()[package.folder])}) as {package.folder}")
    found = read_report(package.folder)
    if found is not None:
        width = max((len(part.component) for part in found.parity), default=0)
        for part in found.parity:
            report.say(
                f"  {part.component:<{width}}  differs from the original by {part.relative:.2g} of its range at most"
            )
        for note in found.notes:
            report.say(f"  {note}")


def _parity(package: ModelPackage) -> tuple[str, ...]:
    found = read_report(package.folder)
    worst = found.worst if found is not None else None
    return () if worst is None else (f"within {worst:.1g} of the original",)


def _show_downloads() -> None:
    for folder in sorted(paths.user_downloads().glob("*")):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        report.say(f"  {gigabytes(size)} of an unfinished download in {folder}: add it again to go on, or delete it.")


def _default_folder(store: ModelStore) -> Path | None:
    try:
        return store.default().folder
    except PackageError:
        return None


def _size(usage: Usage) -> str:
    shared = f", {gigabytes(usage.shared)} of it shared" if usage.shared else ""
    return f"{gigabytes(usage.bytes)}{shared}"
