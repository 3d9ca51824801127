"""The forms in which pairs leave the program. Without PyTorch."""

from __future__ import annotations

from training.pairs.pair import PairError
from training.pairs.writers import folder, imagefolder, webdataset
from training.pairs.writers.writer import NotWritten, Writer

__all__ = ["WRITERS", "NotWritten", "Writer", "writer_named"]

WRITERS: tuple[Writer, ...] = (folder.WRITER, imagefolder.WRITER, webdataset.WRITER)


def writer_named(name: str) -> Writer:
    """Raises `PairError` for an unknown name."""
    for writer in WRITERS:
        if writer.name == name:
            return writer
    raise PairError(f"There is no format {name!r} to write: choose one of {', '.join(one.name for one in WRITERS)}.")
