"""Layered PSD files through our own reader and through psd-tools."""

from __future__ import annotations

import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from psd_tools import PSDImage

from editor.core.blend import BLENDS
from editor.core.compositor import flatten
from editor.core.document import Document, offset_of, walk
from editor.core.errors import Cancelled, InputUnreadable, OutputNotWritable
from editor.core.formats import psd_write
from editor.core.formats.layered_format import StoredVariant
from editor.core.formats.psd import FORMAT, read_psd, write_psd
from editor.core.formats.psd_plan import content_bounds
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import TileMap

PAGE = Rect(0, 0, 60, 40)
MODES = [blend.name for blend in BLENDS if blend.psd]
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def noise(seed: int, height: int, width: int, channels: int = 4) -> np.ndarray:
    """Runs and noise, with some fully transparent parts, so that every kind of packed row occurs."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (height, width, channels), np.uint8)
    pixels[: height // 2, : width // 2] = pixels[0, 0]
    pixels[height // 3, width // 3 :] = 0
    return pixels


@st.composite
def masks(draw: st.DrawFn) -> Mask | None:
    if draw(st.booleans()):
        return None
    blank = draw(st.sampled_from([0, 255]))
    pixels = noise(draw(st.integers(0, 99)), draw(st.integers(1, 30)), draw(st.integers(1, 30)), 1)[..., 0]
    plane = TileMap.of(pixels, draw(st.integers(-10, 40)), draw(st.integers(-10, 40)), blank)
    return Mask(plane, draw(st.booleans()))


@st.composite
def layers(draw: st.DrawFn, depth: int = 2) -> Layer:
    common = {
        "name": draw(NAMES),
        "opacity": draw(st.integers(0, 255)) / 255,
        "visible": draw(st.booleans()),
        "locked": draw(st.booleans()),
        "x": draw(st.integers(-50, 70)),
        "y": draw(st.integers(-50, 70)),
        "mask": draw(masks()),
    }
    if depth and draw(st.integers(0, 3)) == 0:
        children = tuple(draw(st.lists(layers(depth - 1), max_size=3)))
        if draw(st.booleans()):
            return GroupLayer(**common, children=children, pass_through=True)
        return GroupLayer(**common, children=children, blend=draw(st.sampled_from(MODES)))
    pixels = noise(draw(st.integers(0, 99)), draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    plane = draw(st.sampled_from([TileMap.of(pixels), TileMap()]))
    return RasterLayer(**common, plane=plane, blend=draw(st.sampled_from(MODES)))


documents = st.lists(layers(), max_size=4).map(lambda found: Document(PAGE.width, PAGE.height, tuple(found)))


def pixels_of(document: Document, layer: RasterLayer) -> tuple[Rect, np.ndarray]:
    x, y = offset_of(document, layer.id)
    rect = content_bounds(layer.plane)
    return rect.moved(x, y) if not rect.empty else rect, layer.plane.read(rect)


def mask_of(document: Document, layer: Layer) -> tuple[int, bool, bytes] | None:
    if layer.mask is None:
        return None
    x, y = offset_of(document, layer.id)
    area = PAGE.grown(150)
    return layer.mask.plane.blank, layer.mask.enabled, layer.mask.plane.read(area.moved(-x, -y)).tobytes()


def look(layer: Layer) -> tuple[object, ...]:
    passes = isinstance(layer, GroupLayer) and layer.pass_through
    return type(layer), layer.name, round(layer.opacity * 255), layer.visible, layer.locked, layer.blend, passes


def structure(found: tuple[Layer, ...]) -> list[object]:
    return [(look(layer), structure(layer.children) if isinstance(layer, GroupLayer) else None) for layer in found]


@given(document=documents)
@QUICK
def test_our_own_reader_gets_back_every_layer(document: Document, tmp_path: Path) -> None:
    write_psd(tmp_path / "a.psd", document)
    found = read_psd(tmp_path / "a.psd")
    assert found.notes == ()
    again = found.document
    assert (again.width, again.height) == (PAGE.width, PAGE.height)
    if not document.layers:
        return  # a file without layers opens as its merged picture
    assert structure(again.layers) == structure(document.layers)
    for before, after in zip(walk(document), walk(again), strict=True):
        assert mask_of(document, before) == mask_of(again, after)
        if isinstance(before, RasterLayer) and isinstance(after, RasterLayer):
            (rect, pixels), (other, others) = pixels_of(document, before), pixels_of(again, after)
            assert rect == other
            assert np.array_equal(pixels, others)


@given(document=documents)
@QUICK
def test_psd_tools_gets_every_layer(document: Document, tmp_path: Path) -> None:
    write_psd(tmp_path / "a.psd", document)
    theirs = PSDImage.open(tmp_path / "a.psd")
    ours = list(walk(document))
    found = list(theirs.descendants())
    assert [layer.name for layer in found] == [layer.name for layer in ours]
    assert [layer.is_group() for layer in found] == [isinstance(layer, GroupLayer) for layer in ours]
    for layer, own in zip(found, ours, strict=True):
        assert layer.opacity == round(own.opacity * 255)
        assert layer._record.flags.visible == own.visible
        assert bool(layer.mask) == (own.mask is not None)
        if own.mask is not None:
            assert layer.mask.disabled is not own.mask.enabled
            assert layer.mask.background_color == own.mask.plane.blank
        if isinstance(own, RasterLayer):
            rect, pixels = pixels_of(document, own)
            assert layer.bbox == (rect.x, rect.y, rect.right, rect.bottom)
            if not rect.empty:
                planes = [
                    np.frombuffer(data.get_data(rect.width, rect.height, 8), np.uint8) for data in layer._channels[:4]
                ]
                red, green, blue = (plane.reshape(pixels.shape[:2]) for plane in planes[1:4])
                alpha = planes[0].reshape(pixels.shape[:2])
                assert np.array_equal(np.dstack([red, green, blue, alpha]), pixels)
    shown = flatten(document)
    merged = theirs.topil()
    assert merged is not None
    merged = np.asarray(merged.convert("RGBA"), np.int16)
    opaque = shown[..., 3] == 255
    assert np.array_equal(merged[..., 3], shown[..., 3])
    assert np.array_equal(merged[opaque], shown[opaque])


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_its_key(mode: str, tmp_path: Path) -> None:
    layer = RasterLayer(name="x", plane=TileMap.of(noise(1, 9, 9)), blend=mode)
    write_psd(tmp_path / "a.psd", Document(9, 9, (layer,)))
    (theirs,) = PSDImage.open(tmp_path / "a.psd")
    key = theirs.blend_mode.name.lower().replace("_", "-")
    assert key == {"plus": "linear-dodge"}.get(mode, mode)
    assert read_psd(tmp_path / "a.psd").document.layers[0].blend == mode


def rich() -> Document:
    """A document with all that a PSD can hold."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[270] = "a title"
    recipe = {"format": 1, "instruction": "make it red", "seed": 3}
    edit = RasterLayer(name="make it red", plane=TileMap.of(noise(2, 20, 20)), recipe=recipe, x=5)
    back = RasterLayer(name="Фон", plane=TileMap.of(noise(1, 40, 60)))
    return Document(60, 40, (back, edit), dpi=(300.0, 150.0), icc=icc, exif=exif.tobytes()[6:])


def test_resolution_profile_exif_and_recipes_are_kept(tmp_path: Path) -> None:
    document = rich()
    assert write_psd(tmp_path / "a.psd", document) == []
    again = read_psd(tmp_path / "a.psd").document
    assert again.dpi == document.dpi
    assert again.icc == document.icc
    assert again.exif is not None
    assert b"a title" in again.exif
    assert [layer.recipe for layer in again.layers if isinstance(layer, RasterLayer)] == [
        None,
        {"format": 1, "instruction": "make it red", "seed": 3},
    ]
    with Image.open(tmp_path / "a.psd") as theirs:
        assert theirs.info["icc_profile"] == document.icc
        assert theirs.size == (60, 40)


def test_an_edit_layer_keeps_the_point_that_its_recipe_counts_from(tmp_path: Path) -> None:
    plane = TileMap.of(noise(2, 20, 20), 7, 9)
    edit = RasterLayer(name="x", plane=plane, recipe={"format": 1}, x=5, y=-3)
    write_psd(tmp_path / "a.psd", Document(60, 40, (edit,)))
    (again,) = read_psd(tmp_path / "a.psd").document.layers
    assert isinstance(again, RasterLayer)
    assert (again.x, again.y) == (5, -3)
    assert np.array_equal(again.plane.read(PAGE), plane.read(PAGE))


def test_the_thumbnail_is_the_picture(tmp_path: Path) -> None:
    pixels = np.zeros((500, 900, 4), np.uint8)
    pixels[:, :450] = 255, 0, 0, 255
    write_psd(tmp_path / "a.psd", Document(900, 500, (RasterLayer(name="x", plane=TileMap.of(pixels)),)))
    small = PSDImage.open(tmp_path / "a.psd").thumbnail()
    assert small is not None
    assert small.width == 160
    left, right = small.getpixel((20, 40)), small.getpixel((140, 40))
    assert isinstance(left, tuple) and isinstance(right, tuple)
    assert left[0] > 240 > left[1] + 200
    assert min(right) > 240


def test_what_psd_cannot_hold_is_told(tmp_path: Path) -> None:
    layer = RasterLayer(name="x" * 300, plane=TileMap.of(noise(1, 9, 9)), blend="plus")
    document = Document(9, 9, (layer,), extras={"foreign.xml": b"x"})
    variant = StoredVariant("a", {}, noise(1, 9, 9))
    notes = write_psd(tmp_path / "a.psd", document, [variant])
    told = " ".join(notes)
    assert all(word in told for word in ("Plus", "255", "variants", "other programs"))
    assert read_psd(tmp_path / "a.psd").document.layers[0].name == "x" * 255


def test_a_grey_default_of_a_mask_is_baked(tmp_path: Path) -> None:
    mask = Mask(TileMap.of(np.full((5, 5), 10, np.uint8), 2, 2, blank=128))
    document = Document(9, 9, (RasterLayer(name="x", plane=TileMap.of(noise(1, 9, 9)), mask=mask),))
    write_psd(tmp_path / "a.psd", document)
    assert np.array_equal(flatten(read_psd(tmp_path / "a.psd").document), flatten(document))


def test_it_looks_the_same_after_a_round_trip(tmp_path: Path) -> None:
    document = rich()
    hidden = replace(document.layers[0], name="hidden", visible=False, blend="multiply")
    group = GroupLayer(
        name="组", children=document.layers, opacity=0.6, mask=Mask(TileMap.of(noise(3, 30, 30, 1)[..., 0]))
    )
    document = replace(document, layers=(*document.layers, hidden, group))
    write_psd(tmp_path / "a.psd", document)
    again = read_psd(tmp_path / "a.psd").document
    assert np.array_equal(flatten(again), flatten(document))


@pytest.mark.parametrize(("width", "height"), [(30_001, 1), (1, 30_001)])
def test_a_page_too_large_is_refused_at_once(width: int, height: int, tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable, match=r"30000 pixels a side.*\.ora"):
        write_psd(tmp_path / "a.psd", Document(width, height))
    assert list(tmp_path.iterdir()) == []


def test_a_file_too_large_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psd_write, "LARGEST_FILE", 3000)
    (tmp_path / "a.psd").write_bytes(b"old")
    with pytest.raises(OutputNotWritable, match="2 GB"):
        write_psd(tmp_path / "a.psd", rich())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    seen = list[float]()

    def stop() -> bool:
        return len(seen) > 1

    with pytest.raises(Cancelled):
        write_psd(tmp_path / "a.psd", rich(), progress=seen.append, cancelled=stop)
    assert list(tmp_path.iterdir()) == []
    write_psd(tmp_path / "a.psd", rich(), progress=seen.append)
    assert seen[-1] == 1.0
    with pytest.raises(Cancelled):
        read_psd(tmp_path / "a.psd", cancelled=lambda: True)


@pytest.mark.parametrize("content", [None, b"", b"8BPS", b"no picture at all" * 9])
def test_a_bad_file_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "bad.psd").write_bytes(content)
    with pytest.raises(InputUnreadable, match=r"bad\.psd") as caught:
        read_psd(tmp_path / "bad.psd")
    assert "\n" not in str(caught.value)


@given(cut=st.floats(0, 0.99), at=st.floats(0, 0.999), value=st.integers(0, 255))
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_damage_is_one_sentence_or_a_document(cut: float, at: float, value: int, tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    if not path.exists():
        write_psd(path, rich())
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] = value
    for broken in (bytes(data), bytes(data[: int(cut * len(data))])):
        (tmp_path / "bad.psd").write_bytes(broken)
        try:
            found = read_psd(tmp_path / "bad.psd")
        except InputUnreadable as error:
            assert "bad.psd" in str(error)
        else:
            assert found.document.width > 0


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.psd").write_bytes(struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 200_000, 200_000, 8, 3) + b"\0" * 20)
    with pytest.raises(InputUnreadable, match="too large"):
        read_psd(tmp_path / "bad.psd")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_files_of_other_programs(mode: str, tmp_path: Path) -> None:
    """What psd-tools writes: one layer in grey and RGB, the merged picture of CMYK."""
    colour = {"L": 90, "RGB": (200, 30, 40), "CMYK": (10, 200, 180, 5)}[mode]
    picture = Image.new(mode, (20, 10), colour)
    # psd-tools stores CMYK as it is given, where the format wants it inverted.
    stored = picture.point(lambda value: 255 - value) if mode == "CMYK" else picture
    PSDImage.frompil(stored).save(tmp_path / "a.psd")
    found = read_psd(tmp_path / "a.psd")
    shown = flatten(found.document)
    expected = np.asarray(picture.convert("RGB"), np.int16)
    assert np.abs(shown[..., :3] - expected).max() <= 2
    assert (shown[..., 3] == 255).all()
    assert any("CMYK" in note for note in found.notes) is (mode == "CMYK")


def deep(path: Path) -> None:
    """A 16-bit RGB file with one layer, raw, as Photoshop would write it but for its Lr16 block."""
    record = struct.pack(">4iH", 0, 0, 2, 3, 3) + b"".join(struct.pack(">hI", i, 2 + 12) for i in range(3))
    extra = struct.pack(">II", 0, 0) + b"\x01x\0\0"
    record += struct.pack(">4s4s4BI", b"8BIM", b"norm", 255, 0, 8, 0, len(extra)) + extra
    planes = b"".join(struct.pack(">H6H", 0, *([65535 * (i + 1) // 3] * 6)) for i in range(3))
    info = struct.pack(">h", 1) + record + planes
    info += b"\0" * (len(info) % 2)
    body = struct.pack(">I", len(info)) + info + struct.pack(">I", 0)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 2, 3, 16, 3) + struct.pack(">II", 0, 0)
    path.write_bytes(head + struct.pack(">I", len(body)) + body + struct.pack(">H", 0) + b"\0" * 36)


def test_sixteen_bits_are_rounded_and_told(tmp_path: Path) -> None:
    deep(tmp_path / "a.psd")
    found = read_psd(tmp_path / "a.psd")
    assert found.document.layers[0].name == "x"
    assert flatten(found.document)[0, 0].tolist() == [85, 170, 255, 255]
    assert any("16-bit" in note for note in found.notes)


def test_clipped_layers_become_a_group_that_looks_the_same(tmp_path: Path) -> None:
    base = noise(1, 20, 20)
    above = np.full((40, 60, 4), (10, 200, 30, 255), np.uint8)
    document = Document(
        60,
        40,
        (
            RasterLayer(name="base", x=5, y=5, plane=TileMap.of(base)),
            RasterLayer(name="clipped", plane=TileMap.of(above)),
        ),
    )
    write_psd(tmp_path / "a.psd", document)
    theirs = PSDImage.open(tmp_path / "a.psd")
    theirs[1].clipping = True
    theirs.save(tmp_path / "b.psd")
    found = read_psd(tmp_path / "b.psd")
    shown = flatten(found.document)
    assert [layer.name for layer in walk(found.document)] == ["base", "base", "clipped"]
    assert any("clipped" in note for note in found.notes)
    assert np.array_equal(shown[5:25, 5:25, 3], base[..., 3])
    assert (shown[5:25, 5:25, :3][base[..., 3] > 0] == (10, 200, 30)).all()
    assert not shown[26:, :, 3].any()


def test_adjustments_and_unknown_modes_are_told(tmp_path: Path) -> None:
    write_psd(tmp_path / "a.psd", rich())
    data = (tmp_path / "a.psd").read_bytes()
    adjusted = data.replace(b"8BIMlyid", b"8BIMnvrt", 1).replace(b"8BIMnorm", b"8BIMvLit", 2)
    (tmp_path / "b.psd").write_bytes(adjusted)
    found = read_psd(tmp_path / "b.psd")
    assert [layer.name for layer in found.document.layers] == ["make it red"]
    assert any("adjustment layer 'Фон'" in note for note in found.notes)
    assert any("vLit" in note for note in found.notes)


def test_the_format_tells_its_files() -> None:
    assert FORMAT.suffixes == (".psd",)
    assert FORMAT.sniff(b"8BPS\0\1")
    assert not FORMAT.sniff(b"\x89PNG")


def claiming(width: int, height: int, data: bytes) -> bytes:
    """A file of 3 x 2 whose layer says that it is much larger than its channels."""
    record = struct.pack(">4iH", 0, 0, height, width, 3) + b"".join(struct.pack(">hI", i, len(data)) for i in range(3))
    extra = struct.pack(">II", 0, 0) + b"\x01x\0\0"
    record += struct.pack(">4s4s4BI", b"8BIM", b"norm", 255, 0, 8, 0, len(extra)) + extra
    info = struct.pack(">h", 1) + record + data * 3
    info += b"\0" * (len(info) % 2)
    body = struct.pack(">I", len(info)) + info + struct.pack(">I", 0)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 2, 3, 8, 3) + struct.pack(">II", 0, 0)
    return head + struct.pack(">I", len(body)) + body + struct.pack(">H", 0) + b"\0" * 18


def test_a_layer_that_claims_more_than_it_holds_takes_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        (tmp_path / "a.psd").write_bytes(claiming(30_000, 30_000, struct.pack(">H", 0)))
        (layer,) = read_psd(tmp_path / "a.psd").document.layers
        assert isinstance(layer, RasterLayer) and not layer.plane.tiles
        for packing, size in ((0, 30_000), (1, 30_000), (2, 30_000), (3, 30_000), (2, 200_000)):
            (tmp_path / "a.psd").write_bytes(claiming(size, size, struct.pack(">H", packing) + bytes(50)))
            with pytest.raises(InputUnreadable):
                read_psd(tmp_path / "a.psd")
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
