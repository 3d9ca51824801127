"""OpenRaster: what is saved comes back; what others wrote is kept; what is broken is refused in one sentence."""

from __future__ import annotations

import contextlib
import io
import json
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from editor.core.blend import BLENDS
from editor.core.compositor import composite_layer, flatten
from editor.core.document import Document, walk, with_layer
from editor.core.errors import Cancelled, InputUnreadable, OutputNotWritable
from editor.core.formats import ora_png
from editor.core.formats.layered_format import StoredVariant
from editor.core.formats.ora_cache import OraCache
from editor.core.formats.ora_plan import exact_bounds
from editor.core.formats.ora_read import read_ora
from editor.core.formats.ora_tree import IMAGE_ATTRIBUTES
from editor.core.formats.ora_write import save_ora
from editor.core.geometry import EMPTY, Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import TileMap

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.integers(-300, 300)
shares = st.floats(0, 1).map(lambda value: round(value, 4)) | st.just(1.0)
names = st.text(max_size=8) | st.sampled_from(["隔離", "é\n\t", "\x00\x1b", "😀", '<&">', "\ud800"])


def noise(seed: int, height: int, width: int, channels: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


@st.composite
def planes(draw: st.DrawFn, channels: int = 4) -> TileMap:
    height, width = draw(st.integers(0, 40)), draw(st.integers(1, 300))
    pixels = noise(draw(st.integers(0, 9)), height, width, channels)
    if channels == 4 and draw(st.booleans()):
        pixels[..., 3] = 255
    return TileMap.of(pixels, draw(places), draw(places), 0 if channels == 4 else draw(st.sampled_from([0, 255, 77])))


masks = st.none() | st.builds(Mask, planes(1), st.booleans())
common = {
    "name": names,
    "opacity": shares,
    "visible": st.booleans(),
    "locked": st.booleans(),
    "blend": st.sampled_from([blend.name for blend in BLENDS]),
    "x": places,
    "y": places,
    "mask": masks,
}
recipes = st.none() | st.fixed_dictionaries({"instruction": names, "steps": st.integers(1, 9)})
rasters = st.builds(RasterLayer, plane=planes(), recipe=recipes, **common)
layers = st.recursive(
    rasters,
    lambda inner: st.builds(
        GroupLayer, children=st.lists(inner, max_size=3).map(tuple), pass_through=st.booleans(), **common
    ),
    max_leaves=5,
)
documents = st.builds(
    Document,
    width=st.integers(1, 300),
    height=st.integers(1, 40),
    layers=st.lists(layers, max_size=3).map(tuple),
    selection=st.none() | planes(1),
    dpi=st.none() | st.just((300.0, 299.5)),
    exif=st.none() | st.just(b"II*\0\x08\0\0\0\0\0"),
)


def same_plane(one: TileMap, other: TileMap) -> None:
    area = one.bounds | other.bounds
    assert one.blank == other.blank
    assert np.array_equal(one.read(area), other.read(area))


def same_layer(one: Layer, other: Layer) -> None:
    for name in ("name", "id", "opacity", "visible", "locked", "blend", "x", "y"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.mask is None) == (other.mask is None)
    if one.mask is not None and other.mask is not None:
        assert one.mask.enabled == other.mask.enabled
        same_plane(one.mask.plane, other.mask.plane)
    if isinstance(one, RasterLayer):
        assert isinstance(other, RasterLayer) and one.recipe == other.recipe
        same_plane(one.plane, other.plane)
    else:
        assert isinstance(other, GroupLayer) and one.pass_through == other.pass_through
        assert len(one.children) == len(other.children)
        for mine, theirs in zip(one.children, other.children, strict=True):
            same_layer(mine, theirs)


def merged(path: Path) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        return np.asarray(Image.open(io.BytesIO(archive.read("mergedimage.png"))))


def small(**options: object) -> Document:
    base = RasterLayer(name="base", plane=TileMap.of(noise(1, 600, 300)))
    top = RasterLayer(name="top", plane=TileMap.of(noise(2, 50, 60), 10, 20), blend="multiply", x=-3)
    return replace(Document(300, 600, (base, top), top.id), **options)


@QUICK
@given(document=documents)
def test_a_document_comes_back_as_it_was(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "random.ora"
    save_ora(path, document)
    found = read_ora(path)
    assert not found.notes
    assert (found.document.width, found.document.height) == (document.width, document.height)
    assert found.document.dpi == document.dpi and found.document.exif == document.exif
    assert len(found.document.layers) == len(document.layers)
    for one, other in zip(document.layers, found.document.layers, strict=True):
        same_layer(one, other)
    if document.selection is not None:
        assert found.document.selection is not None
        same_plane(document.selection, found.document.selection)
    assert np.array_equal(merged(path), flatten(document))
    assert np.array_equal(flatten(found.document), flatten(document))


@QUICK
@given(document=documents)
def test_saving_again_from_the_cache_gives_the_very_same_file(document: Document, tmp_path: Path) -> None:
    path, cache = tmp_path / "random.ora", OraCache()
    save_ora(path, document, cache=cache)
    first = path.read_bytes()
    save_ora(path, document, cache=cache)
    assert path.read_bytes() == first
    found = read_ora(path)
    save_ora(path, document, cache=found.cache)
    assert path.read_bytes() == first


def test_after_a_change_only_what_changed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache, before = tmp_path / "a.ora", OraCache(), small()
    save_ora(path, before, cache=cache)
    base = before.layers[0]
    after = with_layer(
        before, base.id, lambda layer: replace(layer, plane=layer.plane.with_pixels(noise(5, 9, 9), 5, 300))
    )
    packed: list[int] = []
    true = ora_png.packed
    monkeypatch.setattr(ora_png, "packed", lambda pixels: packed.append(pixels.shape[0]) or true(pixels))
    save_ora(path, after, cache=cache)
    assert sorted(packed) == [256, 256, 256]  # the thumbnail, one strip of the layer, one of the merged picture
    assert np.array_equal(merged(path), flatten(after))
    fresh = tmp_path / "fresh.ora"
    save_ora(fresh, after)
    assert fresh.read_bytes() == path.read_bytes()


def test_a_cache_whose_file_was_changed_elsewhere_is_not_trusted(tmp_path: Path) -> None:
    path, cache, document = tmp_path / "a.ora", OraCache(), small()
    save_ora(path, document, cache=cache)
    path.write_bytes(b"something else")
    save_ora(path, document, cache=cache)
    assert np.array_equal(flatten(read_ora(path).document), flatten(document))


def test_a_cache_follows_to_another_path(tmp_path: Path) -> None:
    cache, document = OraCache(), small()
    save_ora(tmp_path / "a.ora", document, cache=cache)
    save_ora(tmp_path / "b.ora", document, cache=cache)
    assert (tmp_path / "a.ora").read_bytes() == (tmp_path / "b.ora").read_bytes()
    assert cache.path == tmp_path / "b.ora"


def test_the_layout_is_what_other_editors_expect(tmp_path: Path) -> None:
    path = tmp_path / "a.ora"
    save_ora(path, small())
    assert path.read_bytes()[30:54] == b"mimetypeimage/openraster"
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert archive.testzip() is None
        thumbnail = Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png")))
        stack = archive.read("stack.xml").decode()
        top = Image.open(io.BytesIO(archive.read("data/layer0000.png")))
    assert max(thumbnail.size) == 256
    assert stack.index('name="top"') < stack.index('name="base"')
    assert 'composite-op="svg:multiply"' in stack and 'x="7" y="20"' in stack
    assert top.size == (60, 50)


def test_variants_profile_and_foreign_entries_survive(tmp_path: Path, p3_profile: Callable[[], bytes]) -> None:
    icc, path, again = p3_profile(), tmp_path / "a.ora", tmp_path / "b.ora"
    foreign = {"data/strokes.dat": b"\0\1" * 50, "Other/notes.txt": b"hello"}
    variants = (
        StoredVariant("v-1", {"seed": 7, "text": "é"}, noise(3, 20, 30), -4, 5, noise(4, 20, 30, 1)[..., 0]),
        StoredVariant("v2", {}, noise(6, 1, 1)),
    )
    layer = replace(small().layers[0], extras={"{http://mypaint.org/ns/openraster}tile": "x", "colour": "red"})
    save_ora(path, small(extras=foreign, icc=icc, layers=(layer,)), variants)
    first = read_ora(path)
    save_ora(again, first.document, first.variants)
    found = read_ora(again)
    assert dict(found.document.extras) == foreign
    assert found.document.icc == icc
    assert found.document.layers[0].extras == layer.extras
    for mine, theirs in zip(variants, found.variants, strict=True):
        assert (mine.id, mine.meta, mine.x, mine.y) == (theirs.id, theirs.meta, theirs.x, theirs.y)
        assert np.array_equal(mine.pixels, theirs.pixels)
        assert (mine.mask is None) == (theirs.mask is None)
        assert mine.mask is None or np.array_equal(mine.mask, theirs.mask)
    with zipfile.ZipFile(again) as archive:
        assert Image.open(io.BytesIO(archive.read("data/layer0000.png"))).info["icc_profile"] == icc


@pytest.fixture
def p3_profile() -> Callable[[], bytes]:
    from PIL import ImageCms

    return lambda: ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_baked_masks_look_the_same_and_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.ora"
    mask = Mask(TileMap.of(noise(8, 100, 80, 1)[..., 0], 5, 5, 255))
    base, top = small().layers
    group = GroupLayer(name="g", children=(top,), mask=mask, x=4)
    document = small(layers=(replace(base, mask=mask), group))
    notes = save_ora(path, document, bake_masks=True)
    found = read_ora(path).document
    assert len(notes) == 2 and all(layer.mask is None for layer in walk(found))
    shown, wanted = flatten(found).astype(int), flatten(document).astype(int)
    shown[..., :3] = shown[..., :3] * shown[..., 3:] // 255
    wanted[..., :3] = wanted[..., :3] * wanted[..., 3:] // 255
    assert np.abs(shown - wanted).max() <= 2


def foreign(path: Path, stack: str, entries: dict[str, bytes], mimetype: bytes = b"image/openraster") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", mimetype)
        archive.writestr("stack.xml", stack)
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def png(mode: str = "RGBA", size: tuple[int, int] = (8, 6), colour: object = (10, 20, 30, 128)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_another_programs_file(tmp_path: Path) -> None:
    stack = """<?xml version="1.0"?><image w="20" h="10" xres="150" yres="150" strange="1"><stack>
      <stack name="g" x="2" y="1" opacity="0.5"><layer name="b" src="data/b.png" x="3" y="2"/></stack>
      <stack name="m" isolation="isolate"><layer src="data/a.png" composite-op="svg:dst-in" x="1"/>
        <layer name="p" src="data/p.png"/></stack>
      <stack name="t"><layer name="grey" src="data/g.png" composite-op="svg:dst-out" selected="true"/></stack>
      <filter type="blur"/></stack></image>"""
    clear = png("P", colour=3)
    entries = {"data/a.png": png(), "data/b.png": png(), "data/p.png": clear, "data/g.png": png("L", colour=77)}
    found = read_ora(foreign(tmp_path / "f.ora", stack, entries))
    through, masked, group = found.document.layers
    assert isinstance(through, GroupLayer) and through.pass_through
    grey = through.children[0]
    assert isinstance(grey, RasterLayer) and tuple(grey.plane.read(Rect(0, 0, 1, 1))[0, 0]) == (77, 77, 77, 255)
    assert grey.extras == {"composite-op": "svg:dst-out"} and found.document.active == grey.id
    assert isinstance(masked, GroupLayer) and masked.mask is not None and not masked.pass_through
    assert masked.mask.plane.read(Rect(0, 0, 3, 1))[0, :, 0].tolist() == [0, 128, 128]
    assert isinstance(group, GroupLayer) and (group.x, group.y, group.opacity, group.pass_through) == (2, 1, 0.5, False)
    assert (group.children[0].x, group.children[0].y) == (3, 2)
    assert composite_layer(found.document, group.id, Rect(4, 3, 2, 1))[0, :, 3].tolist() == [0, 128]
    assert len(found.notes) == 2 and found.document.dpi == (150, 150)
    save_ora(tmp_path / "back.ora", found.document)
    with zipfile.ZipFile(tmp_path / "back.ora") as archive:
        written = archive.read("stack.xml").decode()
    assert 'strange="1"' in written and 'composite-op="svg:dst-out"' in written


ONE = '<image w="8" h="6"><stack><layer name="a" src="data/a.png"/></stack></image>'


def huge(width: int, height: int) -> bytes:
    header = ora_png.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    data = ora_png.chunk(b"IDAT", zlib.compress(bytes(1000)))
    return ora_png.MAGIC + header + data + ora_png.chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("stack", "entries", "word"),
    [
        (ONE, {}, "data/a.png is missing"),
        (ONE, {"data/a.png": b"no picture"}, "data/a.png is not a PNG"),
        (ONE, {"data/a.png": png()[:-20]}, "data/a.png is a damaged PNG"),
        (ONE, {"data/a.png": huge(60000, 60000)}, "data/a.png of 60000 x 60000"),
        (ONE, {"data/a.png": huge(100, 100)}, "data/a.png"),
        ('<!DOCTYPE image [<!ENTITY a "b">]><image w="1" h="1"><stack/></image>', {}, "document type"),
        ("<image", {}, "stack.xml is damaged"),
        ("<svg/>", {}, "no image"),
        ('<image w="0" h="5"><stack/></image>', {}, "no size"),
        ('<image w="99999" h="99999"><stack/></image>', {}, "more than can be opened"),
        ('<image w="5" h="5"/>', {}, "no layers"),
        ('<image w="5" h="5"><stack><layer name="q"/></stack></image>', {}, "'q' names no picture"),
        ('<image w="5" h="5"><stack>' + "<a/>" * 20_000 + "</stack></image>", {}, "more than 10000 layers"),
        ('<image w="5" h="5">' + "<stack>" * 3000 + "</stack>" * 3000 + "</image>", {}, "nested"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(
    stack: str, entries: dict[str, bytes], word: str, tmp_path: Path
) -> None:
    path = foreign(tmp_path / "bad.ora", stack, entries)
    with pytest.raises(InputUnreadable) as caught:
        read_ora(path)
    assert word in str(caught.value) and "\n" not in str(caught.value)


def test_a_picture_that_lies_about_itself_many_times_runs_out_of_budget(tmp_path: Path) -> None:
    layers = "".join(f'<layer src="data/{x}.png"/>' for x in range(50))
    entries = {f"data/{x}.png": png() for x in range(50)}
    path = foreign(tmp_path / "a.ora", f'<image w="8" h="6"><stack>{layers}</stack></image>', entries)
    assert len(read_ora(path).document.layers) == 50
    with pytest.raises(InputUnreadable, match="larger than can be opened"):
        read_ora(path, max_pixels=49 * 48)


def test_layers_of_one_picture_share_its_tiles(tmp_path: Path) -> None:
    layers = "".join(f'<layer src="data/a.png" x="{x}"/>' for x in range(2000))
    path = foreign(tmp_path / "a.ora", f'<image w="8" h="6"><stack>{layers}</stack></image>', {"data/a.png": png()})
    found = [layer for layer in walk(read_ora(path).document) if isinstance(layer, RasterLayer)]
    assert len(found) == 2000 and len({id(layer.plane) for layer in found}) == 1
    assert [layer.x for layer in found[:3]] == [1999, 1998, 1997]


def test_what_a_file_says_of_itself_stays_in_one_sentence(tmp_path: Path) -> None:
    for name in ("a&#10;b.png", "\u202egnp", "x" * 9000):
        path = foreign(tmp_path / "a.ora", f'<image w="5" h="5"><stack><layer src="{name}"/></stack></image>', {})
        with pytest.raises(InputUnreadable) as caught:
            read_ora(path)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 1000


def test_a_damaged_picture_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    packed = zlib.compress(np.random.default_rng(1).bytes(33 * 6))
    head = ora_png.MAGIC + ora_png.chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 6, 8, 6, 0, 0, 0))
    data = head + ora_png.chunk(b"IDAT", packed[:-4] + b"none") + ora_png.chunk(b"IEND", b"")
    with contextlib.suppress(InputUnreadable):
        read_ora(foreign(tmp_path / "a.ora", ONE, {"data/a.png": data}))
    assert capfd.readouterr().err == ""
    print("still here", file=sys.stderr)
    assert capfd.readouterr().err == "still here\n"


def test_an_entry_under_a_name_of_ours_does_not_keep_the_document_from_being_saved(tmp_path: Path) -> None:
    path = foreign(tmp_path / "a.ora", ONE, {"data/a.png": png(), IMAGE_ATTRIBUTES: b"\x89 no JSON"})
    document = read_ora(path).document
    assert not document.extras
    save_ora(path, document)
    assert len(read_ora(path).document.layers) == 1


@pytest.mark.parametrize("far", [0, 16_000_000])
@pytest.mark.parametrize("blank", [0, 255])
def test_a_mask_over_layers_far_apart_is_stored_small(blank: int, far: int, tmp_path: Path) -> None:
    dot = RasterLayer(name="a", plane=TileMap.of(noise(1, 20, 20)))
    mask = Mask(TileMap.of(noise(2, 9, 9, 1)[..., 0], 3 + far, 4, blank=blank))
    group = GroupLayer(name="g", children=(dot, replace(dot, id="far", x=16_000_000, y=9_000_000)), mask=mask)
    save_ora(tmp_path / "a.ora", Document(40, 30, (group,)))
    (found,) = read_ora(tmp_path / "a.ora").document.layers
    assert found.mask is not None
    same_plane(found.mask.plane, mask.plane)
    assert (tmp_path / "a.ora").stat().st_size < 100_000


def test_a_layer_spread_too_far_is_refused_in_one_sentence(tmp_path: Path) -> None:
    plane = TileMap.of(noise(1, 20, 20)).with_pixels(noise(2, 20, 20), 9_000_000, 9_000_000)
    with pytest.raises(OutputNotWritable, match=r"9000020 x 9000020 pixels, more than a file can hold; crop"):
        save_ora(tmp_path / "a.ora", Document(40, 30, (RasterLayer(name="a", plane=plane),)))
    assert list(tmp_path.iterdir()) == []


def test_no_entry_escapes(tmp_path: Path) -> None:
    bad = {"../evil.txt": b"x", "/etc/evil": b"x", "a/../../b": b"x", "fine/file.txt": b"y", "data/a.png": png()}
    found = read_ora(foreign(tmp_path / "a.ora", ONE, bad))
    assert dict(found.document.extras) == {"fine/file.txt": b"y"}
    assert len(found.notes) == 3


def test_a_krita_file_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.kra"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("maindoc.xml", "<DOC/>")
    with pytest.raises(InputUnreadable, match="in Krita, export it as OpenRaster"):
        read_ora(path)


def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    path, chance = tmp_path / "a.ora", random.Random(5)
    base, top = small().layers
    document = small(width=40, height=30, layers=(replace(base, plane=TileMap.of(noise(1, 30, 40))), top))
    save_ora(path, document, (StoredVariant("v", {}, noise(2, 5, 5)),))
    whole = path.read_bytes()
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.randrange(len(data))] if chance.random() < 0.2 else data)
        try:
            assert read_ora(path).document.width > 0
        except InputUnreadable as error:
            refused += 1
            assert str(error).count("\n") == 0 and str(path) in str(error)
    assert refused > 50


def test_mutated_descriptions_are_read_or_refused(tmp_path: Path) -> None:
    path, chance = tmp_path / "a.ora", random.Random(6)
    save_ora(path, small(selection=TileMap.of(noise(1, 9, 9, 1)[..., 0])), (StoredVariant("v", {}, noise(2, 5, 5)),))
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for round in range(120):
        name = ("stack.xml", "palimpsest/document.json")[round % 2]
        data = bytearray(entries[name])
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.choice(b'0"<>{}[]-9ea,: ')
        with zipfile.ZipFile(path, "w") as archive:
            for other, value in entries.items():
                archive.writestr(other, bytes(data) if other == name else value)
        try:
            assert read_ora(path).document.width > 0
        except InputUnreadable as error:
            assert str(error).count("\n") == 0


def test_json_of_the_wrong_kinds_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.ora"
    details = {"dpi": [0, "x"], "selection": 5, "variants": [3, {"id": "../x"}, {"id": 4}], "layers": [], "active": 3}
    entries = {"data/a.png": png(), "palimpsest/document.json": json.dumps(details).encode()}
    found = read_ora(foreign(path, ONE, entries))
    assert found.variants == () and found.document.selection is None and len(found.notes) == 1


def test_cancelling_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ora"
    path.write_bytes(b"older")
    with pytest.raises(Cancelled):
        save_ora(path, small(), cancelled=lambda: True)
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]
    save_ora(path, small())
    with pytest.raises(Cancelled):
        read_ora(path, cancelled=lambda: True)


def test_a_full_disk_leaves_the_older_file_and_the_cache_useful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = tmp_path / "a.ora", OraCache()
    save_ora(path, small(), cache=cache)
    older = path.read_bytes()

    def full(_pixels: np.ndarray) -> ora_png.Packed:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OutputNotWritable, match="disk is full"):
        patch.setattr(ora_png, "packed", full)
        save_ora(path, small(width=200), cache=cache)
    assert path.read_bytes() == older and list(tmp_path.iterdir()) == [path]
    save_ora(path, small(), cache=cache)
    assert np.array_equal(merged(path), flatten(small()))


def test_progress_rises_to_one(tmp_path: Path) -> None:
    saving: list[float] = []
    opening: list[float] = []
    save_ora(tmp_path / "a.ora", small(), progress=saving.append)
    read_ora(tmp_path / "a.ora", opening.append)
    for seen in (saving, opening):
        assert seen == sorted(seen) and seen[-1] == 1 and len(seen) > 2


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_checks_are_joined_as_zlib_would_count(first: bytes, second: bytes) -> None:
    joined = ora_png.joined_check(zlib.adler32(first), zlib.adler32(second), len(second))
    assert joined == zlib.adler32(first + second)


@given(planes() | planes(1))
@settings(deadline=None, max_examples=50)
def test_bounds_are_exact(plane: TileMap) -> None:
    area = plane.bounds
    filled = np.argwhere((plane.read(area) != plane.blank).any(axis=2))
    if not len(filled):
        assert exact_bounds(plane) == EMPTY
        return
    (top, left), (bottom, right) = filled.min(axis=0), filled.max(axis=0) + 1
    assert exact_bounds(plane) == Rect.between(*(int(v) for v in (left, top, right, bottom))).moved(area.x, area.y)
