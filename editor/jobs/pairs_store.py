"""The store of the user's pairs, through `python -m training pairs`; every call waits for its process. Without Qt."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from editor.core.errors import OutputNotWritable, PalimpsestError
from editor.edits.pairs import NewPair, Samples
from editor.jobs import loose, training
from inference.errors import Cancelled, EngineError
from inference.types import CancelToken

At = Callable[[float], object]
"""Told the share done, in [0, 1]."""

FAULT = training.Fault("Keeping your training pairs", "the others are as they were")
TEMPORARY = "palimpsest-pairs-"


@dataclass(frozen=True)
class PairEntry:
    """One pair in the store.

    source_path, target_path, mask_path: its pictures, PNG files; None for no mask. source, target, mask: their SHA-256.
    group: pairs of one photo have the same. earlier: a model that is installed has learnt it. added: ISO 8601, UTC.
    changed_fraction: of the picture, in [0, 1].
    """

    id: str
    instruction: str
    source_path: Path
    target_path: Path
    mask_path: Path | None = None
    source: str = ""
    target: str = ""
    mask: str = ""
    width: int = 0
    height: int = 0
    group: str = ""
    origin: Mapping[str, str] = field(default_factory=dict[str, str])
    added: str = ""
    enabled: bool = True
    earlier: bool = False
    changed_fraction: float = 0.0


@dataclass(frozen=True)
class Refused:
    """A pair that was not taken. where: file or row; why: a sentence."""

    where: str
    why: str


@dataclass(frozen=True)
class Listed:
    """problems: sentences on what is wrong with the store or its pairs."""

    entries: tuple[PairEntry, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Taken:
    """What came of adding a folder or file. same: pairs that were there already."""

    added: int
    same: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class PairsStore:
    """folder: where it lies. start: in place of what starts the training package, for tests.

    Everything raises `Cancelled`, and what the command's exit code stands for, in the command's own words.
    """

    folder: Path
    start: Sequence[str] | None
    cancel: CancelToken

    def list(self) -> Listed:
        """All pairs, the oldest first."""
        values = self._command("list", "--json")
        entries = (_entry(each) for each in loose.objects(values, "pairs"))
        return Listed(tuple(entry for entry in entries if entry is not None), loose.texts(values, "problems"))

    def add(self, pairs: Sequence[NewPair], at: At, known: Sequence[PairEntry]) -> Taken:
        """Where all are refused, the last refusal is raised.

        known: the pairs that are there. A document that was saved with other pixels is told by its lowest picture, so
        that its pairs stay in one group.
        """
        groups = {entry.origin["base"]: entry.group for entry in known if "base" in entry.origin}
        same, refused = 0, list[Refused]()
        for index, pair in enumerate(pairs):
            try:
                same += self._add(replace(pair, group=groups.get(pair.origin.get("base", ""), pair.group)))
            except (EngineError, PalimpsestError) as error:
                if isinstance(error, Cancelled) or len(refused) + 1 == len(pairs):
                    raise
                refused.append(Refused(pair.instruction, str(error)))
            at((index + 1) / len(pairs))
        return Taken(len(pairs) - same - len(refused), same, tuple(refused))

    def add_path(self, path: Path, format: str, instruction: str, at: At) -> Taken:
        """All pairs of a folder or file of another program. format: "" to see what it is."""
        words = [f"--format={format}"] if format else []
        words += [f"--instruction={instruction}"] if instruction else []
        done = self._command("add", "--events", *words, str(path.absolute()), at=at)
        found = (Refused(loose.text(each, "where"), loose.text(each, "why")) for each in loose.objects(done, "refused"))
        return Taken(loose.whole(done, "added"), loose.whole(done, "same"), tuple(found))

    def edit(self, id: str, instruction: str | None, enabled: bool | None) -> None:
        """None leaves it as it is."""
        words = [] if instruction is None else [f"--instruction={instruction}"]
        words += [] if enabled is None else ["--enable" if enabled else "--disable"]
        self._command("edit", "--json", *words, id)

    def remove(self, entries: Sequence[PairEntry]) -> tuple[tuple[PairEntry, ...], Path]:
        """Returns them with copies of their pictures, and the folder of these, which is the caller's."""
        kept = Path(tempfile.mkdtemp(prefix=TEMPORARY))
        try:
            copies = tuple(_copied(entry, kept) for entry in entries)
            self._command("remove", "--json", *(entry.id for entry in entries))
        except BaseException:
            shutil.rmtree(kept, ignore_errors=True)
            raise
        return copies, kept

    def restore(self, entries: Sequence[PairEntry], at: At) -> None:
        """Put removed ones back."""
        for index, entry in enumerate(entries):
            self._add_files(entry)
            if not entry.enabled:
                self.edit(entry.id, None, False)
            if entry.earlier:
                self._command("earlier", "--json", entry.id)
            at((index + 1) / len(entries))

    def export(self, folder: Path, format: str, ids: Sequence[str], at: At) -> None:
        """Write those, or all for none, into a new folder. format: "folder", "imagefolder" or "webdataset"."""
        words = (f"--id={id}" for id in ids)
        self._command("export", "--events", f"--format={format}", *words, str(folder.absolute()), at=at)

    def _add(self, pair: NewPair) -> bool:
        """True where it was there already."""
        with tempfile.TemporaryDirectory(prefix=TEMPORARY) as name:
            folder = Path(name)
            mask = None if pair.mask is None else _written(folder / "mask.png", pair.mask)
            source, target = _written(folder / "source.png", pair.source), _written(folder / "target.png", pair.target)
            return self._add_files(
                PairEntry("", pair.instruction, source, target, mask, group=pair.group, origin=pair.origin)
            )

    def _add_files(self, entry: PairEntry) -> bool:
        words = [f"--source={entry.source_path}", f"--target={entry.target_path}", f"--instruction={entry.instruction}"]
        words += [f"--mask={entry.mask_path}"] if entry.mask_path is not None else []
        words += [f"--group={entry.group}"] if entry.group else []
        words += [f"--origin={name}={value}" for name, value in entry.origin.items()]
        return loose.whole(self._command("add-one", "--json", *words), "same") > 0

    def _command(self, name: str, *words: str, at: At = lambda fraction: None) -> training.Message:
        def show(event: training.Message) -> None:
            fraction = loose.number(event, "fraction")
            if event.get("event") == "progress" and fraction is not None:
                at(fraction)

        store = f"--store={self.folder}"
        return training.run(["pairs", name, store, *words], show, self.cancel, self.start, fault=FAULT)


def _entry(values: loose.Object) -> PairEntry | None:
    """None for one without the least that it needs."""
    id, source, target = (loose.text(values, name) for name in ("id", "source_path", "target_path"))
    if not id or not source or not target:
        return None
    origin = loose.object_in(values, "origin")
    mask = loose.text(values, "mask_path")
    return PairEntry(
        id=id,
        instruction=loose.text(values, "instruction"),
        source_path=Path(source),
        target_path=Path(target),
        mask_path=Path(mask) if mask else None,
        source=loose.text(values, "source"),
        target=loose.text(values, "target"),
        mask=loose.text(values, "mask"),
        width=loose.whole(values, "width"),
        height=loose.whole(values, "height"),
        group=loose.text(values, "group"),
        origin={name: str(value) for name, value in origin.items()},
        added=loose.text(values, "added"),
        enabled=loose.flag(values, "enabled"),
        earlier=loose.flag(values, "earlier"),
        changed_fraction=loose.number(values, "changed_fraction") or 0.0,
    )


def _written(path: Path, pixels: Samples) -> Path:
    """A PNG for a moment: quick to write."""
    try:
        Image.fromarray(pixels).save(path, compress_level=1)
    except OSError as error:
        raise OutputNotWritable(
            f"The pair was not added: {path.parent} cannot be written ({error.strerror or error}); make room there."
        ) from error
    return path


def _copied(entry: PairEntry, folder: Path) -> PairEntry:
    """The entry with copies of its pictures; those that are gone already stay what they are."""

    def copy(path: Path) -> Path:
        target = folder / f"{entry.id}-{path.name}"
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise OutputNotWritable(
                f"The pair was not removed: {path.name} cannot be put aside ({error.strerror or error})."
            ) from error
        return target

    mask = None if entry.mask_path is None else copy(entry.mask_path)
    return replace(entry, source_path=copy(entry.source_path), target_path=copy(entry.target_path), mask_path=mask)
