"""The pictures that one command writes: all of them or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from editor.core.atomic import not_written, replacing
from editor.core.errors import OutputNotWritable
from editor.core.formats.flat import format_for, write_flat
from editor.core.formats.format import FlatImage


def numbered(out: Path, count: int) -> tuple[Path, ...]:
    """`out` for one picture, else OUT-1, OUT-2, ... with its suffix."""
    if count == 1:
        return (out,)
    return tuple(out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, count + 1))


class Outputs:
    """Keeps pictures beside their targets until `commit` renames them all."""

    def __init__(self, targets: tuple[Path, ...], folder: Path) -> None:
        self.targets = targets
        self._folder = folder

    def write(self, index: int, image: FlatImage) -> list[str]:
        """Encode picture number `index`; returns what its format could not hold. Raises OutputNotWritable."""
        target, staged = self.targets[index], self._staged(index)
        try:
            return write_flat(staged, image)
        except OutputNotWritable as error:
            raise OutputNotWritable(str(error).replace(str(staged), str(target))) from error

    def commit(self) -> None:
        """Put every picture in its place. Raises OutputNotWritable; then no target has changed."""
        with ExitStack() as stack:
            for index, target in enumerate(self.targets):
                file = stack.enter_context(replacing(target))
                with self._staged(index).open("rb") as staged:
                    shutil.copyfileobj(staged, file, 1 << 20)

    def _staged(self, index: int) -> Path:
        return self._folder / f"{index}{self.targets[index].suffix}"


@contextmanager
def outputs(out: Path, count: int) -> Generator[Outputs, None, None]:
    """Outputs named after `out`; whatever was not committed is gone afterwards.

    Raises UsageError for a suffix that cannot be written and OutputNotWritable for a target that cannot: at once,
    before any work is done for it.
    """
    targets = numbered(out, count)
    for target in targets:
        format_for(target)
        check_writable(target)
    with _folder_beside(out) as folder:
        yield Outputs(targets, folder)


def check_writable(target: Path) -> None:
    """Raises OutputNotWritable for a target that cannot be written, and leaves nothing."""
    with suppress(_Trial), replacing(target):
        raise _Trial


class _Trial(Exception):
    """Ends a write that was only tried."""


@contextmanager
def _folder_beside(out: Path) -> Generator[Path, None, None]:
    # On the disk of the target, so that a full one is noticed here and not when half of the targets are renamed.
    try:
        folder = tempfile.TemporaryDirectory(prefix=".palimpsest-", dir=out.resolve().parent)
    except OSError as error:
        raise not_written(out, error) from error
    with folder as name:
        yield Path(name)
