"""A stand-in for `python -m training pairs`: keeps its pairs in a JSON file and speaks the command's words and events.

An instruction with "wrong" in it is refused with a sentence, one with "crash" ends in a traceback, and a path with
"slow" in it is read until the input ends. Every call is written down in calls.jsonl beside the store.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path


def tell(**values: object) -> None:
    print(json.dumps(values), flush=True)


def options(words: list[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """(--name=value by name, --flag and the --origin words, the others)"""
    named = {word[2:].partition("=")[0]: word.partition("=")[2] for word in words if word[:2] == "--" and "=" in word}
    flags = [word for word in words if word[:2] == "--" and ("=" not in word or word.startswith("--origin="))]
    return named, flags, [word for word in words if word[:2] != "--"]


def add_one(pairs: list[dict[str, object]], folder: Path, named: dict[str, str], flags: list[str]) -> int:
    instruction = named["instruction"]
    if "wrong" in instruction:
        print("The after picture lies 7 pixels to the right: align it and add it again.", file=sys.stderr)
        return 3
    if "crash" in instruction:
        raise RuntimeError("a fault of the command")
    files = {name: Path(named[name]) for name in ("source", "target", "mask") if name in named}
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    id = hashlib.sha256(json.dumps([instruction, hashes]).encode()).hexdigest()[:20]
    same = any(pair["id"] == id for pair in pairs)
    if not same:
        for name, path in files.items():
            shutil.copyfile(path, folder / f"{hashes[name]}.png")
        stored = {f"{name}_path": str(folder / f"{sha}.png") for name, sha in hashes.items()}
        origin = dict(flag.removeprefix("--origin=").split("=", 1) for flag in flags if flag.startswith("--origin="))
        pairs.append(
            {"id": id, "instruction": instruction, "mask": "", "mask_path": "", **hashes, **stored, "origin": origin,
             "group": named.get("group", ""), "width": 8, "height": 8, "added": "2026-01-01T00:00:00+00:00",
             "enabled": True, "earlier": False, "changed_fraction": 0.25, "problem": ""}
        )  # fmt: skip
    tell(added=int(not same), same=int(same), refused=[], pair=pairs[-1])
    return 0


def add(path: Path) -> int:
    tell(event="progress", stage="adding", fraction=0.5)
    if "slow" in path.name:
        while os.read(0, 100):
            pass
        time.sleep(0.1)
        print("Cancelled; the pairs that were added until then are kept.", file=sys.stderr)
        return 130
    if not path.exists():
        print(f"{path} does not exist: choose another folder.", file=sys.stderr)
        return 3
    count = len(list(path.iterdir()))
    refused = [{"where": "b.png", "why": "b.png cannot be read."}] if "broken" in path.name else []
    tell(event="done", added=count, same=2 if "again" in path.name else 0, refused=refused)
    return 0


def main(words: list[str]) -> int:
    assert words[0] == "pairs"
    named, flags, others = options(words[2:])
    folder = Path(named["store"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    table = folder / "pairs.json"
    pairs: list[dict[str, object]] = json.loads(table.read_text()) if table.exists() else []
    code = 0
    match words[1]:
        case "list":
            tell(pairs=pairs, problems=["A picture is missing."] if (folder / "damaged").exists() else [])
        case "add-one":
            code = add_one(pairs, folder, named, flags)
        case "add":
            code = add(Path(others[0]))
        case "edit" | "earlier":
            for pair in (pair for pair in pairs if pair["id"] in others):
                pair["instruction"] = named.get("instruction", pair["instruction"])
                pair["enabled"] = (pair["enabled"] or "--enable" in flags) and "--disable" not in flags
                pair["earlier"] = pair["earlier"] or words[1] == "earlier"
            tell(pairs=pairs)
        case "remove":
            for pair in (pair for pair in pairs if pair["id"] in others):
                Path(str(pair["source_path"])).unlink()
            pairs = [pair for pair in pairs if pair["id"] not in others]
            tell(removed=1)
        case "export":
            Path(others[0]).mkdir()
            tell(event="progress", stage="writing", fraction=0.5)
            tell(event="done", exported=len(pairs), path=others[0])
    table.write_text(json.dumps(pairs))
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
