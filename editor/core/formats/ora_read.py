"""Reading OpenRaster: this program's files exactly, everyone else's as far as they make sense, and none on trust."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, cast
from xml.etree.ElementTree import Element

import numpy as np

from editor.core.blend import BLENDS
from editor.core.document import Document
from editor.core.errors import Cancelled, InputUnreadable
from editor.core.formats import colour, ora_archive, ora_picture, ora_xml
from editor.core.formats.flat import MOST_PIXELS
from editor.core.formats.layered_format import Cancelled as AskCancelled
from editor.core.formats.layered_format import Opened, Progress, StoredVariant, ignore, never
from editor.core.formats.ora_archive import Archive, refused
from editor.core.formats.ora_cache import Key, OraCache, Picture
from editor.core.formats.ora_picture import Budget, Decoded, Header
from editor.core.formats.ora_plan import SAFE_ID, mask_key, plane_key
from editor.core.formats.ora_tree import IMAGE_ATTRIBUTES, OP
from editor.core.formats.ora_values import Corner, foreign, number, own_place, place, share, whole
from editor.core.formats.ora_write import DOCUMENT, EXIF, MERGED, PROFILE, SELECTION
from editor.core.formats.ora_xml import own
from editor.core.geometry import Rect
from editor.core.layer import NORMAL, GroupLayer, Layer, Mask, RasterLayer, new_id
from editor.core.tiles import TileMap

MOST_XML, MOST_JSON, MOST_PROFILE = 1 << 24, 1 << 24, 1 << 25
WORKERS = 2
PATIENCE = 0.05
BY_OP = {blend.ora: blend.name for blend in BLENDS} | {"svg:exclusion": "exclusion", "svg:add": "plus"}
DST_IN = "svg:dst-in"
IMAGE_KNOWN = {"w", "h", "version", "xres", "yres"}
GENERATED = (
    IMAGE_ATTRIBUTES,
    "mimetype",
    "stack.xml",
    MERGED,
    "Thumbnails/thumbnail.png",
    DOCUMENT,
    PROFILE,
    EXIF,
    SELECTION,
)


def read_ora(
    path: Path, progress: Progress = ignore, cancelled: AskCancelled = never, *, max_pixels: int | None = None
) -> Opened:
    """Opens a file. max_pixels: of all its pictures together. Raises InputUnreadable, and Cancelled."""
    try:
        with ora_archive.opened(path) as archive:
            reader = _Reader(archive, progress, cancelled, Budget() if max_pixels is None else Budget(max_pixels))
            return reader.opened()
    except MemoryError as error:
        raise InputUnreadable(f"{path} cannot be opened: there is not enough memory; close other programs.") from error


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A picture to be decoded, and what happens with it."""

    head: Header
    use: Callable[[Decoded], None]


@dataclass(eq=False)
class _Reader:
    archive: Archive
    progress: Progress
    cancelled: AskCancelled
    budget: Budget
    icc: bytes | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: list[str] = field(default_factory=list[str])
    wanted: list[_Wanted] = field(default_factory=list[_Wanted])
    planes: dict[int, TileMap] = field(default_factory=dict[int, TileMap])
    known: dict[tuple[object, ...], int] = field(default_factory=dict[tuple[object, ...], int])
    used: set[str] = field(default_factory=set[str])
    ids: set[str] = field(default_factory=set[str])
    active: str = ""
    pictures: dict[Key, Picture] = field(default_factory=dict[Key, Picture])

    def opened(self) -> Opened:
        root = self._root()
        width, height = self._size(root)
        self.details = self._details()
        self.icc = self._profile()
        stack = next((child for child in root if child.tag == "stack"), None)
        if stack is None:
            raise refused(self.archive.path, "its stack.xml names no layers")
        makers = self._makers(stack, Corner())
        selection = self._selection()
        variants = self._variants()
        self._decode()
        layers = tuple(make() for make in makers)
        document = Document(
            width, height, layers, self._active(layers), selection(), self._dpi(root), self.icc, self._exif()
        )
        made = tuple(make() for make in variants)
        document = replace(document, extras=self._extras(root))
        cache = OraCache()
        cache.remember(self.archive.path, None, self.pictures)
        self.progress(1.0)
        return Opened(document, tuple(dict.fromkeys(self.notes)), "OpenRaster", made, cache)

    def _root(self) -> Element:
        if "stack.xml" not in self.archive:
            if "maindoc.xml" in self.archive:
                raise InputUnreadable(f"{self.archive.path} is a Krita file; in Krita, export it as OpenRaster (.ora).")
            raise refused(self.archive.path, "it is a zip archive without a stack.xml")
        try:
            root = ora_xml.parsed(self.archive.read("stack.xml", MOST_XML))
        except ora_xml.BrokenStack as error:
            raise refused(self.archive.path, str(error)) from error
        if root.tag != "image":
            raise refused(self.archive.path, "its stack.xml describes no image")
        return root

    def _size(self, root: Element) -> tuple[int, int]:
        width, height = whole(root.get("w")), whole(root.get("h"))
        if width < 1 or height < 1:
            raise refused(self.archive.path, "its stack.xml gives no size")
        if width * height > min(MOST_PIXELS, self.budget.left):
            raise refused(self.archive.path, f"{width} x {height} pixels are more than can be opened")
        return width, height

    def _details(self) -> Mapping[str, Any]:
        if DOCUMENT not in self.archive:
            return {}
        try:
            found = json.loads(self.archive.read(DOCUMENT, MOST_JSON))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self.notes.append(f"Its {DOCUMENT} is damaged, so recipes and variants were left out.")
            return {}
        return cast("dict[str, Any]", found)

    def _profile(self) -> bytes | None:
        if PROFILE in self.archive:
            icc = self.archive.read(PROFILE, MOST_PROFILE)
            return icc if colour.usable(icc) else None
        return ora_picture.document_profile(self.archive, MERGED) if MERGED in self.archive else None

    def _exif(self) -> bytes | None:
        return self.archive.read(EXIF, MOST_PROFILE) if EXIF in self.archive else None

    def _dpi(self, root: Element) -> tuple[float, float] | None:
        match self.details.get("dpi"):
            case [int() | float() as across, int() | float() as down] if 0 < across < 1e6 and 0 < down < 1e6:
                return float(across), float(down)
            case _:
                pass
        across, down = whole(root.get("xres")), whole(root.get("yres"))
        # This program writes both always, and where the document has none, says so by leaving it out of the details.
        return None if self.details or across < 1 or down < 1 else (float(across), float(down))

    def _active(self, layers: tuple[Layer, ...]) -> str:
        active = self.details.get("active")
        if isinstance(active, str) and active in self.ids:
            return active
        return self.active or (layers[-1].id if layers else "")

    def _extras(self, root: Element) -> Mapping[str, bytes]:
        extras: dict[str, bytes] = {}
        total = 0
        for name in self.archive.names():
            if name in GENERATED or name in self.used or name.endswith("/"):
                continue
            if not ora_archive.is_safe(name):
                self.notes.append(f"The entry {name!r} has a name that could do harm, so it was left out.")
                continue
            total += self.archive.size(name)
            if total > ora_archive.MOST_FOREIGN:
                raise refused(self.archive.path, f"entries of other programs ({name}) take too much room")
            extras[name] = self.archive.read(name, ora_archive.MOST_FOREIGN)
        foreign = {key: value for key, value in root.attrib.items() if key not in IMAGE_KNOWN}
        if foreign:
            extras[IMAGE_ATTRIBUTES] = json.dumps(foreign).encode()
        return extras

    # -- the tree: each function gives another that makes the layer once the pictures are decoded

    def _makers(self, stack: Element, corner: Corner) -> list[Callable[[], Layer]]:
        made: list[Callable[[], Layer]] = []
        for element in reversed(list(stack)):
            if element.tag == "layer":
                made.append(self._layer(element, element, corner, None))
            elif element.tag == "stack":
                made.append(self._stack(element, corner))
            else:
                self.notes.append(
                    f"Its {element.tag!r} entries are of a kind that is not known, so they were left out."
                )
        return made

    def _stack(self, element: Element, corner: Corner) -> Callable[[], Layer]:
        children = list(element)
        top = children[0] if children else None
        isolated = element.get("isolation", "auto") == "isolate" or share(element.get("opacity")) < 1
        isolated |= element.get(OP, "svg:src-over") != "svg:src-over"
        masked = top is not None and top.tag == "layer" and top.get(OP) == DST_IN and isolated
        masking = top if masked else None
        kind = element.get(own("masked"))
        if masking is not None and kind == "layer" and len(children) == 2 and children[1].tag == "layer":
            return self._layer(element, children[1], corner, masking)
        return self._group(element, corner, masking, isolated)

    def _layer(self, look: Element, pixels: Element, corner: Corner, masking: Element | None) -> Callable[[], Layer]:
        place_x, place_y = place(pixels, corner)
        x, y = own_place(look, place_x, place_y)
        key = self._want(pixels, place_x - x, place_y - y, blank=None)
        mask = self._mask(masking, corner, x, y)
        common = self._common(look, x, y)
        details = self._layer_details(common["id"])
        recipe = details.get("recipe")
        common["recipe"] = cast("dict[str, Any]", recipe) if isinstance(recipe, dict) else None
        return lambda: RasterLayer(plane=self.planes[key], mask=mask(), **common)

    def _group(self, element: Element, corner: Corner, masking: Element | None, isolated: bool) -> Callable[[], Layer]:
        file_x, file_y = corner.file_x + whole(element.get("x")), corner.file_y + whole(element.get("y"))
        x, y = own_place(element, whole(element.get("x")), whole(element.get("y")))
        mask = self._mask(masking, replace(corner, file_x=file_x, file_y=file_y), x, y)
        inner = Corner(file_x, file_y, corner.x + x, corner.y + y)
        if masking is not None:
            element.remove(masking)
        through = element.get(own("pass-through")) == "true" or not isolated
        common = self._common(element, x, y)
        if through:
            blend = element.get(own("blend"), NORMAL)
            common["blend"] = blend if blend in {known.name for known in BLENDS} else NORMAL
        children = self._makers(element, inner)
        return lambda: GroupLayer(
            children=tuple(make() for make in children), pass_through=through, mask=mask(), **common
        )

    def _mask(self, element: Element | None, corner: Corner, x: int, y: int) -> Callable[[], Mask | None]:
        if element is None:
            return lambda: None
        place_x, place_y = place(element, corner)
        blank = min(255, max(0, whole(element.get(own("blank")))))
        key = self._want(element, place_x - x, place_y - y, blank=blank, share=share(element.get("opacity")))
        return lambda: Mask(self.planes[key], element.get("visibility", "visible") != "hidden")

    def _common(self, element: Element, x: int, y: int) -> dict[str, Any]:
        id = element.get(own("id"), "")
        id = new_id() if not id or id in self.ids else id
        self.ids.add(id)
        if element.get("selected") == "true":
            self.active = id
        extras = {key: value for key, value in element.attrib.items() if foreign(key)}
        op = element.get(OP, "svg:src-over")
        if op not in BY_OP:
            extras[OP] = op
            self.notes.append(f"The mode {op!r} is not known, so such layers are shown as normal.")
        name = self._layer_details(id).get("name")
        return {
            "name": name if isinstance(name, str) else element.get("name", ""),
            "id": id,
            "opacity": share(element.get("opacity")),
            "visible": element.get("visibility", "visible") != "hidden",
            "locked": element.get("edit-locked") == "true",
            "blend": BY_OP.get(op, NORMAL),
            "x": x,
            "y": y,
            "extras": extras,
        }

    def _layer_details(self, id: str) -> Mapping[str, Any]:
        layers = self.details.get("layers")
        found = cast("dict[str, Any]", layers).get(id) if isinstance(layers, dict) else None
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    # -- pictures

    def _want(self, element: Element, x: int, y: int, blank: int | None, share: float = 1.0) -> int:
        """Has a picture decoded as a plane with its first pixel at (x, y): colours, or with `blank` a mask."""
        name = element.get("src", "")
        if not name:
            raise refused(self.archive.path, f"its layer {element.get('name', '')!r} names no picture")
        wanted = (name, x, y, blank, share)
        if wanted in self.known:  # layers that show the same picture share their tiles
            return self.known[wanted]
        head = ora_picture.header(self.archive, name, self.budget)
        self.used.add(name)
        index = self.known[wanted] = len(self.wanted)

        def use(picture: Decoded) -> None:
            if blank is None:
                plane = TileMap.of(ora_picture.in_profile(picture, self.icc), x, y)
                key = plane_key(plane, self.icc)
            else:
                alpha = picture.pixels[..., 3]
                alpha = alpha if share == 1 else np.asarray(np.rint(alpha * np.float32(share)), np.uint8)
                plane = TileMap.of(np.ascontiguousarray(alpha), x, y, blank)
                key = (*mask_key(plane), Rect(x, y, head.width, head.height))
            self.planes[index] = plane
            stored = self.archive.place(name)
            if stored and picture.exact and share == 1 and (blank is not None or picture.icc == self.icc):
                self.pictures[key] = Picture(*stored, Rect(x, y, head.width, head.height))

        self.wanted.append(_Wanted(head, use))
        return index

    def _selection(self) -> Callable[[], TileMap | None]:
        found = self.details.get("selection")
        if not isinstance(found, dict) or SELECTION not in self.archive:
            return lambda: None
        place = cast("dict[str, Any]", found)
        x, y, blank = (number(place.get(name)) for name in ("x", "y", "blank"))
        result: list[TileMap] = []
        head = ora_picture.header(self.archive, SELECTION, self.budget)

        def use(picture: Decoded) -> None:
            samples = np.ascontiguousarray(picture.pixels[..., 0])
            result.append(TileMap.of(samples, x, y, min(255, max(0, blank))))

        self.wanted.append(_Wanted(head, use))
        return lambda: result[0]

    def _variants(self) -> list[Callable[[], StoredVariant]]:
        found = self.details.get("variants")
        items = cast("list[Any]", found) if isinstance(found, list) else []
        made = (self._variant(cast("dict[str, Any]", item)) for item in items if isinstance(item, dict))
        return [variant for variant in made if variant is not None]

    def _variant(self, item: dict[str, Any]) -> Callable[[], StoredVariant] | None:
        id, meta = item.get("id"), item.get("meta")
        name, mask_name = f"palimpsest/variants/{id}.png", f"palimpsest/variants/{id}-mask.png"
        if not isinstance(id, str) or not SAFE_ID.fullmatch(id) or name not in self.archive:
            self.notes.append("A stored variant is missing from the file.")
            return None
        pixels: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
        mask: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
        self.wanted.append(_Wanted(self._head(name), lambda picture: pixels.append(picture.pixels)))
        if mask_name in self.archive:
            one = self._head(mask_name)
            self.wanted.append(_Wanted(one, lambda picture: mask.append(np.ascontiguousarray(picture.pixels[..., 0]))))
        kept = cast("dict[str, Any]", meta) if isinstance(meta, dict) else {}
        x, y = number(item.get("x")), number(item.get("y"))
        return lambda: StoredVariant(id, kept, pixels[0], x, y, mask[0] if mask else None)

    def _head(self, name: str) -> Header:
        self.used.add(name)
        return ora_picture.header(self.archive, name, self.budget)

    def _decode(self) -> None:
        """All wanted pictures, two at a time, so that no more than those are in memory beside their tiles."""
        total, done = sum(wanted.head.pixels for wanted in self.wanted), 0
        pending: deque[tuple[Header, Future[tuple[str, ...]]]] = deque()
        waiting = iter(self.wanted)
        pool = ThreadPoolExecutor(WORKERS)
        try:
            while True:
                pending.extend(
                    (wanted.head, pool.submit(self._one, wanted))
                    for wanted in islice(waiting, WORKERS + 1 - len(pending))
                )
                if not pending:
                    return
                head, future = pending.popleft()
                self.notes += self._waited(future)
                done += head.pixels
                self.progress(0.99 * done / total)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _one(self, wanted: _Wanted) -> tuple[str, ...]:
        self._check()
        picture = ora_picture.decoded(self.archive, wanted.head)
        wanted.use(picture)
        return picture.notes

    def _check(self) -> None:
        if self.cancelled():
            raise Cancelled("The file was not opened: it was cancelled.")

    def _waited(self, future: Future[tuple[str, ...]]) -> tuple[str, ...]:
        while True:
            self._check()
            try:
                return future.result(PATIENCE)
            except NotYet:
                continue
