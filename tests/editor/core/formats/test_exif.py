"""EXIF is patched in place, whatever its byte order, and never trusted."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from editor.core.formats.exif import BrokenExif, bare, directory, orientation, turned, upright

MAKER_NOTE = b"private \x00\x01\x02 and untouched"


def block(turn: int = 6, order: str = "<", thumbnail: bytes = b"\xff\xd8 an old picture \xff\xd9") -> bytes:
    """Orientation and a sub-directory with sizes and a maker note, then a second directory with a thumbnail."""

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        code = "HH" if kind == 3 else "I"
        return struct.pack(order + "HHI" + code, tag, kind, count, *((value, 0) if kind == 3 else (value,)))

    def ifd(following: int, *entries: bytes) -> bytes:
        return struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", following)

    details, second, note = 8 + 30, 8 + 30 + 42, 8 + 30 + 42 + 30
    data = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    data += ifd(second, entry(0x0112, 3, 1, turn), entry(0x8769, 4, 1, details))
    sizes = entry(0xA002, 4, 1, 40), entry(0xA003, 3, 1, 30)
    data += ifd(0, *sizes, entry(0x927C, 7, len(MAKER_NOTE), note))
    data += ifd(0, entry(0x0201, 4, 1, note + len(MAKER_NOTE)), entry(0x0202, 4, 1, len(thumbnail)))
    return data + MAKER_NOTE + thumbnail


@pytest.mark.parametrize("order", ["<", ">"])
def test_upright(order: str) -> None:
    before = block(6, order)
    after = upright(before, 300, 400)
    assert orientation(before) == 6
    assert orientation(after) == 1
    read = Image.Exif()
    read.load(after)
    details = read.get_ifd(0x8769)
    assert (details[0xA002], details[0xA003]) == (300, 400)
    assert details[0x927C] == MAKER_NOTE
    assert len(after) == len(before)


def test_the_thumbnail_of_the_old_picture_is_gone() -> None:
    after = upright(block(thumbnail=b"secret face"), 1, 1)
    assert b"secret face" not in after
    read = Image.Exif()
    read.load(after)
    assert not read.get_ifd(0x0201)


def test_directory_gives_raw_entries() -> None:
    order, entries = directory(block(8, ">"))
    assert order == ">"
    assert entries[0x0112] == bytes.fromhex("0112 0003 00000001 0008 0000")


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_is_what_pillow_does(turn: int) -> None:
    pixels = np.random.default_rng(turn).integers(0, 255, (5, 7, 3), np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = turn
    expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(turned(pixels, turn), expected)
    assert turned(pixels, turn).flags.c_contiguous


@pytest.mark.parametrize("turn", [0, 9, 65535])
def test_a_senseless_orientation_counts_as_upright(turn: int) -> None:
    assert orientation(block(turn)) == 1


def test_missing_and_prefixed() -> None:
    assert orientation(None) == 1
    assert bare(None) is None
    assert bare(b"Exif\0\0") is None
    assert bare(b"Exif\0\0Exif\0\0" + block()) == block()


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_noise_never_crashes(noise: bytes) -> None:
    for exif in (noise, b"II*\0" + noise, b"MM\0*\0\0\0\x08" + noise):
        assert 1 <= orientation(exif) <= 8
        try:
            assert len(upright(exif, 3, 4)) == len(exif)
        except BrokenExif:
            continue


@settings(deadline=None)
@given(st.data())
def test_a_damaged_block_never_crashes(data: st.DataObject) -> None:
    exif = bytearray(block(order=data.draw(st.sampled_from("<>"))))
    for _ in range(data.draw(st.integers(1, 6))):
        exif[data.draw(st.integers(4, len(exif) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert orientation(upright(bytes(exif), 3, 4)) == 1
    except BrokenExif:
        return
