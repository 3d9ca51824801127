"""Teaches the bundled model a new instruction on the processor, from pictures made in the editor, and prints what came
of it: on photos it never saw, on what it could do before, in the window, and after going back.

    python -m tests.benchmarks.training [FOLDER] [--crops N] [--set KEY=VALUE]...

FOLDER (a temporary one if not given) becomes the program's home: pairs, training, report and model are left in it. A
training there that was stopped is gone on with. The pictures are scikit-image's photos; the instruction is a duotone of
three layers, as a designer stacks them. Without a screen: QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.changes.add_layer import AddLayer
from editor.core.compositor import composite
from editor.core.document import Document, inserted
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.layer import RasterLayer
from editor.core.paths import HOME_VARIABLE
from editor.core.pixels import over_white
from editor.core.tiles import TileMap
from editor.edits.background import InlineBackground, Progress
from editor.edits.pairs import NewPair, history_span, pair_of
from editor.jobs.pairs import PairsShelf
from inference import child
from training.starter.photos import photo

Rgb = NDArray[np.uint8]

INSTRUCTION = "print it in brown and sky blue"
LAYERS = (
    ("grey", "color", (128, 128, 128)),
    ("brown", "screen", (110, 55, 10)),
    ("sky", "multiply", (175, 215, 255)),
)
"""The look: name, mode and colour of the layers that make it, from below. The bundled model's autoencoder can draw
these colours (31 dB); others come out greyer than they are (teal and cream: 25 dB, whatever is learnt)."""
PHOTOS = (
    "astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "ihc.png", "retina.jpg",
    "hubble_deep_field.jpg", "camera.png", "coins.png", "gravel.png", "brick.png",
)  # fmt: skip
LONG_SIDE = 512
CROP = 256
HELD_OUT = 0.17
"""Share of the photos that is kept for judging."""
BASE, NAME = "starter", "brown-and-sky"


def crops(name: str, count: int) -> Iterator[Rgb]:
    """uint8 (256, 256, 3): parts of a photo at places that its name decides."""
    picture = photo(name, LONG_SIDE)
    scale = max(1.0, CROP / min(picture.shape[:2]))
    picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    rng = np.random.default_rng(sum(name.encode()))
    for _ in range(count):
        y, x = (int(rng.integers(side - CROP + 1)) for side in picture.shape[:2])
        yield np.ascontiguousarray(picture[y : y + CROP, x : x + CROP])


def opened(pixels: Rgb) -> History:
    """A document of one photo, as opening it makes it."""
    height, width = pixels.shape[:2]
    opaque = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
    return History(inserted(Document(width, height), RasterLayer(name="photo", plane=TileMap.of(opaque))))


def printed(history: History) -> None:
    """Lay the three layers over the photo."""
    page = history.document.rect
    for name, mode, colour in LAYERS:
        flat = np.empty((page.height, page.width, 4), np.uint8)
        flat[:] = (*colour, 255)
        history.do(AddLayer(RasterLayer(name=name, blend=mode, plane=TileMap.of(flat))))


def look(pixels: Rgb) -> Rgb:
    """What the designer wants of a photo."""
    history = opened(pixels)
    printed(history)
    return drawn(history.document, history.document.rect)


def drawn(document: Document, rect: Rect) -> Rgb:
    """uint8 (h, w, 3)."""
    return over_white(composite(document, rect))[..., :3]


def made_in_the_editor(count: int) -> Iterator[NewPair]:
    """`count` pairs of each photo: opened, printed, and taken from its history; all of a photo are one group."""
    for name in PHOTOS:
        for pixels in crops(name, count):
            history = opened(pixels)
            printed(history)
            pair = pair_of(history_span(history.root, history.current, name), _Quiet())
            yield replace(pair, instruction=INSTRUCTION, group=name)


class _Quiet(Progress):
    """Nobody looks at the progress."""

    def __call__(self, fraction: float) -> None:
        pass


def collect(home: Path, count: int) -> int:
    """Into the store, as "Use for training" does it; returns how many pairs are there then."""
    shelf = PairsShelf(home / "pairs", aside=InlineBackground())
    shelf.refresh()
    if not shelf.entries:
        shelf.add(tuple(made_in_the_editor(count)))
        print(shelf.message, file=sys.stderr)
    assert not shelf.failed and not shelf.problems, (shelf.message, shelf.problems)
    return len(shelf.entries)


def training(home: Path, *words: str) -> float:
    """Run `python -m training WORDS`; returns seconds."""
    started = time.monotonic()
    environment = {**child.environment(), HOME_VARIABLE: str(home)}
    subprocess.run(child.command("training", words), env=environment, check=True)
    return time.monotonic() - started


def psnr(a: Rgb, b: Rgb) -> float:
    """dB."""
    return float(-10 * np.log10(np.mean(np.square(a.astype(np.float64) - b)) / 255**2))


@dataclass(frozen=True)
class InWindow:
    """What the window made of one photo: closeness to what is wanted, in dB, before and with the new model; whether
    going back gave the old pixels again, bit for bit; the model in use at the end."""

    before: float
    after: float
    same_again: bool
    model: str


def in_window(home: Path, package: Path, name: str) -> InWindow:
    """Generate with the base, install the new model, generate with it, go back, generate again."""
    os.environ[HOME_VARIABLE] = str(home)
    from PySide6.QtWidgets import QApplication

    from tests.e2e.hand import Hand

    hand = Hand(QApplication.instance() or QApplication(["palimpsest"]))
    picture = home / "photo.png"
    cv2.imwrite(str(picture), photo(name, LONG_SIDE)[..., ::-1])
    hand.start(picture)
    hand.wait(lambda: hand.program.desk.current)
    wanted = look(photo(name, LONG_SIDE))
    old = generated(hand, BASE)
    hand.program.library.store().add(package)
    new = generated(hand, NAME)
    again = generated(hand, BASE)
    model = hand.document.edit.variants[-1].recipe.model
    hand.close()
    return InWindow(psnr(old, wanted), psnr(new, wanted), bool(np.array_equal(old, again)), model)


def generated(hand: Any, model: str) -> Rgb:
    """The variant that `model` makes of the open photo, with seed 7: its pixels in the strip."""
    hand.program.window.commands.trigger("model.choose", model)
    edit = hand.document.edit
    edit.instruction, edit.count, edit.seed, edit.seed_locked = INSTRUCTION, 1, 7, True
    made = len(edit.variants)
    hand.program.window.commands.trigger("edit.generate")
    hand.wait(lambda: len(edit.variants) > made and edit.running is None)
    item = edit.variants[-1]
    assert item.done and item.pixels is not None and item.recipe.model == model, (item, edit.message)
    return np.asarray(item.pixels[..., :3])


def table(report: Mapping[str, Any], window: InWindow, seconds: Mapping[str, float], pairs: Mapping[str, int]) -> str:
    """Markdown."""
    held, general = report["held_out"]["psnr"], report["general"]["psnr"]
    rows = (
        ("pairs made in the editor, learnt / kept for judging", f"{pairs['train']} / {pairs['held_out']}", ""),
        ("collecting / training / package / report", " / ".join(f"{s:.0f} s" for s in seconds.values()), "minutes"),
        ("photos never seen, new instruction: base", f"{held['base']:.1f} dB", ""),
        ("photos never seen, new instruction: new model", f"{held['new']:.1f} dB", ""),
        ("gain", f"{held['gain']:.1f} dB", "at least 6"),
        ("general instructions: base", f"{general['base']:.1f} dB", ""),
        ("general instructions: new model", f"{general['new']:.1f} dB", ""),
        ("forgotten", f"{general['loss']:.2f} dB", "less than 0.5"),
        ("in the window, before / with the new model", f"{window.before:.1f} / {window.after:.1f} dB", ""),
        ("after going back, the old pixels bit for bit", "yes" if window.same_again else "no", "yes"),
    )
    return "| what | figure | asked |\n|---|---|---|\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def measure(home: Path, count: int, changes: Sequence[str]) -> str:
    """Everything, one after the other."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ[HOME_VARIABLE] = str(home)
    run = home / "runs" / NAME
    started = time.monotonic()
    collect(home, count)
    seconds = {"collecting": time.monotonic() - started}
    resume = ("--resume",) if (run / "run.json").exists() else ()
    wishes = ("--model", BASE, "--recipe", "starter", "--name", NAME, "--set", f"held_out={HELD_OUT}")
    wishes = (*wishes, *(w for c in changes for w in ("--set", c)))
    seconds["training"] = training(home, "train", str(run), *(resume or wishes))
    seconds["package"] = training(home, "package", str(run), "--name", NAME)
    seconds["report"] = training(home, "report", str(run))
    report = json.loads((run / "report" / "report.json").read_text())
    chosen = json.loads((run / "run.json").read_text())
    window = in_window(home, run / "package", held_out_photo(home, chosen["held_out"]))
    return table(report, window, seconds, {part: len(chosen[part]) for part in ("train", "held_out")})


def held_out_photo(home: Path, ids: Sequence[str]) -> str:
    """A photo whose pairs were kept for judging."""
    shelf = PairsShelf(home / "pairs", aside=InlineBackground())
    shelf.refresh()
    return next(entry.group for entry in shelf.entries if entry.id in ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--crops", type=int, default=5, help="pairs of each photo")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value in the recipe")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="palimpsest-") as aside:
        print(measure(chosen.folder or Path(aside), chosen.crops, chosen.set))


if __name__ == "__main__":
    main()
