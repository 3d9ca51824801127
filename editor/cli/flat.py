"""palimpsest convert, flatten and info, for flat pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from editor.cli import report
from editor.cli.layered import refuse_layered
from editor.core.formats import flat
from inference import memory


def convert_picture(source: Path, target: Path, as_json: bool) -> None:
    """Write `source` in the format of `target`'s suffix and tell what that cannot hold."""
    refuse_layered(source, target)
    flat.format_for(target)
    image = flat.read_flat(source, max_pixels=_largest())
    notes = [*image.notes, *flat.write_flat(target, image)]
    if as_json:
        report.say_json({"path": str(target), "width": image.width, "height": image.height, "notes": notes})
    else:
        _say_written(target, notes)


def flatten_picture(source: Path, target: Path) -> None:
    """Write `source` as it looks, as PNG."""
    refuse_layered(source, target)
    _say_written(target, flat.flatten(source, target, max_pixels=_largest()))


def show_info(source: Path, as_json: bool) -> None:
    """Tell what the file's header says."""
    refuse_layered(source)
    found = flat.info(source)
    if as_json:
        report.say_json(found)
    else:
        for line in _description(found):
            report.say(line)


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
    return [", ".join([first, *extras]), *(_layer(layer) for layer in found["layers"])]


def _layer(layer: dict[str, Any]) -> str:
    look = f"{layer['opacity']:.0%} {layer['blend']}" + ("" if layer["visible"] else ", hidden")
    return f"  {layer['kind']} {layer['name']!r} {layer['w']} x {layer['h']} at {layer['x']}, {layer['y']}: {look}"
