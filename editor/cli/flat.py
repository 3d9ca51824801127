"""palimpsest convert, flatten and info."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from editor.cli import report
from editor.cli.layered import flat_image, flattened_note, is_layered, layered_target, opened
from editor.cli.progress import bar
from editor.cli.tree import document_info, layer_line
from editor.core.errors import OutputNotWritable, UsageError
from editor.core.formats import flat
from editor.core.formats.layered_format import LayeredFormat, never
from inference import memory


def convert_picture(source: Path, target: Path, as_json: bool) -> None:
    """Write `source` in the format of `target`'s suffix and tell what that cannot hold."""
    layered = layered_target(target)
    if layered is not None:
        width, height, notes = _to_layers(source, target, layered)
    elif is_layered(source):
        width, height, notes = _to_flat(source, target)
    else:
        flat.format_for(target)
        image = flat.read_flat(source, max_pixels=_largest())
        width, height, notes = image.width, image.height, [*image.notes, *flat.write_flat(target, image)]
    if as_json:
        report.say_json({"path": str(target), "width": width, "height": height, "notes": notes})
    else:
        _say_written(target, notes)


def flatten_picture(source: Path, target: Path) -> None:
    """Write `source` as it looks, as PNG."""
    if not is_layered(source):
        _say_written(target, flat.flatten(source, target, max_pixels=_largest()))
        return
    if target.suffix.lower() != ".png":
        raise UsageError(f"{target} has to end in .png: flattening writes PNG.")
    found = opened(source, _largest())
    _say_written(target, [*found.notes, *flat.write_flat(target, flat_image(found.document))])


def show_info(source: Path, as_json: bool) -> None:
    """Tell what the file's header says, or which layers it has."""
    found = document_info(opened(source, _largest())) if is_layered(source) else flat.info(source)
    if as_json:
        report.say_json(found)
    else:
        for line in _description(found):
            report.say(line)


def _to_layers(source: Path, target: Path, format: LayeredFormat) -> tuple[int, int, list[str]]:
    if format.write is None:
        raise OutputNotWritable(f"{target} was not written: {format.name} is only read; use .ora.")
    found = opened(source, _largest())
    with bar() as show:
        notes = format.write(
            target, found.document, found.variants, lambda done: show(done, f"writing {format.name}"), never
        )
    return found.document.width, found.document.height, [*found.notes, *notes]


def _to_flat(source: Path, target: Path) -> tuple[int, int, list[str]]:
    format = flat.format_for(target)
    found = opened(source, _largest())
    written = flat.write_flat(target, flat_image(found.document))
    notes = [*found.notes, *flattened_note(found.document, format.name), *written]
    return found.document.width, found.document.height, notes


def _largest() -> int:
    return memory.max_pixels(memory.available_memory())


def _say_written(target: Path, notes: Sequence[str]) -> None:
    report.say(str(target))
    for note in notes:
        report.say(f"  {note}")


def _description(found: dict[str, Any]) -> list[str]:
    width, height = found["size"]
    profile = found["profile"] or "sRGB"
    extras = [word for word in ("alpha", "animated") if found[word]]
    first = f"{found['format']}, {width} x {height}, {found['depth']} bit {found['mode']}, {profile}"
    lines = [line for layer in found["layers"] for line in layer_line(layer)]
    return [", ".join([first, *extras]), *lines, *found.get("notes", [])]
