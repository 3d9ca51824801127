"""What numbers mean, in one sentence of the user's words. Without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SAME = 0.05
"""In dB: less is written as no difference."""


def report_verdict(held_out: Mapping[str, Any], general: Mapping[str, Any]) -> str:
    """Of a report's two parts, see `training.report.as_json`."""
    return f"{_held_out(held_out)}{_general(general)}"


def evaluation_verdict(pairs: int, untouched: float, result: float) -> str:
    """untouched, result: PSNR in dB of the sources and of the edits."""
    what = f"On {_count(pairs, 'pair')} the model's edits are"
    gain = result - untouched
    if abs(gain) < SAME:
        return f"{what} as close to what was wanted as the pictures left as they were."
    way = "closer to what was wanted" if gain > 0 else "further from what was wanted"
    return f"{what} {abs(gain):.1f} dB {way} than the pictures left as they were."


def _held_out(part: Mapping[str, Any]) -> str:
    values = part.get("psnr")
    if values is None:
        return "No pair was held out, so nobody knows what was learnt"
    what = f"On {_count(len(part['items']), 'held-out picture')} the new model is"
    gain = float(values["gain"])
    if abs(gain) < SAME:
        return f"{what} as close to what you wanted as the base"
    way = "closer to what you wanted" if gain > 0 else "further from what you wanted than the base"
    return f"{what} {abs(gain):.1f} dB {way}"


def _general(part: Mapping[str, Any]) -> str:
    items: Sequence[object] = part["items"]
    if not items:
        return "; no general edits were tried."
    on = f"; on {_count(len(items), 'general edit')}"
    values = part["psnr"]
    if values["loss"] is None:
        return f"{on} its results lie {values['new']:.1f} dB from the base's."
    loss = float(values["loss"])
    if abs(loss) < SAME:
        return f"{on} it lost nothing."
    return f"{on} it {'lost' if loss > 0 else 'gained'} {abs(loss):.1f} dB."


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
