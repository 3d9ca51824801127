"""How numbers were made: what has to stand beside every one of them. Without PyTorch."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

from inference.package import ModelPackage
from training.editing import Maker
from training.metrics import METRICS
from training.metrics.psnr import CEILING

EDITS = (
    "as the program makes them: at the model's own dials, with the detail of the full resolution, no mask given to the "
    "model, measured at each picture's own size"
)
_LIBRARIES = ("palimpsest", "numpy", "opencv-python-headless", "onnxruntime", "onnxruntime-gpu", "openvino")
_WITH_ENCODERS = ("torch", "transformers", "Pillow")


def protocol(maker: Maker, seeds: Iterable[int], encoders: bool = False) -> dict[str, object]:
    """Of edits by `maker`, as JSON values. encoders: whether pictures went through CLIP or DINO."""
    return {
        "edits": EDITS,
        "seeds": list(seeds),
        "full_res": maker.full_res,
        "provider": maker.engine.chosen.provider.name,
        "psnr_ceiling": CEILING,
        "metrics": [
            {"name": m.name, "title": m.title, "unit": m.unit, "better": m.better, "digits": m.digits} for m in METRICS
        ],
        "versions": versions(encoders),
    }


def model(package: ModelPackage) -> dict[str, object]:
    """Which one it was."""
    return {
        "name": package.name,
        "sha256": package.sha256,
        "precision": package.precision,
        "licence": package.licence,
        "dials": dataclasses.asdict(package.dials),
    }


def versions(encoders: bool = False) -> Mapping[str, str]:
    """Of Python and of the libraries that decide a number."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in (*_LIBRARIES, *(_WITH_ENCODERS if encoders else ())):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def listed(name: str, ids: Sequence[str]) -> dict[str, object]:
    """Which items were judged: where they come from, how many they are, and a hash over them."""
    return {"name": name, "count": len(ids), "sha256": hash_of(ids)}


def hash_of(ids: Iterable[str]) -> str:
    """One hash over the items, in whatever order: equal where two reports judged the same."""
    return hashlib.sha256("".join(f"{id}\n" for id in sorted(ids)).encode()).hexdigest()
