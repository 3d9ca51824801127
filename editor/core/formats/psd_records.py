"""What a Photoshop file says of each layer, in bytes.

Follows Adobe's "Photoshop File Formats Specification", section Layer and Mask Information.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from editor.core.geometry import EMPTY, Rect

RED, GREEN, BLUE, ALPHA, MASK = 0, 1, 2, -1, -2
OPEN_GROUP, END_OF_GROUP = 1, 3
PASS_THROUGH = "pass"
LOCKED = 1 << 31
LONGEST_NAME = 255

_HIDDEN, _VERSION_5, _NO_PIXELS = 2, 8, 16
_MASK_OFF = 2


@dataclass(frozen=True)
class MaskRecord:
    """rect: what of the mask the file holds, in document coordinates. default: its value elsewhere, 0 or 255."""

    rect: Rect
    default: int
    enabled: bool


@dataclass(frozen=True)
class LayerRecord:
    """One entry of the list of layers, the lowest first; a group is two, its end below its children and itself above.

    rect: in document coordinates. blend: four letters. section: 0 for a layer, else OPEN_GROUP or END_OF_GROUP.
    number: a whole number that no other layer of the file has, 0 for none.
    """

    name: str
    rect: Rect = EMPTY
    blend: str = "norm"
    opacity: int = 255
    visible: bool = True
    locked: bool = False
    mask: MaskRecord | None = None
    section: int = 0
    number: int = 0

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels in the order of the file."""
        return (ALPHA, RED, GREEN, BLUE) if self.mask is None else (ALPHA, RED, GREEN, BLUE, MASK)

    def encoded(self, sizes: tuple[int, ...]) -> bytes:
        """sizes: bytes of each channel in the file. The length does not depend on them."""
        rect = self.rect
        box = struct.pack(">4iH", rect.y, rect.x, rect.bottom, rect.right, len(self.channels))
        channels = b"".join(struct.pack(">hI", *channel) for channel in zip(self.channels, sizes, strict=True))
        # A pass-through group is named so in its section block; the record itself stays normal, as for old readers.
        blend = b"norm" if self.blend == PASS_THROUGH else self.blend.encode("ascii")
        flags = _VERSION_5 | (0 if self.visible else _HIDDEN) | (_NO_PIXELS if self.section else 0)
        look = struct.pack(">4s4s4B", b"8BIM", blend, self.opacity, 0, flags, 0)
        extra = self._extra()
        return box + channels + look + struct.pack(">I", len(extra)) + extra

    def _extra(self) -> bytes:
        ranges = struct.pack(">I", 40) + b"\0\0\xff\xff" * 10
        extra = self._mask() + ranges + _old_name(self.name) + self._blocks()
        return extra + b"\0" * (-len(extra) % 2)

    def _mask(self) -> bytes:
        if self.mask is None:
            return struct.pack(">I", 0)
        rect = self.mask.rect
        flags = 0 if self.mask.enabled else _MASK_OFF
        return struct.pack(">I4i2B2x", 20, rect.y, rect.x, rect.bottom, rect.right, self.mask.default, flags)

    def _blocks(self) -> bytes:
        blocks = _block(b"luni", _unicode(self.name))
        if self.number:
            blocks += _block(b"lyid", struct.pack(">I", self.number))
        if self.section:
            blend = self.blend.encode("ascii") if self.section == OPEN_GROUP else b"norm"
            blocks += _block(b"lsct", struct.pack(">I4s4s", self.section, b"8BIM", blend))
        return blocks + (_block(b"lspf", struct.pack(">I", LOCKED)) if self.locked else b"")


def _block(key: bytes, data: bytes) -> bytes:
    data += b"\0" * (-len(data) % 4)
    return b"8BIM" + key + struct.pack(">I", len(data)) + data


def _unicode(text: str) -> bytes:
    data = text.encode("utf-16-be", "replace")
    return struct.pack(">I", len(data) // 2) + data


def _old_name(text: str) -> bytes:
    """The name for readers that know no Unicode: what is not in their alphabet becomes a question mark."""
    data = text.encode("mac_roman", "replace")[:LONGEST_NAME]
    name = bytes([len(data)]) + data
    return name + b"\0" * (-len(name) % 4)
