"""Writing OpenRaster (https://www.openraster.org): pictures packed on all cores, unchanged ones copied as they lie."""

from __future__ import annotations

import json
import os
import time
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from editor.core.atomic import replacing
from editor.core.document import Document
from editor.core.errors import Cancelled, OutputNotWritable
from editor.core.formats import ora_png, ora_xml
from editor.core.formats.layered_format import Cancelled as AskCancelled
from editor.core.formats.layered_format import Progress, StoredVariant, ignore, never
from editor.core.formats.ora_baked import baked
from editor.core.formats.ora_cache import Key, OraCache, Picture, Strip
from editor.core.formats.ora_plan import PicturePlan, of_page, of_plane, of_variant
from editor.core.formats.ora_png import Packed
from editor.core.formats.ora_tree import IMAGE_ATTRIBUTES, Tree, tree_of
from editor.core.geometry import Rect
from editor.core.thumbnails import document_thumbnail
from editor.core.touched import touched

MIMETYPE = b"image/openraster"
DOCUMENT, PROFILE, EXIF = "palimpsest/document.json", "palimpsest/profile.icc", "palimpsest/exif.bin"
SELECTION = "palimpsest/selection.png"
MERGED = "mergedimage.png"
THUMBNAIL_SIDE = 256
COPIED_AT_ONCE = 1 << 23
LARGE = 1 << 20  # entries of other programs of this size are packed in themselves
ZIP64_FROM = 1 << 30
PATIENCE = 0.05  # seconds between looks at whether the caller still wants the file
THE_DATE = (1980, 1, 1, 0, 0, 0)  # the same document gives the same file


def save_ora(
    path: Path,
    document: Document,
    variants: Sequence[StoredVariant] = (),
    cache: OraCache | None = None,
    progress: Progress = ignore,
    cancelled: AskCancelled = never,
    *,
    bake_masks: bool = False,
) -> list[str]:
    """Writes the document whole or not at all; returns what other programs will show differently.

    cache: of this document; what did not change since the file it tells of is copied. It is brought up to date.
    bake_masks: applies masks to the pixels, for programs without `svg:dst-in`; the masks are then lost.
    Raises OutputNotWritable, and Cancelled soon after `cancelled()` is true.
    """
    notes = list[str]()
    if bake_masks:
        document, notes = baked(document)
    cache = cache if cache is not None else OraCache()
    try:
        tree = tree_of(document)
        written = _written(path, tree, variants, cache, progress, cancelled)
    except MemoryError as error:
        raise OutputNotWritable(f"{path} was not written: there is not enough memory; close other programs.") from error
    except (zipfile.LargeZipFile, TypeError, ValueError) as error:
        raise OutputNotWritable(f"{path} was not written as OpenRaster: {error}.") from error
    cache.remember(path, document, written)
    progress(1.0)
    return [*notes, *tree.notes]


def _written(
    path: Path,
    tree: Tree,
    variants: Sequence[StoredVariant],
    cache: OraCache,
    progress: Progress,
    cancelled: AskCancelled,
) -> dict[Key, Picture]:
    document = tree.document
    plans = [of_page(MERGED, document), *tree.pictures, *(plan for item in variants for plan in of_variant(item))]
    selection = _selection(document)
    plans += [] if selection is None else [selection]
    with replacing(path) as file, cache.source() as source, zipfile.ZipFile(file, "w", allowZip64=True) as zip:
        writer = _Writer(file, zip, source, cache, document, progress, cancelled)
        writer.entry("mimetype", MIMETYPE)
        writer.entry("stack.xml", ora_xml.written(tree.root), packed=True)
        writer.entry(DOCUMENT, _details(tree, variants, selection), packed=True)
        writer.entry("Thumbnails/thumbnail.png", ora_png.whole(document_thumbnail(document, THUMBNAIL_SIDE)))
        for name, data in ((PROFILE, document.icc), (EXIF, document.exif)):
            if data:
                writer.entry(name, data)
        writer.pictures(plans)
        for name, data in document.extras.items():
            if name != IMAGE_ATTRIBUTES and name not in writer.names:
                writer.entry(name, data, packed=len(data) < LARGE)
        writer.check()
    return writer.places


def _selection(document: Document) -> PicturePlan | None:
    return None if document.selection is None else of_plane(SELECTION, document.selection, document.rect, None)


def _details(tree: Tree, variants: Sequence[StoredVariant], selection: PicturePlan | None) -> bytes:
    document = tree.document
    details: dict[str, Any] = {"version": 1, "active": document.active, "layers": tree.details}
    if document.dpi:
        details["dpi"] = list(document.dpi)
    if selection is not None and document.selection is not None:
        details["selection"] = {"x": selection.rect.x, "y": selection.rect.y, "blank": document.selection.blank}
    details["variants"] = [
        {"id": variant.id, "meta": dict(variant.meta), "x": variant.x, "y": variant.y} for variant in variants
    ]
    return json.dumps(details, indent=1).encode()


@dataclass(eq=False)
class _Writer:
    file: BinaryIO
    zip: zipfile.ZipFile
    source: BinaryIO | None
    cache: OraCache
    document: Document
    progress: Progress
    cancelled: AskCancelled
    places: dict[Key, Picture] = field(default_factory=dict[Key, Picture])
    names: set[str] = field(default_factory=set[str])

    def check(self) -> None:
        if self.cancelled():
            raise Cancelled("The file was not written: it was cancelled.")

    def entry(self, name: str, data: bytes, *, packed: bool = False) -> None:
        info = zipfile.ZipInfo(name, THE_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        self.names.add(name)
        self.zip.writestr(info, data)

    def pictures(self, plans: Sequence[PicturePlan]) -> None:
        """All pictures, their strips packed ahead of the writing."""
        dirty = self._dirty()
        reuse = [self._found(plan) for plan in plans]
        old = [self._found_strips(plan, dirty) if not whole else [] for plan, whole in zip(plans, reuse, strict=True)]
        jobs = (
            _job(strip.read)
            for plan, whole, found in zip(plans, reuse, old, strict=True)
            if whole is None
            for strip, place in zip(plan.strips, found, strict=True)
            if place is None
        )
        total, done = sum(len(plan.strips) for plan in plans), 0
        with _ahead(jobs, self.check) as results:
            for plan, whole, found in zip(plans, reuse, old, strict=True):
                self.names.add(plan.name)
                with self._open(plan) as target:
                    if whole is not None:
                        self._copy_picture(target, plan, whole)
                    else:
                        for _ in self._picture(target, plan, found, results):
                            done += 1
                            self.progress(0.99 * done / total)
                done += len(plan.strips) if whole is not None else 0
                self.progress(0.99 * done / total)

    def _dirty(self) -> list[Rect] | None:
        """Where the merged picture changed; None where all of it is new."""
        before = self.cache.document
        if before is None or self.source is None or before.icc != self.document.icc:
            return None
        return list(touched(before, self.document))

    def _found(self, plan: PicturePlan) -> Picture | None:
        found = self.cache.pictures.get(plan.key) if self.source is not None else None
        return found if found is not None and found.rect == plan.rect else None

    def _found_strips(self, plan: PicturePlan, dirty: list[Rect] | None) -> list[Strip | None]:
        if self.source is None:
            return [None] * len(plan.strips)
        if plan.name == MERGED:
            return [self._clean(strip.key, dirty) for strip in plan.strips]
        return [self.cache.strips.get(strip.key) for strip in plan.strips]

    def _clean(self, key: Key, dirty: list[Rect] | None) -> Strip | None:
        area = key[1]
        if dirty is None or not isinstance(area, Rect) or any(not (area & rect).empty for rect in dirty):
            return None
        return self.cache.strips.get(key)

    @contextmanager
    def _open(self, plan: PicturePlan) -> Generator[Any]:
        info = zipfile.ZipInfo(plan.name, THE_DATE)
        large = plan.rect.width * plan.rect.height * plan.channels > ZIP64_FROM
        with self.zip.open(info, "w", force_zip64=large) as target:
            yield target

    def _copy_picture(self, target: Any, plan: PicturePlan, whole: Picture) -> None:
        start = self.file.tell()
        self._copy(target, whole.offset, whole.size)
        shift = start - whole.offset
        strips = tuple(Strip(s.key, s.offset + shift, s.size, s.check, s.raw) for s in whole.strips)
        self.places[plan.key] = Picture(start, whole.size, whole.rect, strips, whole.keep)

    def _picture(
        self, target: Any, plan: PicturePlan, found: list[Strip | None], results: Iterator[Packed]
    ) -> Iterator[None]:
        start = self.file.tell()
        icc = self.document.icc if plan.channels > 2 else None
        dpi = self.document.dpi if plan.name == MERGED else None
        target.write(ora_png.head(plan.rect.width, plan.rect.height, plan.channels, icc, dpi))
        strips: list[Strip] = []
        for strip, place in zip(plan.strips, found, strict=True):
            offset = self.file.tell()
            if place is not None:
                self._copy(target, place.offset, place.size)
                strips.append(Strip(strip.key, offset, place.size, place.check, place.raw))
            else:
                made = next(results)
                target.write(made.data)
                strips.append(Strip(strip.key, offset, len(made.data), made.check, made.raw))
            yield
        target.write(ora_png.tail((strip.check, strip.raw) for strip in strips))
        self.places[plan.key] = Picture(start, self.file.tell() - start, plan.rect, tuple(strips), plan.keep)

    def _copy(self, target: Any, offset: int, size: int) -> None:
        assert self.source is not None
        self.source.seek(offset)
        while size:
            self.check()
            data = self.source.read(min(size, COPIED_AT_ONCE))
            if not data:
                raise OSError("the file that was saved before has become shorter")
            target.write(data)
            size -= len(data)


def _job(read: Callable[[], Any]) -> Callable[[], Packed]:
    return lambda: ora_png.packed(read())


@contextmanager
def _ahead(jobs: Iterable[Callable[[], Packed]], check: Callable[[], None]) -> Generator[Iterator[Packed]]:
    """The results in order, a few computed in advance."""
    workers = min(8, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers)
    try:
        yield _results(pool, iter(jobs), 2 * workers, check)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _results(
    pool: ThreadPoolExecutor, jobs: Iterator[Callable[[], Packed]], window: int, check: Callable[[], None]
) -> Iterator[Packed]:
    pending: deque[Future[Packed]] = deque()
    for job in jobs:
        pending.append(pool.submit(job))
        if len(pending) >= window:
            yield _waited(pending.popleft(), check)
    while pending:
        yield _waited(pending.popleft(), check)


def _waited(future: Future[Packed], check: Callable[[], None]) -> Packed:
    while True:
        check()
        try:
            return future.result(PATIENCE)
        except NotYet:
            time.sleep(0)
