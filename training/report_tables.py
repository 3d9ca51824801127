"""A report on a training as Markdown. Without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training import tables

Values = Mapping[str, Any]
_COLUMNS = ("base", "base"), ("new", "new")


def report(made: Values) -> str:
    """Of report.json's contents."""
    held_out, general = made["held_out"], made["general"]
    parts = [
        f"# {made['new']['name']} against {made['base']['name']}",
        made["verdict"],
        "## Held-out pictures",
        "The training never saw these.",
        tables.comparison(held_out, _COLUMNS, ("gain", "better by")),
        _instructions(held_out),
        f"![Strips of the held-out pictures]({held_out['picture']})",
        "## General edits",
        "What the base could do before; here the right answers are "
        + ("exact." if general["reference"] == "exact" else "what the base makes."),
        tables.comparison(general, _COLUMNS, ("loss", "worse by")),
        f"![Strips of the general edits]({general['picture']})",
        *made["notes"],
        tables.protocol(made["protocol"], [made["base"], made["new"]]),
    ]
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def _instructions(held_out: Values) -> str:
    head = ["instruction: PSNR, dB", "base", "new", "better by", "pairs"]
    return tables.table(head, map(_row, held_out["instructions"]))


def _row(values: Values) -> list[str]:
    numbers = [tables.number(values["base"], 1), tables.number(values["new"], 1)]
    return [values["instruction"], *numbers, tables.number(values["gain"], 1, sign=True), str(values["count"])]
