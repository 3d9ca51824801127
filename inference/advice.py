"""The rules of the doctor: what the facts of a machine mean, and what to install or to do.

Each rule looks at a `Machine` and makes findings; `SECTIONS` says where they stand. Adding one is one function and one
name in that table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from inference.doctor import Finding, Machine, Model, State
from inference.gpus import AMD, APPLE, INTEL, NVIDIA, Gpu
from inference.memory import readable
from inference.speed import Speed

Rule = Callable[[Machine], Iterator[Finding]]

LEAST_DRIVER = 580
"""NVIDIA's, for the CUDA 13 that ONNX Runtime brings."""
LEAST_TEMPORARY = 2 << 30
"""Bytes in the temporary folder: undo and the pixels of an edit go there."""
SIZES = (1024, 768, 640, 512, 448, 384, 320, 256)

TITLES: Mapping[str, str] = {
    "cuda": "NVIDIA GPU (CUDA)",
    "directml": "Windows GPU (DirectML)",
    "coreml": "Apple GPU (Core ML)",
    "openvino": "OpenVINO",
    "cpu": "CPU",
}
_WORDS = {
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "avx512_bf16": "AVX-512 bfloat16",
    "amx": "AMX bfloat16",
    "arm_bf16": "bfloat16",
}
_WHEELS: Mapping[str, tuple[str, ...]] = {
    "cuda": ("onnxruntime-gpu",),
    "directml": ("onnxruntime-directml",),
    "openvino": ("openvino", "onnxruntime-openvino"),
}
_GRAPHICS = ("cuda", "directml", "coreml")


def findings(machine: Machine) -> dict[str, tuple[Finding, ...]]:
    """All findings, by section."""
    return {name: tuple(found for rule in rules for found in rule(machine)) for name, rules in SECTIONS.items()}


def problems(machine: Machine) -> list[str]:
    """One sentence or two for everything that keeps edits from working."""
    found = (finding for lines in findings(machine).values() for finding in lines)
    return [f"{finding.text} {finding.advice}".strip() for finding in found if finding.state == "bad"]


def processor(machine: Machine) -> Iterator[Finding]:
    """Its name, cores and instructions; OpenVINO where that would be faster."""
    chip = machine.devices.processor
    words = [_WORDS[word] for word in chip.instructions if word in _WORDS]
    text = ", ".join((f"{chip.cores} {'core' if chip.cores == 1 else 'cores'}", *words))
    said_of_card = any(gpu.vendor == INTEL for gpu in machine.devices.gpus)
    advice = "" if _on_a_card(machine) or said_of_card else _openvino(machine)
    yield Finding(chip.name, "warning" if advice and chip.bf16 else "info", f"{text}.", advice)


def cards(machine: Machine) -> Iterator[Finding]:
    """Each graphics card, and how to have edits run on it; that is known once everything has been tried."""
    for gpu in machine.devices.gpus:
        state, said, advice = _CARDS.get(gpu.vendor, _other_card)(machine, gpu)
        if not machine.complete and state != "good":
            state, said, advice = "info", "", ""
        text = ", ".join(filter(None, (_memory(gpu), f"driver {gpu.driver}" if gpu.driver else "", said)))
        yield Finding(gpu.name, state, f"{text[:1].upper()}{text[1:]}." if text else "", advice)
    if not machine.devices.gpus:
        yield Finding("Graphics card", "info", "None that edits could run on was found.")


def _nvidia(machine: Machine, gpu: Gpu) -> tuple[State, str, str]:
    if machine.works("cuda") or machine.works("directml"):
        return "good", "edits can run on it", ""
    if not gpu.driver:
        return "warning", "it has no driver", f"Install NVIDIA's driver, version {LEAST_DRIVER} or later."
    old = 0 < gpu.driver_number < LEAST_DRIVER
    update = f"Update NVIDIA's driver to version {LEAST_DRIVER} or later." if old else ""
    if machine.runtimes and "onnxruntime-gpu" not in machine.runtimes:
        return "warning", "the installed ONNX Runtime cannot use it", f"{_instead(machine, 'cuda')} {update}".strip()
    if update:
        return "warning", "its driver is too old", update
    return "warning", "edits cannot run on it: see CUDA below", ""


def _intel(machine: Machine, gpu: Gpu) -> tuple[State, str, str]:
    if machine.works("openvino") or machine.works("directml"):
        return "good", "edits can run on it", ""
    return "warning", "nothing installed can use it", _openvino(machine) or _directml(machine)


def _amd(machine: Machine, gpu: Gpu) -> tuple[State, str, str]:
    if machine.works("directml"):
        return "good", "edits can run on it", ""
    if machine.platform == "win32":
        return "warning", "the installed ONNX Runtime cannot use it", _directml(machine)
    return "info", "AMD's cards work on Windows only; edits run on the processor here", ""


def _apple(machine: Machine, gpu: Gpu) -> tuple[State, str, str]:
    works = machine.works("coreml")
    return ("good", "edits can run on it", "") if works else ("info", "shares the processor's memory", "")


def _other_card(machine: Machine, gpu: Gpu) -> tuple[State, str, str]:
    if machine.works("directml"):
        return "good", "edits can run on it", ""
    return "info", "", _directml(machine)


_CARDS: Mapping[str, Callable[[Machine, Gpu], tuple[State, str, str]]] = {
    NVIDIA: _nvidia,
    INTEL: _intel,
    AMD: _amd,
    APPLE: _apple,
}


def runtime(machine: Machine) -> Iterator[Finding]:
    """Exactly one of the wheels that share a folder; OpenVINO does without."""
    names = " and ".join(machine.runtimes)
    if len(machine.runtimes) > 1:
        text = f"{names} are installed together and overwrite each other."
        yield Finding("ONNX Runtime", "bad", text, "Uninstall all of them, then install one again.")
    elif machine.runtimes:
        yield Finding("ONNX Runtime", "good", f"{names} {machine.runtimes[names]}.")
    elif machine.complete:
        state: State = "info" if machine.works("openvino") else "bad"
        advice = "pip install 'palimpsest[cpu]', or [cuda] or [directml] in its place."
        yield Finding("ONNX Runtime", state, "ONNX Runtime is not installed.", advice)


def providers(machine: Machine) -> Iterator[Finding]:
    """Each way to compute: whether it works, and why not."""
    for name, tried in machine.providers.items():
        title = TITLES.get(name, name)
        if tried is None:
            yield Finding(title, "info", "Not tried yet.")
        elif tried.reason is None:
            yield Finding(title, "good", "Works; edits run on it." if name == machine.used else "Works.")
        elif _missing_device(machine, name):
            yield Finding(title, "info", f"Not for this machine: {_missing_device(machine, name)}.")
        else:
            yield Finding(title, "warning" if _installed(machine, name) else "info", tried.reason)


def used(machine: Machine) -> Iterator[Finding]:
    """That something works, and that it is what was asked for."""
    if not machine.complete or machine.used:
        return
    if machine.wanted in machine.providers and any(map(machine.works, machine.providers)):
        text = f"Edits are set to run on {TITLES.get(machine.wanted, machine.wanted)}, which does not work."
        yield Finding("Edits", "bad", text, "Choose auto in the preferences.")
    else:
        yield Finding("Edits", "bad", "No provider works: see the reasons above.")


def models(machine: Machine) -> Iterator[Finding]:
    """Each model, those that cannot be opened, and that there is one."""
    for model in machine.models:
        needs = model.needs(_counted(machine), model.size)
        memory = f", about {readable(needs)} of memory" if needs else ""
        text = f"{readable(model.bytes)} on the disk{memory}; {model.size} pixels, {model.steps} steps."
        yield Finding(model.name, "good", text)
    for problem in machine.broken:
        yield Finding("Damaged model", "bad", problem)
    if not machine.models and not machine.broken:
        yield Finding(
            "No model",
            "bad",
            "No model is installed.",
            "Add one with Models... in the menu Model, or palimpsest models add PATH.",
        )


def memory(machine: Machine) -> Iterator[Finding]:
    """What is free, and which models do not fit into it."""
    yield Finding("Memory", "info", f"{readable(machine.memory_bytes)} free.")
    for model in machine.models:
        free, what = _room(machine)
        if model.needs(_counted(machine), model.size) > free:
            yield _too_large(machine, model, free, what)


def temporary(machine: Machine) -> Iterator[Finding]:
    """Room for undo and the pixels of edits."""
    text = f"{readable(machine.temporary_bytes)} free in {machine.temporary_folder}."
    if machine.temporary_bytes < LEAST_TEMPORARY:
        yield Finding("Temporary files", "warning", text, "Free some space there, or set TMPDIR to another folder.")
    else:
        yield Finding("Temporary files", "info", text)


SECTIONS: Mapping[str, tuple[Rule, ...]] = {
    "Devices": (processor, cards),
    "Ways to compute": (runtime, providers, used),
    "Models": (models,),
    "Memory": (memory, temporary),
}


def speed_text(speed: Speed) -> str:
    """ "0.9 s a step on CPU; 62 % of what this processor can do; an edit of 20 steps takes about 18 s."."""
    what = {"cpu": "processor", "cuda": "card", "directml": "card"}.get(speed.provider, "machine")
    share = f"{min(1.0, speed.share):.0%}".replace("%", " %")
    parts = (
        f"{seconds_text(speed.seconds)} a step on {TITLES.get(speed.provider, speed.provider)}",
        f"{share} of what this {what} can do" if speed.share else "",
        f"an edit of {speed.steps} steps takes about {seconds_text(speed.edit_seconds)}",
    )
    return "; ".join(filter(None, parts)) + "."


def seconds_text(seconds: float) -> str:
    """ "45 ms", "0.12 s", "0.9 s", "12 s", "3 min"."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _memory(gpu: Gpu) -> str:
    return f"{readable(gpu.memory_bytes)} of memory" if gpu.memory_bytes else ""


def _on_a_card(machine: Machine) -> bool:
    """Edits run on a graphics card, or may: those have not been tried yet."""
    return not machine.complete or any(map(machine.works, _GRAPHICS))


def _openvino(machine: Machine) -> str:
    """What to install for OpenVINO; "" where it works, or could not help."""
    chip = machine.devices.processor
    if machine.works("openvino") or not {"avx2", "avx512"} & set(chip.instructions):
        return ""
    if machine.libraries.get("openvino"):
        return ""  # why it does not work is said where the providers are
    gain = "several times as fast here" if chip.amx else "faster here" if chip.bf16 else "often faster"
    return f"pip install 'palimpsest[openvino]': edits are {gain}."


def _directml(machine: Machine) -> str:
    return _instead(machine, "directml") if machine.platform == "win32" and not machine.works("directml") else ""


def _instead(machine: Machine, extra: str) -> str:
    """Wheels of ONNX Runtime share a folder, so the others have to go first."""
    names = " ".join(machine.runtimes)
    first = f"pip uninstall -y {names}, then " if names else ""
    return f"{first}pip install 'palimpsest[{extra}]'."


def _installed(machine: Machine, name: str) -> bool:
    """Its wheel is there, so that it should work. What else to install is said where the devices are."""
    return name in ("cpu", "coreml") or any(wheel in _WHEELS.get(name, ()) for wheel in _wheels(machine))


def _wheels(machine: Machine) -> tuple[str, ...]:
    return (*machine.runtimes, *machine.libraries)


def _missing_device(machine: Machine, name: str) -> str:
    """What a provider needs that this machine does not have; "" where nothing is missing, or nothing is known."""
    vendors = {gpu.vendor for gpu in machine.devices.gpus}
    if name == "cuda" and NVIDIA not in vendors:
        return "no NVIDIA card was found"
    if name == "directml" and machine.platform != "win32":
        return "DirectML is a part of Windows"
    if name == "coreml" and machine.platform != "darwin":
        return "Core ML is a part of macOS"
    return ""


def _counted(machine: Machine) -> str:
    return machine.used or "cpu"


def _room(machine: Machine) -> tuple[int, str]:
    """Free bytes for a model where edits run, and what they are."""
    largest = max((gpu.memory_bytes for gpu in machine.devices.gpus), default=0)
    if machine.used in ("cuda", "directml") and largest:
        return largest, "the graphics card has"
    return machine.memory_bytes, "there are"


def _too_large(machine: Machine, model: Model, free: int, what: str) -> Finding:
    provider = _counted(machine)
    fitting = next((size for size in SIZES if size < model.size and model.needs(provider, size) <= free), 0)
    text = f"An edit with {model.name} needs about {readable(model.needs(provider, model.size))}, and {what} "
    text += f"{readable(free)}."
    less = f"choose a size of {fitting} pixels" if fitting else "choose a smaller model"
    return Finding(model.name, "warning", text, f"Close other programs, or {less}.")
