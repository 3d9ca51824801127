"""Tiny trees of every form in which pairs lie on disk. Each maker returns the path to open."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.pairs.pair import RawPair, Refusal
from training.pairs.readers import ReadOptions, open_pairs

Picture = NDArray[np.uint8]


def noise(seed: int, height: int = 12, width: int = 16) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(seed: int, height: int = 16, width: int = 24) -> Picture:
    """A picture that JPEG keeps to within a few values."""
    ramp = np.linspace(0, 200, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    return (ramp + np.array([seed % 7, 5, 9])).astype(np.uint8)


def encoded(image: Picture, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def save(path: Path, image: Picture) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    jpeg = path.suffix in (".jpg", ".jpeg")
    path.write_bytes(encoded(image, "JPEG", quality=100, subsampling=0) if jpeg else encoded(image))
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, format: str = "", **options: Any) -> tuple[list[RawPair], list[Refusal]]:
    entries = list(open_pairs(path, format, ReadOptions(**options)))
    return [one for one in entries if isinstance(one, RawPair)], [one for one in entries if isinstance(one, Refusal)]


def two_folders(root: Path, before: str = "before", after: str = "after") -> Path:
    """Two pairs: "one" with a mask and its text beside the after picture, "deep/two" with the shared text."""
    save(root / before / "one.png", noise(1))
    save(root / after / "one.png", noise(2))
    write(root / after / "one.txt", "make it blue\n")
    mask = np.zeros((12, 16), np.uint8)
    mask[3:6] = 255
    save(root / "mask" / "one.png", mask)
    save(root / before / "deep" / "two.png", noise(3))
    save(root / after / "deep" / "two.jpg", smooth(4, 12, 16))
    write(root / "instruction.txt", "add rain")
    return root


def suffixed(root: Path, before: str = "_before", after: str = "_after") -> Path:
    save(root / f"cat{before}.png", noise(1))
    save(root / f"cat{after}.png", noise(2))
    write(root / "cat.txt", "make it blue")
    return root


def pix2pix(root: Path, caption_key: str = "caption") -> Path:
    """Three pairs in two folders, with seeds.json."""
    for folder, seeds in (("0000000", ["11", "12"]), ("0000001", ["13"])):
        words = {caption_key: f"a horse {folder}", "edit": f"make it a dragon {folder}", "output": "a dragon"}
        write(root / folder / "prompt.json", json.dumps(words))
        write(
            root / folder / "metadata.jsonl", "".join(json.dumps({"seed": int(s), "sim_0": 0.3}) + "\n" for s in seeds)
        )
        for seed in seeds:
            save(root / folder / f"{seed}_0.jpg", smooth(int(seed)))
            save(root / folder / f"{seed}_1.jpg", 255 - smooth(int(seed)))
    write(root / "seeds.json", json.dumps([["0000000", ["11", "12"]], ["0000001", [13]]]))
    return root


def image_list(root: Path, rows: Sequence[Mapping[str, object]], name: str = "metadata.jsonl") -> Path:
    """A list of those rows, and the pictures a.png, b.png, c.png, d.png in images/."""
    for seed, letter in enumerate("abcd"):
        save(root / "images" / f"{letter}.png", noise(seed))
    if name.endswith(".csv"):
        with (root / name).open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    else:
        write(root / name, "".join(json.dumps(row) + "\n" for row in rows))
    return root


def cell(image: Picture, kind: str = "PNG") -> dict[str, object]:
    return {"bytes": encoded(image, kind), "path": "a.png"}


def table(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.table(dict(columns)), path)
    return path


def hole(height: int, width: int) -> Picture:
    """A picture of which the upper left quarter was erased to transparency."""
    image = np.dstack([noise(7, height, width), np.full((height, width), 255, np.uint8)])
    image[: height // 2, : width // 2, 3] = 0
    return image


def magicbrush(root: Path) -> Path:
    """Two turns of one photo and one of another, as in its dev set; the first photo is smaller than its edits."""
    turns = [
        {"input": "242679-input.png", "mask": "242679-mask1.png", "output": "242679-output1.png"},
        {"input": "242679-output1.png", "mask": "242679-mask2.png", "output": "242679-output2.png"},
        {"input": "77-input.png", "mask": "77-mask1.png", "output": "77-output1.png"},
    ]
    for number, turn in enumerate(turns):
        turn["instruction"] = f"turn {number}"
        folder = root / "images" / turn["input"].split("-")[0]
        if turn["input"].endswith("-input.png"):
            save(folder / turn["input"], noise(number, 20, 30))
        save(folder / turn["mask"], hole(20, 30))
        save(folder / turn["output"], noise(10 + number, 40, 60))
    write(root / "edit_turns.json", json.dumps(turns))
    sessions = {"242679": turns[:2], "77": turns[2:]}
    write(root / "edit_sessions.json", json.dumps(sessions))
    return root


def tar(path: Path, entries: Sequence[tuple[str, bytes] | tarfile.TarInfo]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as file:
        for one in entries:
            if isinstance(one, tarfile.TarInfo):
                file.addfile(one)
            else:
                info = tarfile.TarInfo(one[0])
                info.size = len(one[1])
                file.addfile(info, io.BytesIO(one[1]))
    return path


def sample(key: str, text: str = "make it blue", seed: int = 0) -> list[tuple[str, bytes]]:
    return [
        (f"{key}.before.png", encoded(noise(seed))),
        (f"{key}.after.png", encoded(noise(seed + 1))),
        (f"{key}.txt", text.encode()),
    ]
