"""Mutated pictures against the readers, run by hand: every file has to end in pixels or in one sentence.

    python tests/fuzz/formats.py --files 20000 --seed 1 [--keep FOLDER]

Seeds of PNG, JPEG, WebP, TIFF (and a few of BMP, GIF, AVIF) in many modes are damaged: bytes and bits changed, numbers
made extreme, pieces cut out, doubled, swapped between files, ends cut off. Worker processes read them with a time limit
per file. Counted: read, refused, slow, hung (over the limit: the worker is killed), crashed (the worker died), wrong
errors (anything but InputUnreadable), printed (bytes on stderr), peak memory. Whatever is not read or refused is kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from editor.core.errors import InputUnreadable  # noqa: E402
from editor.core.formats import png  # noqa: E402
from editor.core.formats.flat import info, read_flat, write_flat  # noqa: E402
from editor.core.formats.format import FlatImage  # noqa: E402

MOST_PIXELS = 32_000_000
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
GOOD = ("read", "refused")


@dataclass
class Tally:
    """What became of the files so far."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    by_kind: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    slowest: float = 0.0
    slowest_name: str = ""
    peak_mb: float = 0.0

    def add(self, name: str, outcome: str, seconds: float, peak_mb: float) -> None:
        self.outcomes[outcome] += 1
        self.by_kind[Path(name).suffix, outcome] += 1
        self.peak_mb = max(self.peak_mb, peak_mb)
        if seconds > self.slowest:
            self.slowest, self.slowest_name = seconds, name


def seeds(folder: Path) -> list[tuple[str, bytes]]:
    """(suffix, bytes) of small pictures in every mode that the writers of Pillow and our own can make."""
    made = list[tuple[str, bytes]]()
    for suffix, mode, options in pillow_seeds():
        buffer = BytesIO()
        image = Image.radial_gradient("L").resize((23, 17)).convert("RGB" if mode in ("P", "CMYK", "LAB") else mode)
        if mode == "LAB":
            image = Image.frombytes("LAB", image.size, image.tobytes())
        image = image if image.mode == mode else image.convert(mode)
        image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix), **options)
        made.append((f".{suffix}", buffer.getvalue()))
    return made + own_seeds(folder)


def pillow_seeds() -> list[tuple[str, str, dict[str, Any]]]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif[0x8769] = {0xA002: 23, 0xA003: 17}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    described: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": profile, "dpi": (300, 300)}
    more = [Image.new("RGB", (23, 17), colour) for colour in ("red", "blue")]
    several: dict[str, Any] = {"save_all": True, "append_images": more}
    cases = [("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    cases += [("png", "RGB", described), ("png", "RGB", several), ("png", "P", {"transparency": bytes(range(200))})]
    cases += [("jpg", mode, {}) for mode in ("L", "RGB", "CMYK")]
    cases += [("jpg", "RGB", described), ("jpg", "RGB", {"progressive": True}), ("jpg", "RGB", {"subsampling": 2})]
    cases += [("webp", mode, {"lossless": lossless}) for mode in ("RGB", "RGBA") for lossless in (False, True)]
    cases += [("webp", "RGB", described | {"lossless": True}), ("webp", "RGB", several)]
    packings = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "LAB", "YCbCr")
    cases += [("tif", mode, {"compression": packing}) for mode in modes for packing in packings]
    cases += [("tif", "RGB", {"compression": "jpeg"}), ("tif", "1", {"compression": "group4"})]
    cases += [("tif", "RGB", described), ("tif", "RGB", several)]
    cases += [("bmp", "P", {}), ("gif", "P", {}), ("gif", "P", {"interlace": 1}), ("avif", "RGB", described)]
    return cases


def own_seeds(folder: Path) -> list[tuple[str, bytes]]:
    made = list[tuple[str, bytes]]()
    random = np.random.default_rng(0)
    for suffix in (".png", ".tif"):
        for channels in (3, 4):
            path = folder / f"seed{suffix}"
            write_flat(path, FlatImage(random.integers(0, 65535, (17, 23, channels), np.uint16), icc=None))
            made.append((suffix, path.read_bytes()))
    for options in ({"planarconfig": "separate"}, {"tile": (16, 16)}, {"predictor": 2, "byteorder": ">"}):
        for depth in (np.uint8, np.uint16):
            samples = random.integers(0, 255, (3, 17, 23) if "planarconfig" in options else (17, 23, 3), depth)
            buffer = BytesIO()
            tifffile.imwrite(buffer, samples, photometric="rgb", compression="zlib", **options)
            made.append((".tif", buffer.getvalue()))
    return made


def damaged(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Mostly one or two accidents, rarely eight; half of the PNG files get right checksums again."""
    result = bytearray(data)
    for _ in range(min(8, random.geometric(0.5))):
        if len(result) < 8:
            break
        accident(result, other, random)
    if result.startswith(png.MAGIC) and random.random() < 0.5:
        summed(result)
    return bytes(result)


def summed(data: bytearray) -> None:
    """Puts the right checksum behind every chunk of a PNG file, as far as they can be followed."""
    at = len(png.MAGIC)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big") if end + 4 <= len(data) else b""
        at = end + 4


def accident(data: bytearray, other: bytes, random: np.random.Generator) -> None:
    at = int(len(data) * random.random() ** random.choice([1, 1, 3]))
    kind = random.integers(0, 9)
    if kind <= 1:
        data[min(at, len(data) - 1)] = random.integers(0, 256)
    elif kind == 2:
        data[min(at, len(data) - 1)] ^= 1 << random.integers(0, 8)
    elif kind <= 4:
        size = int(random.choice([1, 2, 4]))
        value = int(random.choice(EXTREMES)) & (256**size - 1)
        data[at : at + size] = value.to_bytes(size, random.choice(["big", "little"]))
    elif kind == 5:
        del data[at : at + int(random.integers(1, 40))]
    elif kind == 6:
        piece = data[at : at + int(random.integers(1, 60))]
        data[at:at] = piece
    elif kind == 7:
        start = int(random.integers(0, len(other)))
        piece = other[start : start + int(random.integers(1, 60))]
        data[at : at + len(piece)] = piece
    else:
        del data[max(4, at) :]


def serve(requests: Connection, printed: str) -> None:
    """The worker: reads the files it is told of, with stderr in a file of its own."""
    os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    while True:
        path = requests.recv()
        if path is None:
            return
        started = time.process_time()
        outcome = attempt(Path(path))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        requests.send((outcome, time.process_time() - started, peak))


def attempt(path: Path) -> str:
    """ "read", "refused", or the wrong error's traceback."""
    outcome = "refused"
    for work in (info, lambda path: read_flat(path, max_pixels=MOST_PIXELS)):
        try:
            found = work(path)
        except InputUnreadable as error:
            if "\n" in str(error) or not str(error).endswith("."):
                return f"not a sentence: {error}"
            continue
        except BaseException:
            return traceback.format_exc()
        if isinstance(found, FlatImage):
            outcome = "read"
            if found.pixels.ndim != 3 or found.pixels.shape[2] not in (3, 4) or found.pixels.dtype.itemsize > 2:
                return f"odd pixels: {found.pixels.shape} {found.pixels.dtype}"
    return outcome


class Worker:
    """One child process, started again whenever it dies or has to be killed."""

    def __init__(self, printed: Path) -> None:
        self.printed = printed
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, str(self.printed)), daemon=True)
        self.process.start()
        theirs.close()
        self.path, self.since = None, time.monotonic()

    def give(self, path: Path) -> None:
        self.path, self.since = path, time.monotonic()
        self.pipe.send(str(path))

    def taken(self, limit: float) -> tuple[str, float, float] | None:
        """(outcome, seconds, peak MB) once there is one."""
        seconds = time.monotonic() - self.since
        try:
            if self.pipe.poll(0.001):
                return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode
            self.start()
            return f"crashed: exit code {code}", seconds, 0.0
        if seconds <= limit:
            return None
        self.process.kill()
        self.process.join()
        self.start()
        return "hung", seconds, 0.0

    def end(self) -> None:
        self.pipe.send(None)
        self.process.join(10)


def run(arguments: argparse.Namespace, folder: Path) -> Tally:
    random = np.random.default_rng(arguments.seed)
    made, tally = seeds(folder), Tally()
    workers = [Worker(folder / f"printed-{number}") for number in range(arguments.workers)]
    idle, number = list(workers), 0
    while number < arguments.files or len(idle) < len(workers):
        while idle and number < arguments.files:
            suffix, data = made[random.integers(len(made))]
            path = folder / f"{number}{suffix}"
            path.write_bytes(damaged(data, made[random.integers(len(made))][1], random))
            idle.pop().give(path)
            number += 1
        for worker in [each for each in workers if each not in idle]:
            path, result = worker.path, worker.taken(arguments.limit)
            if result is not None:
                finished(path, result, tally, arguments)
                idle.append(worker)
    for worker in workers:
        worker.end()
    return tally


def finished(path: Path, result: tuple[str, float, float], tally: Tally, arguments: argparse.Namespace) -> None:
    outcome, seconds, peak = result
    tally.add(
        path.name, outcome.splitlines()[0] if outcome.startswith("crashed") else shortened(outcome), seconds, peak
    )
    slow = seconds > arguments.slow
    if slow:
        tally.outcomes["slow"] += 1
    if outcome not in GOOD or slow:
        print(f"{path.name}: {outcome} after {seconds:.2f} s")
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / path.name).write_bytes(path.read_bytes())
    path.unlink()


def shortened(outcome: str) -> str:
    return outcome if outcome in (*GOOD, "hung") else "wrong error"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--limit", type=float, default=20.0, help="seconds on the clock after which a file counts as hung"
    )
    parser.add_argument(
        "--slow", type=float, default=2.0, help="seconds of computing after which a file is worth a look"
    )
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    arguments = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(arguments, Path(folder))
        printed = sum(path.stat().st_size for path in Path(folder).glob("printed-*"))
        sample = b"".join(path.read_bytes() for path in Path(folder).glob("printed-*"))[:500]
    seconds = time.perf_counter() - started
    print(f"{arguments.files} files, seed {arguments.seed}, {seconds:.0f} s, {arguments.files / seconds:.0f} files/s")
    for outcome, count in sorted(tally.outcomes.items()):
        print(f"  {outcome:12} {count}")
    for (suffix, outcome), count in sorted(tally.by_kind.items()):
        print(f"    {suffix:6} {outcome:12} {count}")
    print(f"  slowest      {tally.slowest:.2f} s ({tally.slowest_name})")
    print(f"  peak memory  {tally.peak_mb:.0f} MB in a worker, at most {MOST_PIXELS / 1e6:.0f} megapixels a file")
    print(f"  printed      {printed} bytes on stderr {sample!r}" if printed else "  printed      nothing on stderr")
    return 0 if set(tally.outcomes) <= {*GOOD, "slow"} and not printed else 1


if __name__ == "__main__":
    sys.exit(main())
