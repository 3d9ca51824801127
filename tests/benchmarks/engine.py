"""The engine beside diffusers' pipeline: the real architecture, the same edit, every contender in its own process.

    python -m tests.benchmarks.engine                       # on the processor
    python -m tests.benchmarks.engine --device cuda --parts # on an NVIDIA card, also without each part of the engine
    python -m tests.benchmarks.engine --steps 4 --only diffusers ours-openvino
    python -m tests.benchmarks.engine --only ours-cuda,replay=off ours-cpu,graphs=model --results FOLDER

Same photo, instruction, scales, steps, sampler and start noise for all. Without --package and --source it makes the
real architecture with random weights first (see full_size.py), which cost what the real ones cost. Each contender's
figures are kept in --results as they come; what is there already is not measured again, so that a run can be stopped
and taken up, and ratios are those of one folder. Prints one line as each contender ends, and the Markdown table.

Per contender: seconds until the models are loaded (from the start of the process), and three edits: the first, a whole
one with everything warm and nothing of it encoded before, and the first one again, whose encodings are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference.package import open_package
from tests.benchmarks.engine_contenders import CONTENDERS, PARTS, Contender, Job, parse
from tests.benchmarks.engine_table import line, table
from tests.benchmarks.engine_watch import Watch, load

ROOT = Path(__file__).parents[2]
SAMPLE_SECONDS = 0.05
QUIET = 0.3  # the load above which figures are not to be claimed
BUSY = 0.1  # cores that other processes may keep busy meanwhile
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run(job: Job, contender: Contender, folder: Path, limit: float) -> dict[str, Any]:
    """Measures one contender in a child process; returns and keeps its figures, or `{"failed": reason}`, not kept."""
    base = folder / f"{_file_name(contender.name)}-{job.key}"
    task = base.with_suffix(".task.json")
    busy = load()
    result = base.with_suffix(".json.part")
    content = {"job": job.as_json(), "contender": asdict(contender), "started": time.time(), "result": str(result)}
    task.write_text(json.dumps(content), encoding="utf-8")
    with base.with_suffix(".log").open("w", encoding="utf-8") as log:
        watch, code = _watched([sys.executable, "-m", "tests.benchmarks.engine_child", str(task)], log, limit)
    task.unlink()
    if code != 0:
        return {"contender": contender.name, "failed": _reason(base.with_suffix(".log"), code, limit)}
    found = json.loads(result.read_text(encoding="utf-8"))
    watch.peak.total = max(watch.peak.total, found["own_peak"])
    memory = {"peak": asdict(watch.peak), "stages": {name: asdict(peak) for name, peak in watch.stages.items()}}
    found |= {"contender": contender.name, "device": contender.device, "precision": contender.precision}
    found |= {"switches": dict(contender.switches), "memory": memory, "busy": busy, "others": watch.others()}
    result.with_suffix(".npz").replace(base.with_suffix(".npz"))
    result.unlink()
    base.with_suffix(".json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def kept(job: Job, contender: Contender, folder: Path) -> dict[str, Any] | None:
    """What an earlier run found, where it measured at least the edits asked for."""
    file = folder / f"{_file_name(contender.name)}-{job.key}.json"
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    asked = [name for name in job.edits if contender.kind == "ours" or name != "cached"]
    return found if all(name in found["edits"] for name in asked) else None


def results(job: Job, folder: Path) -> dict[str, dict[str, Any]]:
    """All that is kept of this job, by the contender's name."""
    files = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob(f"*-{job.key}.json")]
    order = [contender.name for contender in CONTENDERS]
    files.sort(key=lambda found: (order.index(found["contender"].split(",")[0]), found["contender"]))
    return {found["contender"]: found for found in files}


def pictures(job: Job, folder: Path, name: str) -> dict[str, Any]:
    """The first edit's picture and latent that a contender left."""
    with np.load(folder / f"{_file_name(name)}-{job.key}.npz") as arrays:
        return dict(arrays)


def floor(job: Job, device: str, folder: Path, again: bool = False) -> dict[str, Any] | None:
    """What engine_floor.py finds on this device, measured once unless `again`; None where it cannot be measured."""
    file = folder / f"floor-{device}-{job.width}x{job.height}.txt"
    if again or not file.is_file():
        precisions = ("fp32", "bf16") if device == "cpu" else ("fp32", "fp16")
        command = [sys.executable, "-m", "tests.benchmarks.engine_floor", job.source, str(job.width), str(job.height)]
        done = subprocess.run([*command, device, *precisions], cwd=ROOT, env=_environment(), capture_output=True)
        if done.returncode != 0:
            return None
        file.write_bytes(done.stdout)
    return json.loads(file.read_text(encoding="utf-8"))


def photo(file: Path, given: Path | None, width: int, height: int) -> Path:
    """A picture of exactly this size, so that neither side has to scale or pad; made up where none is given."""
    if given is not None:
        image = cv2.imread(str(given), cv2.IMREAD_COLOR)
        if image is None:
            sys.exit(f"{given} cannot be read as a picture.")
        cv2.imwrite(str(file), cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        return file
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(width, height)
    waves = np.stack([np.sin(9 * x + 4 * y * y), np.cos(7 * y - 5 * x * x), np.sin(31 * x * y)], axis=-1)
    grain = np.random.RandomState(1).standard_normal((height, width, 1)) * 0.05
    cv2.imwrite(str(file), np.clip((waves * 0.4 + 0.5 + grain) * 255, 0, 255).astype(np.uint8))
    return file


def _watched(command: list[str], log: Any, limit: float) -> tuple[Watch, int | None]:
    """Runs the child and looks at it all the while; its exit code, or None where it did not end within the limit."""
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=log, text=True
    ) as child:
        watch, end = Watch(child.pid), time.monotonic() + limit
        reader = threading.Thread(target=_follow, args=(child, watch), daemon=True)
        reader.start()
        try:
            while child.poll() is None and time.monotonic() < end:
                watch.look()
                time.sleep(SAMPLE_SECONDS)
            code = child.poll()
        finally:
            child.kill()  # nothing is left running when the benchmark itself is stopped
        reader.join(timeout=5)
    return watch, code


def _follow(child: subprocess.Popen[str], watch: Watch) -> None:
    for text in child.stdout or ():
        if text.startswith('{"stage"'):
            watch.stage = json.loads(text)["stage"]


def _environment() -> dict[str, str]:
    """A child counts its threads itself: what was set for other purposes would slow it down unseen."""
    return {name: value for name, value in os.environ.items() if name not in THREADS}


def _reason(log: Path, code: int | None, limit: float) -> str:
    if code is None:
        return f"it did not end within {limit:.0f} s"
    lines = [text for text in log.read_text(encoding="utf-8", errors="replace").splitlines() if text.strip()]
    return lines[-1].split("Error: ", 1)[-1][:300] if lines else f"it ended with code {code}"


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_=+" else "_" for letter in name)


def _model(chosen: argparse.Namespace) -> tuple[Path, Path]:
    """The folders of the package and of diffusers; both or none have to be given."""
    if (chosen.package is None) != (chosen.source is None):
        sys.exit("Name both --package and --source, of the same weights, or none of them.")
    if chosen.package is not None:
        return chosen.package, chosen.source
    folder = chosen.results / "model"
    subprocess.run([sys.executable, "-m", "tests.benchmarks.full_size", str(folder), "--package"], cwd=ROOT, check=True)
    return folder / "package", folder / "source"


def _with_graphs(package: Path, folder: Path) -> Path:
    """The package in another folder, its files linked, with the graphs of engine_graphs.py beside its own."""
    if not folder.exists():
        making = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(package, making, copy_function=_linked)
        subprocess.run([sys.executable, "-m", "tests.benchmarks.engine_graphs", str(making)], cwd=ROOT, check=True)
        making.rename(folder)
    return folder


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _job(chosen: argparse.Namespace) -> Job:
    package, source = _model(chosen)
    if chosen.parts and chosen.device == "cuda":
        package = _with_graphs(package.resolve(), chosen.results.resolve() / "parts")
    width, height = (
        int(side) for side in (chosen.size if "x" in chosen.size else f"{chosen.size}x{chosen.size}").split("x")
    )
    picture = photo(chosen.results / f"photo-{width}x{height}.png", chosen.photo, width, height)
    weights = open_package(package).sha256
    named = {"package": package.resolve(), "source": source.resolve(), "photo": picture.resolve()}
    return Job(
        **{name: str(path) for name, path in named.items()},
        width=width,
        height=height,
        weights=weights,
        steps=chosen.steps,
        threads=chosen.threads,
        edits=tuple(chosen.edits.split(",")),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, help="a model package")
    parser.add_argument("--source", type=Path, help="the same weights as a folder of diffusers")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--size", default="512", help="512, or 768x512; multiples of 64")
    parser.add_argument("--photo", type=Path)
    parser.add_argument(
        "--only", nargs="+", metavar="CONTENDER", help="names, each with switches: ours-cpu,graphs=model"
    )
    parser.add_argument("--parts", action="store_true", help="also without each part of the engine, and with savings")
    parser.add_argument("--edits", default="first,whole,cached")
    parser.add_argument("--threads", type=int, default=0, help="one per physical core by default")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "palimpsest-engine")
    parser.add_argument("--again", action="store_true", help="measure what is kept already once more")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for each contender")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a quiet machine, before each")
    return parser.parse_args()


def _wait_until_quiet(seconds: float) -> None:
    end = time.monotonic() + seconds
    while load() > QUIET and time.monotonic() < end:
        time.sleep(5)
    if load() > QUIET:
        print(f"The machine is busy (load {load():.1f}): these figures are not to be claimed.", file=sys.stderr)


def _default(device: str, parts: bool) -> list[str]:
    names = [contender.name for contender in CONTENDERS if contender.device == device]
    return [*names, *(PARTS[device] if parts else ())]


def main() -> None:
    chosen = _arguments()
    chosen.results.mkdir(parents=True, exist_ok=True)
    try:
        asked = [parse(text) for text in chosen.only or _default(chosen.device, chosen.parts)]
    except ValueError as error:
        sys.exit(str(error))
    job = _job(chosen)
    failed: dict[str, str] = {}
    for contender in asked:
        found = None if chosen.again else kept(job, contender, chosen.results)
        if found is None:
            _wait_until_quiet(chosen.wait)
            found = run(job, contender, chosen.results, chosen.limit)
        if "failed" in found:
            failed[contender.name] = found["failed"]
        print(line(found), file=sys.stderr, flush=True)
    for device in sorted({contender.device for contender in asked}):
        measured = {name: found for name, found in results(job, chosen.results).items() if found["device"] == device}
        shown = {name: pictures(job, chosen.results, name) for name in measured}
        print(f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores, {job.width} x {job.height}, ", end="")
        print(f"{job.steps} steps of {job.sampler}, scales {job.text_scale} and {job.image_scale}.\n")
        print(
            table(
                job,
                device,
                measured,
                shown,
                floor(job, device, chosen.results, chosen.again) if measured else None,
                BUSY,
            )
        )
    for name, reason in failed.items():
        print(f"\n{name} failed: {reason}")


if __name__ == "__main__":
    main()
