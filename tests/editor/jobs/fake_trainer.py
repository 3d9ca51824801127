"""A stand-in for `python -m training` plan, train, package and report: speaks their events, and fails when told to.

What it does is said by the training's name: "crash" ends with a traceback, "killed" by a signal, "broken" with a
sentence, "slow" takes until it is told to stop, "deaf" does not even listen to that. The model "tight" does not fit.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import queue
import shutil
import signal
import struct
import sys
import threading
import time
import zlib
from pathlib import Path

TINY = Path(__file__).resolve().parents[2] / "tiny_package.py"
STEPS, WIDE, HIGH = 40, 64, 48
RECIPES = [
    {"name": "starter", "about": "Teaches the bundled model in minutes, without a graphics card."},
    {"name": "8gb", "about": "For a full-size model on a graphics card with 8 GB: small additions, sparingly."},
]
PROTOCOL = {"seed": 0, "steps": 20}


def tell(**values: object) -> None:
    print(json.dumps(values), flush=True)


def plan(words: list[str]) -> int:
    base = words[words.index("--model") + 1]
    if base == "unreadable":
        print("The model unreadable was not made by this program: train another one.", file=sys.stderr)
        return 4
    tight = base == "tight"
    why = (
        "The training needs about 14.2 GB of memory and there are 8.0 GB free: choose the recipe 8gb." if tight else ""
    )
    problems = ["There is only one pair: add at least five more, of other photos."] if base == "alone" else []
    tell(pairs=36, held_out=4, problems=problems, steps=540, batch=4, size=256, seconds=None if tight else 480.0,
         disk_bytes=220_000_000, memory_bytes=1_900_000_000, memory_free=9_000_000_000, device="cpu",
         fits=not tight, why=why)  # fmt: skip
    return 0


def picture(path: Path, hue: float, seed: int, many: int = 1) -> None:
    """Stripes in a colour; many: so often beside each other and below. Written by hand: quicker than any import."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = [90 + 150 * abs(math.cos(hue + turn)) for turn in (0.0, 1.0, 2.0)]
    rows = bytearray()
    for y in range(HIGH * many):
        rows.append(0)
        for x in range(WIDE * many):
            wave = 0.5 + 0.5 * math.sin((x * (1 + seed % 3) + y * (2 - seed % 2)) / 17.0 + seed)
            rows += bytes(min(255, round(wave * part)) for part in colour)
    size = struct.pack(">2I5B", WIDE * many, HIGH * many, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", size), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    chunks = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
              for kind, data in parts]  # fmt: skip
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def samples(run: Path, step: int) -> None:
    images = []
    for number in range(3):
        source, target = (run / f"samples/pairs/{number:02d}-{part}.png" for part in ("source", "target"))
        now = run / f"samples/step-{step:06d}/{number:02d}.png"
        for path, hue in ((source, 0.0), (target, 1.6), (now, 1.6 * step / STEPS)):
            picture(path, hue, number)
        images.append({"id": f"p{number}", "path": str(now), "source": str(source), "target": str(target),
                       "instruction": "make it a blue and orange duotone"})  # fmt: skip
    pairs = [{key: each[key] for key in ("id", "instruction")} for each in images]
    (run / "samples/pairs/pairs.json").write_text(json.dumps({"pairs": pairs}))
    tell(event="samples", step=step, images=images)


def save(run: Path, step: int, status: str) -> None:
    folder = run / f"checkpoints/step-{step:06d}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text("{}")
    state = {"step": step, "steps": STEPS, "status": status, "loss": 0.1, "seconds": step * 0.01}
    (run / "state.json").write_text(json.dumps(state))
    tell(event="checkpoint", step=step, path=str(folder))


def begin(run: Path, words: list[str]) -> None:
    run.mkdir(parents=True)
    base = words[words.index("--model") + 1]
    sheet = {
        "format": 1,
        "name": run.name,
        "base": {"name": base, "path": "", "sha256": "0" * 64},
        "recipe": {"name": words[words.index("--recipe") + 1]},
        "train": [f"t{number}" for number in range(32)],
        "held_out": [f"h{number}" for number in range(4)],
        "instructions": ["make it a blue and orange duotone"],
        "steps": STEPS,
        "created": f"2026-11-2{len(list(run.parent.iterdir()))}T09:00:00Z",
    }
    (run / "run.json").write_text(json.dumps(sheet))


def train(words: list[str]) -> int:
    run = Path(words[1])
    lines: queue.Queue[str] = queue.Queue()
    if "deaf" not in run.name:
        threading.Thread(target=listen, args=(lines,), daemon=True).start()
    if "--resume" not in words:
        begin(run, words)
    first = json.loads((run / "state.json").read_text())["step"] if (run / "state.json").exists() else 0
    if "untidy" in run.name:
        tell(event="stopped", step=0)
        os.abort()
    if "broken" in run.name:
        print("The pairs cannot be read: look at them in the list.", file=sys.stderr)
        return 3
    tell(event="stage", stage="loading", fraction=0.5)
    tell(event="stage", stage="caching", fraction=1.0)
    tell(event="note", text="Memory ran out with 8 pairs a step: it goes on with 4.")
    samples(run, first)
    tell(event="stage", stage="training", fraction=0.0)
    for step in range(first + 1, STEPS + 1):
        if not between(lines, step):
            save(run, step - 1, "stopped")
            tell(event="stopped", step=step - 1)
            return 0
        time.sleep(0.2 if "slow" in run.name or "deaf" in run.name else 0.003)
        loss = 0.4 * math.exp(-step / 15) + 0.05 * abs(math.sin(step * 12.9898))
        event = {"event": "step", "step": step, "steps": STEPS, "loss": loss, "lr": 1e-4, "seconds_per_step": 0.01,
                 "seconds_left": (STEPS - step) * 11.0, "memory_bytes": 1_800_000_000}  # fmt: skip
        tell(**event)
        with (run / "log.jsonl").open("a") as log:
            log.write(json.dumps(event) + "\n")
        if step == STEPS // 2:
            save(run, step, "running")
            samples(run, step)
            if "crash" in run.name and "--resume" not in words:
                raise RuntimeError("a fault of the training")
            if "killed" in run.name and "--resume" not in words:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    samples(run, STEPS)
    save(run, STEPS, "done")
    tell(event="done", run=str(run), step=STEPS, seconds=4.0)
    return 0


def between(lines: queue.Queue[str], step: int) -> bool:
    """What is asked for between two steps; False to stop."""
    paused = False
    while paused or not lines.empty():
        line = lines.get()
        if line == "stop":
            return False
        if line == "pause":
            paused = True
            tell(event="paused", step=step)
        if line == "resume":
            paused = False
            tell(event="resumed", step=step)
    return True


def listen(lines: queue.Queue[str]) -> None:
    for line in sys.stdin:
        lines.put(line.strip())
    lines.put("stop")


def package(words: list[str]) -> int:
    run = Path(words[1])
    tell(event="progress", stage="merge", fraction=0.2)
    if "slowpackage" in run.name:
        sys.stdin.read()
        return 130
    if "unpackable" in run.name:
        print("The disk is full: make room, then check it again.", file=sys.stderr)
        return 5
    if not (run / "package").exists():
        make_package(run / "package", run.name)
    tell(event="progress", stage="unet", fraction=0.9)
    tell(event="done", folder=str(run / "package"), name=run.name)
    return 0


def make_package(folder: Path, name: str) -> None:
    """A copy of the one that FAKE_PACKAGE names, which is quicker than making one."""
    ready = os.environ.get("FAKE_PACKAGE")
    if ready:
        shutil.copytree(ready, folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "name": name}))
        return
    spec = importlib.util.spec_from_file_location("tiny_package", TINY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_tiny_package(folder, name=name, text_length=18)


def report(words: list[str]) -> int:
    run = Path(words[1])
    folder = run / "report"
    folder.mkdir(exist_ok=True)
    for name in ("held_out", "general"):
        tell(event="progress", stage="judging: edit 2 of 52", fraction=0.5)
        picture(folder / f"{name}.png", 1.0 if name == "held_out" else 0.3, 1, many=10)
    values = {
        "format": 1,
        "protocol": PROTOCOL,
        "base": {"name": "starter", "sha256": "0" * 64},
        "new": {"name": run.name, "sha256": "1" * 64},
        "held_out": {
            "psnr": {"base": 14.2, "new": 23.9, "gain": 9.7},
            "ssim": {"base": 0.71, "new": 0.86, "gain": 0.15},
            "ciede2000": {"base": 21.4, "new": 6.3, "gain": 15.1},
            "instructions": {},
            "picture": "held_out.png",
            "items": [{}] * 4,
        },
        "general": {"psnr": {"base": 27.31, "new": 27.12, "loss": 0.19}, "items": [{}] * 24},
        "notes": ["Each edit was made with 1 seed."],
        "verdict": "Much better at your edits (9.7 dB closer to what you wanted), and as good as before at everything "
        "else.",
    }
    (folder / "report.json").write_text(json.dumps(values))
    tell(event="done", path=str(folder))
    return 0


def main(words: list[str]) -> int:
    match words[0]:
        case "recipes":
            tell(recipes=RECIPES, default="starter")
            return 0
        case "plan":
            return plan(words)
        case "train":
            return train(words)
        case "package":
            return package(words)
        case _:
            return report(words)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
