"""What a training has brought, before it is installed: base against new, on held-out pairs and on general edits.

Without PyTorch: the edits are those of the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.package import ModelPackage
from training import report_tables, strips
from training.comparing import Compared, Comparison
from training.export.files import staged
from training.protocol import model
from training.scoring import compared, means, rounded
from training.verdict import report_verdict
from training.whole_files import write_json, write_whole

FORMAT = 1
MOST_STRIPS = 12
JSON, MARKDOWN, HELD_OUT, GENERAL_PICTURES = "report.json", "report.md", "held_out.png", "general.png"


def as_json(base: ModelPackage, new: ModelPackage, found: Comparison, notes: Sequence[str] = ()) -> dict[str, Any]:
    """What report.json holds.

    held_out.METRIC: {"base", "new", "gain", "count"} (gain is positive where new is better, whatever the metric);
    general.METRIC: the same with "loss" for gain (positive where new is worse; "base" and "loss" are null where there
    are no exact answers). items: each with "base" and "new" scores, and "untouched", those of the source itself.
    """
    held_out = {
        **compared(_scores(found.held_out, "base"), _scores(found.held_out, "new"), ("base", "new"), "gain"),
        "items": [_item(one) for one in found.held_out],
        "instructions": _by_instruction(found.held_out),
        "picture": HELD_OUT,
    }
    general = {
        "reference": "exact" if found.exact else "base",
        **_general(found),
        "items": [_item(one) for one in found.general],
        "picture": GENERAL_PICTURES,
    }
    return {
        "format": FORMAT,
        "verdict": report_verdict(held_out, general),
        "base": model(base),
        "new": model(new),
        "protocol": dict(found.protocol),
        "held_out": rounded(held_out),
        "general": rounded(general),
        "notes": list(notes),
    }


def is_report(folder: Path) -> bool:
    """True for a folder that holds an earlier report and nothing else: it may give way to a new one."""
    ours = {JSON, MARKDOWN, HELD_OUT, GENERAL_PICTURES}
    return folder.is_dir() and not folder.is_symlink() and {entry.name for entry in folder.iterdir()} <= ours


def write(folder: Path, made: Mapping[str, Any], found: Comparison) -> None:
    """The report's four files, all of them or nothing; an earlier report gives way. Raises `ExportTargetError`."""
    names = made["base"]["name"], made["new"]["name"]
    with staged(folder) as stage:
        write_json(stage / JSON, made)
        write_whole(stage / MARKDOWN, report_tables.report(made).encode())
        write_whole(stage / HELD_OUT, picture("Held-out pictures, which the training never saw", found.held_out, names))
        write_whole(stage / GENERAL_PICTURES, picture("General edits: what may be forgotten", found.general, names))


def picture(title: str, items: Sequence[Compared], names: tuple[str, str]) -> bytes:
    """Strips of source, base, new and what is wanted, as a PNG: the items that gained least first."""
    chosen = sorted(items, key=lambda one: one.gain)[:MOST_STRIPS]
    if len(chosen) < len(items):
        title += f": the {len(chosen)} of {len(items)} that gained least"
    base, new = f"base: {names[0]}", f"new: {names[1]}"
    wanted = not items or items[0].base is not None
    columns = ("before", base, new, "wanted") if wanted else ("before", base, new)
    return strips.draw(title, columns, [_strip(one) for one in chosen])


def _scores(items: Iterable[Compared], who: str) -> list[Mapping[str, float | None]]:
    return [one.base.scored.scores if who == "base" and one.base else one.new.scored.scores for one in items]


def _general(found: Comparison) -> dict[str, object]:
    if found.exact:
        return dict(compared(_scores(found.general, "base"), _scores(found.general, "new"), ("base", "new"), "loss"))
    values = means(_scores(found.general, "new"))
    there = {name: value for name, value in values.items() if value is not None}
    return {
        name: {"base": None, "new": value, "loss": None, "count": len(found.general)} for name, value in there.items()
    }


def _by_instruction(items: Sequence[Compared]) -> list[dict[str, object]]:
    """PSNR of each instruction: which of them the training has taught."""
    rows: list[dict[str, object]] = []
    for text in dict.fromkeys(one.new.scored.instruction for one in items):
        some = [one for one in items if one.new.scored.instruction == text]
        values = compared(_scores(some, "base"), _scores(some, "new"), ("base", "new"), "gain")["psnr"]
        rows.append({"instruction": text, **values})
    return [{key: rounded(value) for key, value in row.items()} for row in rows]


def _item(one: Compared) -> dict[str, object]:
    scored = one.new.scored
    return {
        "id": scored.id,
        "instruction": scored.instruction,
        "base": rounded(one.base.scored.scores) if one.base else None,
        "new": rounded(scored.scores),
        "untouched": rounded(scored.untouched),
    }


def _strip(one: Compared) -> strips.Strip:
    new, base = one.new, one.base
    near = f"{new.psnr:.1f} dB"
    if base is None:
        return strips.Strip(new.scored.instruction, (new.source, new.target, new.result), ("", "", f"{near} from it"))
    pictures = new.source, base.result, new.result, new.target
    captions = "", f"{base.psnr:.1f} dB", f"{near} ({one.gain:+.1f})", ""
    return strips.Strip(new.scored.instruction, pictures, captions)
