"""Damaged layered files against the readers, run by hand: every file ends in a document or in one sentence.

    python tests/fuzz/layered.py --files 20000 --seed 1 [--format ora|psd] [--seconds 600] [--keep FOLDER]

OpenRaster files are damaged as bytes, as zip archives (entries renamed, doubled, dropped, packed, lying about their
size), as XML, as JSON and as PNG pictures; Photoshop files as bytes and as numbers. What opens is also drawn, and one
file in eight is saved and opened again. Forked workers do it with a limit on time and memory. Counted: read, refused,
slow, hung, crashed, wrong errors, large (over a gigabyte in memory), written (files where none may be), printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
import traceback
import zlib
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from formats import GOOD, Tally, Worker  # noqa: E402
from layered_damage import damaged_ora, damaged_psd, seeds  # noqa: E402

from editor.core.compositor import composite  # noqa: E402
from editor.core.document import Document, walk  # noqa: E402
from editor.core.errors import InputUnreadable  # noqa: E402
from editor.core.formats.layered_format import StoredVariant  # noqa: E402
from editor.core.formats.opening import open_document  # noqa: E402
from editor.core.formats.ora_write import save_ora  # noqa: E402
from editor.core.geometry import Rect  # noqa: E402
from editor.core.layer import RasterLayer  # noqa: E402
from editor.core.thumbnails import document_thumbnail  # noqa: E402

ADDRESS_SPACE = 6 << 30
MOST_MEMORY = 1024.0
SAVED_SHARE = 8
SAVED_AREA = 1 << 22


def serve(requests: Connection, printed: str) -> None:
    """The worker: opens the files it is told of, with stderr in a file of its own."""
    os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    while True:
        path = requests.recv()
        if path is None:
            return
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory counts from here
        before = peak_mb()
        started = time.process_time()
        outcome = attempt(Path(path))
        used = time.process_time() - started
        more = max(0.0, peak_mb() - before)
        requests.send((f"large: {more:.0f} MB, {outcome}" if more > MOST_MEMORY else outcome, used, more))


def peak_mb() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def attempt(path: Path) -> str:
    """ "read", "refused", or the wrong error's traceback."""
    try:
        opened = open_document(path)
    except InputUnreadable as error:
        text = str(error)
        return "refused" if "\n" not in text and text.endswith(".") else f"not a sentence: {text}"
    except BaseException:
        return traceback.format_exc()
    try:
        if any("\n" in note or not note.endswith(".") for note in opened.notes):
            return f"a note that is no sentence: {opened.notes}"
        document = opened.document
        document_thumbnail(document, 64)
        composite(document, Rect(0, 0, 64, 64))
        if zlib.crc32(path.name.encode()) % SAVED_SHARE == 0 and area(document) <= SAVED_AREA:
            saved_again(path, document, opened.variants)
    except BaseException:
        return traceback.format_exc()
    return "read"


def area(document: Document) -> int:
    return document.width * document.height + sum(
        layer.plane.bounds.width * layer.plane.bounds.height
        for layer in walk(document)
        if isinstance(layer, RasterLayer)
    )


def saved_again(path: Path, document: Document, variants: tuple[StoredVariant, ...]) -> None:
    """What was opened can be saved, and looks the same then."""
    beside = path.with_name("copy.ora")
    try:
        save_ora(beside, document, variants)
        again = open_document(beside).document
    finally:
        beside.unlink(missing_ok=True)
    rect = Rect(0, 0, min(300, document.width), min(300, document.height))
    difference = np.abs(composite(document, rect).astype(int) - composite(again, rect).astype(int)).max(initial=0)
    assert difference == 0, f"saved and opened again it differs by {difference}"


class Forked(Worker):
    """A child process that has everything loaded already."""

    def start(self) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, str(self.printed)), daemon=True)
        self.process.start()
        theirs.close()
        self.path, self.since = None, time.monotonic()


def run(arguments: argparse.Namespace, folder: Path) -> tuple[Tally, int]:
    random, tally, number = np.random.default_rng(arguments.seed), Tally(), 0
    whole = seeds(folder)
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    os.chdir(inner)
    workers = [Forked(folder / f"printed-{place}") for place in range(arguments.workers)]
    places = {worker: inner / f"worker-{place}" for place, worker in enumerate(workers)}
    for place in places.values():
        place.mkdir()
    idle, end = list(workers), time.monotonic() + arguments.seconds
    while (number < arguments.files and time.monotonic() < end) or len(idle) < len(workers):
        while idle and number < arguments.files and time.monotonic() < end:
            kind = arguments.format or ("ora", "psd")[number % 2]
            worker = idle.pop()
            path = places[worker] / f"{number}.{kind}"
            path.write_bytes((damaged_ora if kind == "ora" else damaged_psd)(whole, random))
            worker.give(path)
            number += 1
        for worker in [each for each in workers if each not in idle]:
            path, result = worker.path, worker.taken(arguments.limit)
            if result is not None:
                finished(path, result, tally, arguments)
                idle.append(worker)
    for worker in workers:
        worker.end()
    expected = {path.name for path in folder.glob("seed-*")} | {path.name for path in folder.glob("printed-*")}
    strange = {path.name for path in folder.rglob("*") if path.is_file()} - expected
    tally.outcomes["written"] += len(strange)
    print(*sorted(strange)[:20])
    return tally, number


def finished(path: Path, result: tuple[str, float, float], tally: Tally, arguments: argparse.Namespace) -> None:
    outcome, seconds, memory = result
    kind = outcome if outcome in GOOD else outcome.split(":")[0] if ":" in outcome[:20] else "wrong error"
    tally.add(path.name, "hung" if outcome == "hung" else kind, seconds, memory)
    slow = seconds > arguments.slow
    tally.outcomes["slow"] += slow
    if outcome not in GOOD or slow:
        print(f"{path.name}: {seconds:.1f} s, {memory:.0f} MB: {outcome}")
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / path.name).write_bytes(path.read_bytes())
    path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=["ora", "psd"], help="only this one")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after this long, whatever is left")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds on the clock after which a file has hung")
    parser.add_argument("--slow", type=float, default=5.0, help="seconds of computing that are too many for one file")
    parser.add_argument("--keep", type=lambda text: Path(text).absolute(), help="folder for the files that went wrong")
    arguments = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tally, files = run(arguments, Path(folder))
        os.chdir(ROOT)
        printed = b"".join(path.read_bytes() for path in Path(folder).glob("printed-*"))
    seconds = time.perf_counter() - started
    print(f"{files} files, seed {arguments.seed}, {seconds:.0f} s, {files / seconds:.0f} files/s")
    for (suffix, outcome), count in sorted(tally.by_kind.items()):
        print(f"  {suffix:6} {outcome:12} {count}")
    print(f"  slowest      {tally.slowest:.2f} s ({tally.slowest_name})")
    print(f"  peak memory  {tally.peak_mb:.0f} MB more than before the file")
    print(f"  printed      {len(printed)} bytes on stderr {printed[:500]!r}")
    wrong = {outcome for outcome, count in tally.outcomes.items() if count} - set(GOOD)
    return 1 if wrong or printed else 0


if __name__ == "__main__":
    sys.exit(main())
