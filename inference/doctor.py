"""What works on this machine, and why the rest does not: what there is, and what follows from it.

Nothing here needs the network, torch or a working provider. `examine` gathers facts step by step; `inference.advice`
has the rules that make findings of them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from platform import platform as system_text
from platform import python_version
from typing import Literal

from inference import devices, memory, memory_model
from inference.devices import Devices
from inference.errors import PackageError
from inference.guidance import branches
from inference.memory_facts import Facts, facts_of
from inference.package import ModelPackage
from inference.probe import Probe, probe
from inference.provider import Provider
from inference.providers import AUTO, PROVIDERS
from inference.store import ModelStore

State = Literal["good", "warning", "bad", "info"]

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn")
"""Wheels that share the folder `onnxruntime`: the one installed last overwrote parts of the others."""
LIBRARIES = ("openvino",)
"""Those that stand beside them."""


@dataclass(frozen=True)
class Finding:
    """One line of the report. state: "bad" for what keeps edits from working, "warning" for what could be better.

    text: what there is, or is wrong. advice: what to install or to do, "" where nothing is to be done.
    """

    title: str
    state: State
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Model:
    """A model package at hand. size, steps, branches: of an edit with its own dials, size in pixels.

    facts: what its memory depends on, for each provider.
    """

    name: str
    sha256: str
    folder: str
    bytes: int
    size: int
    steps: int
    branches: int
    facts: Mapping[str, Facts] = field(default_factory=dict[str, Facts], repr=False)

    def needs(self, provider: str, size: int) -> int:
        """Bytes of memory for an edit on a provider at a size in pixels; 0 where that cannot be told."""
        if provider not in self.facts:
            return 0
        return memory_model.estimate(self.facts[provider], provider, size, size, self.branches).total


@dataclass(frozen=True)
class Machine:
    """All that the rules look at.

    runtimes: versions of the wheels of `RUNTIMES` that are installed, libraries: of those of `LIBRARIES`.
    providers: what trying each gave, in the order in which an edit tries them; None for one not tried yet.
    wanted: the provider that edits are told to use, or "auto". broken: why each package that cannot be opened cannot.
    memory_bytes, temporary_bytes: free.
    """

    devices: Devices
    runtimes: Mapping[str, str]
    libraries: Mapping[str, str]
    providers: Mapping[str, Probe | None]
    models: tuple[Model, ...] = ()
    broken: tuple[str, ...] = ()
    memory_bytes: int = 0
    temporary_folder: str = ""
    temporary_bytes: int = 0
    wanted: str = AUTO
    platform: str = sys.platform
    python: str = field(default_factory=python_version)
    system: str = field(default_factory=system_text)

    @property
    def complete(self) -> bool:
        """All providers have been tried."""
        return None not in self.providers.values()

    def works(self, name: str) -> bool:
        """Was tried, and passed."""
        tried = self.providers.get(name)
        return tried is not None and tried.reason is None

    @property
    def used(self) -> str:
        """The provider that an edit uses; "" while none is known."""
        for name in self.providers if self.wanted == AUTO else (self.wanted,):
            if self.providers.get(name) is None or self.works(name):
                return name if self.works(name) else ""
        return ""


def examine(
    store: ModelStore,
    wanted: str = AUTO,
    *,
    providers: Sequence[Provider] = PROVIDERS,
    probe: Callable[[Provider], Probe] = probe,
    runtimes: Sequence[str] = RUNTIMES,
) -> Iterator[Machine]:
    """The machine as far as it is known: at once, and again after each provider that was tried."""
    temporary = Path(tempfile.gettempdir())
    machine = Machine(
        devices.look(),
        _versions(runtimes),
        _versions(LIBRARIES),
        {provider.name: None for provider in providers},
        tuple(_model(package, providers) for package in store.list()),
        tuple(problem for _, problem in store.problems()),
        memory.available_memory(),
        str(temporary),
        shutil.disk_usage(temporary).free,
        wanted,
    )
    yield machine
    for provider in providers:
        machine = replace(machine, providers={**machine.providers, provider.name: probe(provider)})
        yield machine


def facts(machine: Machine) -> dict[str, object]:
    """The machine for JSON."""
    return {
        "python": machine.python,
        "system": machine.system,
        "runtimes": dict(machine.runtimes),
        "libraries": dict(machine.libraries),
        "devices": asdict(machine.devices),
        "providers": [
            {"name": name, **asdict(tried or Probe("It was not tried."))} for name, tried in machine.providers.items()
        ],
        "provider": machine.used,
        "models": [{name: value for name, value in vars(model).items() if name != "facts"} for model in machine.models],
        "memory_bytes": machine.memory_bytes,
        "temporary_folder": machine.temporary_folder,
        "temporary_bytes": machine.temporary_bytes,
    }


def _versions(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _model(package: ModelPackage, providers: Sequence[Provider]) -> Model:
    dials = package.dials
    try:
        facts = {provider.name: facts_of(package, provider.graphs) for provider in providers}
    except PackageError:
        facts = {}  # another exporter's settings may not tell; the model may run all the same
    return Model(
        package.name,
        package.sha256,
        str(package.folder),
        sum(path.stat().st_size for path in package.folder.rglob("*") if path.is_file()),
        dials.size,
        dials.steps,
        len(branches(dials.text_scale, dials.image_scale)),
        facts,
    )
