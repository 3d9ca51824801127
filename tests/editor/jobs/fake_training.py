"""A stand-in for `python -m training`: speaks its words and events, makes a tiny package, and fails when it is told to.

What it does is said by the source's name: "broken" fails with a sentence, "crash" with a traceback, "slow" works until
its input ends, "deaf" does not even listen to that, "lora" is one, "huge" needs more disk than there is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path

TINY = Path(__file__).resolve().parents[2] / "tiny_package.py"


def tell(**values: object) -> None:
    print(json.dumps(values), flush=True)


def look(source: Path) -> int:
    name = source.stem
    if "unknown" in name:
        tell(kind="", name=name, licence="unknown", bytes=1, needs_bytes=0, needs_train=False,
             problem=f"{source} is no model that is known: choose another.")  # fmt: skip
        return 0
    kind = "onnx" if "onnx" in name else "lora" if "lora" in name else "single" if source.is_file() else "diffusers"
    problem = f"{source} is a text-to-image model: choose an InstructPix2Pix model." if "wrong" in name else ""
    needs = 10**18 if "huge" in name else 5000
    tell(
        kind=kind,
        name=name,
        licence="MIT",
        bytes=123456,
        needs_bytes=needs,
        needs_train="torch" in name,
        problem=problem,
    )
    return 0


def import_model(source: Path, words: list[str]) -> int:
    options = {word: words[at + 1] for at, word in enumerate(words[:-1]) if word.startswith("-")}
    folder = Path(options["-o"])
    (folder.parent / ".half.part").write_text("half a package")
    tell(event="progress", stage="load", fraction=0.1)
    if "slow" in source.stem or "deaf" in source.stem:
        time.sleep(60)
    if "broken" in source.stem:
        print("warming up\nThe UNet of the model is damaged: fetch it again.", file=sys.stderr)
        return 4
    if "disk" in source.stem:
        print("The disk is full: make room.", file=sys.stderr)
        return 5
    if "crash" in source.stem:
        raise RuntimeError("a fault of the importer")
    (folder.parent / ".half.part").unlink()
    spec = importlib.util.spec_from_file_location("tiny_package", TINY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_tiny_package(folder, name=options["--name"])
    tell(event="progress", stage="unet", fraction=0.7)
    tell(event="progress", stage="unet parity", fraction=1.0)
    parity = [
        {"component": "unet", "relative": 2e-5, "max_abs": 1e-4},
        {"component": "vae_decoder", "relative": 1e-6, "max_abs": 1e-5},
    ]
    done = {"folder": str(folder), "name": options["--name"], "licence": "MIT", "sha256": "0" * 64, "bytes": 1}
    notes = [" ".join(words)] if "notes" in source.stem else []
    tell(event="done", **done, parity=parity, seconds=1.5, notes=notes)
    return 0


def fetch(source: str, words: list[str]) -> int:
    name = source.rpartition("/")[2]
    files = [{"path": "a", "size": 2000}]
    tell(event="plan", host="example.com", name=name, licence="MIT", bytes=2000, files=files)
    if "--plan" in words:
        return 0
    folder = Path(words[words.index("-o") + 1]) / name
    folder.mkdir(parents=True, exist_ok=True)
    tell(event="progress", stage="fetch a", fraction=0.5)
    tell(event="done", path=str(folder), name=name, licence="MIT", bytes=2000)
    return 0


def listen() -> None:
    while os.read(0, 100):
        pass
    print("The import was cancelled.", file=sys.stderr, flush=True)
    os._exit(130)


def main(words: list[str]) -> int:
    if not any("deaf" in word for word in words):
        threading.Thread(target=listen, daemon=True).start()
    if words[0] == "fetch":
        return fetch(words[1], words[2:])
    return look(Path(words[1])) if words[0] == "look" else import_model(Path(words[1]), words[2:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
