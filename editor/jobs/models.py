"""What the window knows of a model package."""

from __future__ import annotations

from importlib import metadata

from editor.edits.settings import ModelFacts
from inference.package import ModelPackage

_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")


def facts_of(package: ModelPackage) -> ModelFacts:
    """Off the thread of the window for a package without a manifest: its files are hashed then."""
    dials = package.dials
    return ModelFacts(
        name=package.name,
        sha256=package.sha256,
        precision=package.precision,
        steps=dials.steps,
        text_scale=dials.text_scale,
        image_scale=dials.image_scale,
        sampler=dials.sampler,
        size=dials.size,
        instructions=package.instructions,
        library=library_version(),
    )


def library_version() -> str:
    """The installed runtime and its version ("onnxruntime 1.31.1"), or ""."""
    for name in _RUNTIMES:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return ""
