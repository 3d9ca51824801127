"""palimpsest doctor: what works on this machine, and why the rest does not."""

from __future__ import annotations

import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from editor.cli import report
from editor.cli.library import library
from editor.cli.version import version
from editor.core import paths
from inference.memory import available_memory
from inference.probe import Probe, probe
from inference.providers import PROVIDERS

# Wheels that share the folder `onnxruntime`: the one installed last overwrote parts of the others.
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn")


@dataclass(frozen=True)
class Examination:
    """`problems`: one sentence for everything that keeps edits from working."""

    version: str
    python: str
    system: str
    runtimes: dict[str, str]
    providers: list[dict[str, str | None]]
    models: list[dict[str, str]]
    memory_bytes: int
    temporary_folder: str
    temporary_bytes: int
    user_folder: str
    problems: list[str]


def examine(as_json: bool) -> int:
    """Print the findings; returns 0 where an edit should work, else 4."""
    found = _examination()
    if as_json:
        report.say_json(asdict(found))
    else:
        _show(found)
    return report.ENGINE if found.problems else 0


def _examination() -> Examination:
    runtimes = _installed_runtimes()
    providers = {provider.name: probe(provider) for provider in PROVIDERS}
    models, model_problems = _models()
    temporary = Path(tempfile.gettempdir())
    return Examination(
        version=version(),
        python=platform.python_version(),
        system=platform.platform(),
        runtimes=runtimes,
        providers=[{"name": name, **asdict(finding)} for name, finding in providers.items()],
        models=models,
        memory_bytes=available_memory(),
        temporary_folder=str(temporary),
        temporary_bytes=shutil.disk_usage(temporary).free,
        user_folder=str(paths.user_folder()),
        problems=[*_runtime_problems(runtimes), *_provider_problems(providers), *model_problems],
    )


def _installed_runtimes() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _RUNTIMES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _runtime_problems(runtimes: dict[str, str]) -> list[str]:
    if not runtimes:
        return ["ONNX Runtime is not installed: pip install 'palimpsest[cpu]', or [cuda] or [directml] in its place."]
    if len(runtimes) > 1:
        names = " and ".join(runtimes)
        return [
            f"{names} are installed together and overwrite each other: uninstall all of them, then install one again."
        ]
    return []


def _provider_problems(providers: dict[str, Probe]) -> list[str]:
    if all(finding.reason for finding in providers.values()):
        return ["No provider works: see the reasons above."]
    return []


def _models() -> tuple[list[dict[str, str]], list[str]]:
    store = library()
    listed = [
        {"name": package.name, "sha256": package.sha256, "folder": str(package.folder)} for package in store.list()
    ]
    broken = [problem for _, problem in store.problems()]
    if not listed and not broken:
        broken = ["No model is installed: add one with palimpsest models add PATH."]
    return listed, broken


def _show(found: Examination) -> None:
    report.say(f"palimpsest {found.version}, Python {found.python}, {found.system}")
    report.say(f"runtime   {', '.join(f'{name} {version}' for name, version in found.runtimes.items()) or 'none'}")
    for finding in found.providers:
        report.say(f"provider  {finding['name']}: {finding['reason'] or 'works'}")
    for model in found.models:
        report.say(f"model     {model['name']} ({model['folder']})")
    report.say(f"memory    {found.memory_bytes / 1e9:.1f} GB free")
    report.say(f"temporary {found.temporary_folder}: {found.temporary_bytes / 1e9:.1f} GB free")
    report.say(f"own files {found.user_folder}")
    for problem in found.problems:
        report.say(f"problem   {problem}")
