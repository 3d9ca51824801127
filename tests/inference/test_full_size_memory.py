"""The full-size architecture in an engine's process of its own: its peaks against the estimate, and what is left.

PALIMPSEST_FULL_SIZE names a package; PALIMPSEST_PROVIDER the provider, cpu if it is not set. Minutes, and up to 10 GB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.memory_model import estimate
from inference.package import open_package
from inference.planner import Planner
from inference.providers import provider_named

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from Linux's proc")]

PROVIDER = os.environ.get("PALIMPSEST_PROVIDER", "cpu")

# Loads the package, edits twice and prints the peak of the resident set in bytes after each stage, as JSON.
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
limit = int(sys.argv[4])
from inference.engine import Engine
from inference.package import open_package
from inference.types import CancelToken, EditRequest, Notice, Variant
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

engine = Engine.open(open_package(Path(sys.argv[1])), sys.argv[2])
size = int(sys.argv[3])
image = np.random.default_rng(0).integers(0, 255, (size, size, 3), np.uint8)
told = {"notices": [], "error": "", "variants": 0, "peaks": {}}
stage, start = "open", time.perf_counter()
request = EditRequest(image, "make it snow", 2, 7.5, 1.5, "euler", size, seeds=(1, 2))
try:
    for event in engine.edit(request, CancelToken(), previews=False):
        if isinstance(event, Notice):
            told["notices"].append(event.text)
        told["variants"] += isinstance(event, Variant)
        told["peaks"][stage] = memory("VmHWM")
        stage = getattr(event, "stage", stage)
    told["peaks"]["end"] = memory("VmHWM")
    told["seconds"] = time.perf_counter() - start
except Exception as error:
    told["error"] = f"{type(error).__name__}: {error}"
told["left"] = memory("VmRSS")
told["anonymous"] = memory("RssAnon")
print(json.dumps(told))
"""


@pytest.fixture
def package() -> Path:
    folder = os.environ.get("PALIMPSEST_FULL_SIZE")
    if not folder:
        pytest.skip("PALIMPSEST_FULL_SIZE names no package.")
    return Path(folder).resolve()


def edited(package: Path, size: int, limit: int = 0) -> dict[str, Any]:
    words = [sys.executable, "-c", PROGRAM, str(package), PROVIDER, str(size), str(limit)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        words, cwd=package.resolve().anchor, env=environment, capture_output=True, text=True, check=True, timeout=900
    )
    told = json.loads(done.stdout.splitlines()[-1])
    print(size, json.dumps(told))
    return told


@pytest.mark.parametrize("size", [256, 512])
def test_the_peak_of_an_edit_is_what_the_estimate_says(package: Path, size: int) -> None:
    provider = provider_named(PROVIDER)
    facts = Planner(open_package(package), provider).facts(provider)
    expected = estimate(facts, PROVIDER, size, size, 3)
    told = edited(package, size)
    peak = told["peaks"]["end"]
    print(f"{size} px on {PROVIDER}: {peak / 1e9:.2f} GB, estimated {expected.total / 1e9:.2f} GB")
    assert told["variants"] == 2 and not told["notices"]
    assert expected.total * 0.8 - 100_000_000 <= peak <= expected.total * 1.05


def test_with_too_little_address_space_an_edit_is_refused_before_anything_is_loaded(package: Path) -> None:
    told = edited(package, 512, limit=4_000_000_000)
    assert told["error"].startswith("EngineMemoryError: This edit needs about")
    assert told["anonymous"] < 1_000_000_000
