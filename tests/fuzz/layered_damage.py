"""What tests/fuzz/layered.py opens: whole layered files, and every kind of damage done to them."""

from __future__ import annotations

import copy
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from formats import EXTREMES, accident
from formats import summed as put_sums
from PIL import Image
from psd_tools import PSDImage

from editor.core.document import Document
from editor.core.formats import ora_png
from editor.core.formats.layered_format import StoredVariant
from editor.core.formats.ora_write import save_ora
from editor.core.formats.psd import write_psd
from editor.core.layer import GroupLayer, Mask, RasterLayer
from editor.core.tiles import TileMap

Random = np.random.Generator
Parts = dict[str, bytes]
WORDS = (
    "", "-1", "0", "1", "NaN", "inf", "-1e308", "1e308", "4294967296", "99999999999999999999", "0x10", "1,5", "true",
    "svg:dst-in", "svg:src-over", "isolate", "auto", "../../escape.png", "/etc/passwd", "data/layer0000.png",
    "mergedimage.png", "stack.xml", "\u202e\U0001f600", "layer", "group", "x" * 5000, "&amp;&#10;&lt;",
)  # fmt: skip
NAMES = (
    "../escape.png", "../../escape.txt", "/tmp/escape.txt", "a/../../escape", "C:\\escape.txt", "..\\escape", "a//b",
    "", ".", "..", "x" * 300, "\u202egnp.exe", "stack.xml", "mimetype", "palimpsest/image-attributes.json",
    "palimpsest/selection.png", "palimpsest/profile.icc", "palimpsest/exif.bin", "data/", "con", "a\nb", "Ž/😀",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -(1 << 70), 1 << 40, "", "x", "../x", [], {}, [[]], {"": {}}, [1, [2]], float("nan"),
)  # fmt: skip


@dataclass
class Seeds:
    """Whole files of each kind, and their parts."""

    ora: list[Parts]
    psd: list[bytes]
    other: bytes


def documents() -> list[Document]:
    noise = np.random.default_rng(3)

    def of_noise(height: int, width: int, left: int) -> TileMap:
        return TileMap.of(noise.integers(0, 256, (height, width, 4), np.uint8), left)

    def layer(name: str, height: int, width: int, left: int = 0, **look: Any) -> RasterLayer:
        return RasterLayer(name=name, plane=of_noise(height, width, left), **look)

    mask = Mask(TileMap.of(noise.integers(0, 256, (20, 30), np.uint8), 3, 4, blank=255))
    base, top = layer("base", 40, 60), layer("Ünï", 12, 17, -5, blend="multiply", opacity=0.5, x=4, y=-2, mask=mask)
    edit = layer("snow", 20, 20, recipe={"instruction": "make it snow", "steps": 20, "rect": [1, 2, 3, 4]})
    group = GroupLayer(name="G", children=(top, edit), pass_through=True, x=3, mask=mask)
    inner = GroupLayer(name="I", children=(group,), opacity=0.7, blend="screen", locked=True)
    page = Document(60, 40, (base,), base.id)
    chosen = TileMap.of(noise.integers(0, 256, (10, 10), np.uint8), 2, 2)
    rich = replace(page, layers=(base, inner), selection=chosen, dpi=(300.0, 299.0), extras={"other/x.bin": b"abc"})
    return [page, replace(page, layers=(base, top, edit)), rich, Document(300, 280, (layer("L", 280, 300), group))]


def seeds(folder: Path) -> Seeds:
    pixels = np.full((20, 20, 4), 90, np.uint8)
    variants = [StoredVariant("v1", {"seed": 7}, pixels, 1, 2, pixels[..., 0])]
    found = Seeds([], [], b"")
    for number, document in enumerate(documents()):
        path = folder / f"seed-{number}"
        save_ora(path, document, variants if number else ())
        found.ora.append(parts_of(path))
        write_psd(path, document)
        found.psd.append(path.read_bytes())
    found.ora += [foreign(kind) for kind in ("L", "P", "I;16", "1", "LA")]
    for mode in ("L", "RGB", "CMYK", "RGBA"):
        for packing in (0, 1, 2, 3):
            found.psd.append(of_psd_tools(mode, packing))
    found.psd += [deep(16, packing) for packing in (0, 2)] + [deep(32, 0), wide(), indexed()]
    found.other = found.psd[0] + packed_parts(found.ora[2], np.random.default_rng(0))
    return found


def parts_of(path: Path) -> Parts:
    with zipfile.ZipFile(path) as zip:
        return {name: zip.read(name) for name in zip.namelist()}


def foreign(mode: str) -> Parts:
    """As a small editor would write it, with layers of an unusual kind."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((30, 20)).convert(mode).save(buffer, "PNG")
    stack = '<image w="30" h="20"><stack><stack x="2" name="g"><layer src="a.png" composite-op="svg:plus"/></stack>'
    stack += '<layer src="a.png" name="b" opacity="0.4" visibility="hidden" x="-3" y="7"/></stack></image>'
    return {"mimetype": b"image/openraster", "stack.xml": stack.encode(), "a.png": buffer.getvalue()}


def of_psd_tools(mode: str, packing: int) -> bytes:
    picture, buffer = Image.radial_gradient("L").resize((20, 30)).convert(mode), io.BytesIO()
    PSDImage.frompil(picture, packing).save(buffer)
    return buffer.getvalue()


def deep(depth: int, packing: int) -> bytes:
    """One layer of 3 x 2 with many bits a channel."""
    size = depth // 8
    plane = bytes(range(6 * size))
    data = struct.pack(">H", packing) + (plane if packing == 0 else zlib.compress(plane))
    record = struct.pack(">4iH", 0, 0, 2, 3, 3) + b"".join(struct.pack(">hI", i, len(data)) for i in range(3))
    extra = struct.pack(">II", 0, 0) + b"\x01x\0\0"
    record += struct.pack(">4s4s4BI", b"8BIM", b"norm", 255, 0, 8, 0, len(extra)) + extra
    info = struct.pack(">h", 1) + record + data * 3
    info += b"\0" * (len(info) % 2)
    body = struct.pack(">I", len(info)) + info + struct.pack(">I", 0)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 2, 3, depth, 3) + struct.pack(">II", 0, 0)
    return head + struct.pack(">I", len(body)) + body + struct.pack(">H", 0) + plane * 3


def wide() -> bytes:
    """A PSB without layers."""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 2, 3, 4, 5, 8, 3) + struct.pack(">IIQ", 0, 0, 0)
    return head + struct.pack(">H", 0) + bytes(60)


def indexed() -> bytes:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, 4, 5, 8, 2)
    return head + struct.pack(">I", 768) + bytes(768) + struct.pack(">II", 0, 0) + struct.pack(">H", 0) + bytes(20)


# -- damage


def damaged_psd(seeds: Seeds, random: Random) -> bytes:
    data = bytearray(seeds.psd[random.integers(len(seeds.psd))])
    for _ in range(min(6, random.geometric(0.5))):
        if random.random() < 0.5:
            accident(data, seeds.other, random)
        else:
            number_of(data, random)
        if len(data) < 16:
            break
    return bytes(data)


def number_of(data: bytearray, random: Random) -> None:
    """Somewhere near the start, where the lengths, sizes and counts are, one becomes extreme or a little different."""
    size = int(random.choice([1, 2, 4, 4, 4, 8]))
    at = int((len(data) - 1) * random.random() ** random.choice([1, 2, 4])) & ~1
    old = int.from_bytes(data[at : at + size], "big")
    new = int(random.choice(EXTREMES)) if random.random() < 0.6 else old + int(random.integers(-3, 4))
    if random.random() < 0.2:
        new = int(random.choice([300, 5000, 20_000, 30_000, 65_535, 299_999]))
    data[at : at + size] = (new % 256**size).to_bytes(size, "big")


def damaged_ora(seeds: Seeds, random: Random) -> bytes:
    parts = dict(seeds.ora[random.integers(len(seeds.ora))])
    kinds = (as_bytes, as_entry, as_xml, as_xml, as_xml, as_json, as_json, as_names, as_zip, as_bomb)
    weights = np.array([2, 2, 2, 2, 2, 2, 1, 2, 2, 0.25])
    kind: Callable[[Parts, Seeds, Random], bytes] = kinds[random.choice(len(kinds), p=weights / weights.sum())]
    return kind(parts, seeds, random)


def packed_parts(parts: Parts, random: Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zip:
        for name, data in parts.items():
            zip.writestr(zipfile.ZipInfo(name), data, 8 if random.random() < 0.3 else 0)
    return buffer.getvalue()


def as_bytes(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    data = bytearray(packed_parts(parts, random))
    for _ in range(min(8, random.geometric(0.4))):
        if len(data) > 8:
            accident(data, seeds.other, random)
    return bytes(data)


def as_entry(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    """Something in an entry, with the right checksum of the archive and half the time of the PNG chunks."""
    name = str(random.choice(list(parts)))
    data = bytearray(parts[name])
    for _ in range(min(6, random.geometric(0.5))):
        if len(data) > 8:
            accident(data, seeds.other, random)
    parts[name] = bytes(data)
    if name.endswith(".png") and random.random() < 0.6:
        parts[name] = summed(data)
    return packed_parts(parts, random)


def summed(data: bytearray) -> bytes:
    put_sums(data)
    return bytes(data)


def as_xml(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    text = parts["stack.xml"].decode()
    for _ in range(min(5, random.geometric(0.5))):
        text = edited(text, random)
    parts["stack.xml"] = text.encode("utf-8", "replace")
    return packed_parts(parts, random)


def edited(text: str, random: Random) -> str:
    attributes = list(re.finditer(r'[\w:-]+="[^"]*"', text))
    elements = list(re.finditer(r"<layer[^>]*/>", text))
    kind = random.integers(0, 10)
    if kind <= 4 and attributes:
        found = attributes[random.integers(len(attributes))]
        name = found.group().split("=")[0]
        value = "" if kind == 4 else f'{name}="{random.choice(WORDS)}"'
        return text[: found.start()] + value + text[found.end() :]
    if kind == 5 and elements:
        found = elements[random.integers(len(elements))]
        return text[: found.end()] + found.group() * int(random.choice([1, 2, 50])) + text[found.end() :]
    if kind == 6 and elements:
        found, depth = elements[random.integers(len(elements))], int(random.choice([1, 20, 90, 99, 110, 3000]))
        inside = "<stack>" * depth + found.group() + "</stack>" * depth
        return text[: found.start()] + inside + text[found.end() :]
    if kind == 7:
        grown = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
        return f'<!DOCTYPE image [<!ENTITY a0 "x">{grown}<!ENTITY f SYSTEM "file:///etc/passwd">]>' + text
    if kind == 8:
        pairs = (("layer", "stack"), ("stack", "layer"), ("image", "stack"), ("<stack", "<other"), ('="', '="&f;'))
        old, new = pairs[random.integers(len(pairs))]
        return text.replace(old, new, int(random.integers(1, 4)))
    at = int(random.integers(len(text) + 1))
    return text[:at] + str(random.choice([" ", "<", "&", "\x00", "]]>", "<!--", "<?x?>", "é"])) + text[at:]


def as_json(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    name = "palimpsest/document.json"
    details: Any = json.loads(parts.get(name, b'{"layers": {}, "variants": []}'))
    for _ in range(min(5, random.geometric(0.5))):
        spoil(details, random)
    parts[name] = json.dumps(details).encode() if random.random() < 0.95 else b'{"a":' * 100_000
    return packed_parts(parts, random)


def spoil(value: Any, random: Random) -> None:
    """Something in a tree of JSON becomes something else."""
    if isinstance(value, dict) and value:
        key: Any = str(random.choice(list(value)))
    elif isinstance(value, list) and value:
        key = int(random.integers(len(value)))
    else:
        return
    if isinstance(value[key], dict | list) and random.random() < 0.7:
        spoil(value[key], random)
    else:
        value[key] = copy.deepcopy(VALUES[random.integers(len(VALUES))])


def as_names(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    """Entries under other names, twice, or not at all."""
    for _ in range(int(random.integers(1, 4))):
        old, new = str(random.choice(list(parts))), str(random.choice(NAMES))
        kind = random.integers(0, 4)
        if kind == 0:
            parts[new] = parts.pop(old)
        elif kind == 1:
            parts[new] = parts[old]
        elif kind == 2:
            parts[new] = random.bytes(int(random.integers(0, 200)))
        else:
            parts[old] = parts[str(random.choice(list(parts)))]
    if random.random() < 0.2:
        parts["stack.xml"] = parts.get("stack.xml", b"").replace(b"data/layer0000.png", b"../escape.png")
    return packed_parts(parts, random)


def as_zip(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    """The lists of the archive: sizes, methods, flags, offsets and names that lie."""
    data = bytearray(packed_parts(parts, random))
    places = [found.start() for found in re.finditer(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06", bytes(data))]
    for _ in range(int(random.integers(1, 5))):
        start = places[random.integers(len(places))]
        at, size = start + int(random.integers(4, 46)), int(random.choice([1, 2, 4]))
        data[at : at + size] = int(int(random.choice(EXTREMES)) % 256**size).to_bytes(size, "little")
    return bytes(data)


BOMBS: dict[str, bytes] = {}


def bomb(kind: str) -> bytes:
    """Made once: (deflated) zeros, or a PNG that unpacks to much more than it says."""
    if kind not in BOMBS:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        block, parts = bytes(1 << 20), []
        if kind in ("xml", "json", "list"):
            block = {"xml": b"<a/>" * 4, "json": b'{"":0},' * 4, "list": b"[]," * 4}[kind] * (1 << 16)
        for _ in range({"zeros": 600}.get(kind, 15 if kind == "xml" else 60)):
            parts.append(packer.compress(block))
        BOMBS[kind] = b"".join([*parts, packer.flush()])
    return BOMBS[kind]


def as_bomb(parts: Parts, seeds: Seeds, random: Random) -> bytes:
    kind = random.integers(0, 6)
    if kind == 0:
        parts["many.bin"] = zlib.decompress(bomb("zeros"), -15)[: int(random.choice([1 << 26, 1 << 28, 600 << 20]))]
        return deflated(parts)
    if kind == 1:
        inside = zlib.decompress(bomb("xml"), -15)
        parts["stack.xml"] = parts["stack.xml"].replace(b"<stack>", b"<stack>" + inside, 1)[: (1 << 24)]
        return deflated(parts)
    if kind == 2:
        inside = zlib.decompress(bomb(str(random.choice(["json", "list"]))), -15)
        rest = inside[: 1 + len(inside) // 64 * int(random.integers(1, 32)) // 7 * 7]
        parts["palimpsest/document.json"] = b'{"layers": [' + rest.rpartition(b",")[0] + b"]}"
        return deflated(parts)
    if kind == 3:
        for number in range(30_000):
            parts[f"x/{number}"] = b""
        return packed_parts(parts, random)
    picture = next((name for name in parts if name.endswith(".png") and "data" in name), None) or "a.png"
    if kind == 4:  # the pixels of a huge picture, in few bytes
        side = int(random.choice([10_000, 20_000, 29_000]))
        head = ora_png.head(side, side, 4, None)
        parts[picture] = head + ora_png.chunk(b"IDAT", bomb("zeros")) + ora_png.chunk(b"IEND", b"")
        return packed_parts(parts, random)
    text, many = parts["stack.xml"].decode(), int(random.choice([500, 5_000, 60_000]))
    found = re.search(r"<layer[^>]*/>", text)
    assert found is not None
    parts["stack.xml"] = (text[: found.end()] + found.group() * many + text[found.end() :]).encode()
    return deflated(parts)


def deflated(parts: Parts) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zip:
        for name, data in parts.items():
            zip.writestr(name, data)
    return buffer.getvalue()
