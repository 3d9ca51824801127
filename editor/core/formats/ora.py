"""OpenRaster, the program's own project format; every other editor with layers opens it too."""

from __future__ import annotations

from editor.core.formats.layered_format import LayeredFormat
from editor.core.formats.ora_read import read_ora
from editor.core.formats.ora_write import save_ora


def sniff(head: bytes) -> bool:
    """Any zip archive: some programs put the type elsewhere than first, and reading tells what else it may be."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


FORMAT = LayeredFormat(
    name="OpenRaster",
    suffixes=(".ora",),
    sniff=sniff,
    read=read_ora,
    write=lambda path, document, variants, progress, cancelled: save_ora(
        path, document, variants, None, progress, cancelled
    ),
)
