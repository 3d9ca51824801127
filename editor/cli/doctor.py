"""palimpsest doctor: what works on this machine, and why the rest does not."""

from __future__ import annotations

from editor.cli import report
from editor.cli.library import library
from editor.cli.progress import bar
from editor.cli.version import version
from editor.core import paths
from inference import doctor
from inference.advice import findings, problems, speed_text
from inference.doctor import Finding, Machine, examine
from inference.errors import EngineError
from inference.memory import readable
from inference.probe import probe
from inference.speed import Speed, measure


def run(as_json: bool, speed: bool = False, model: str | None = None, provider: str = "auto") -> int:
    """Print what was found; returns 0 where an edit should work, else 4.

    speed: also measure how fast a model runs. model: its name or folder, None for the default one.
    """
    machine = _examination(provider)
    wrong = problems(machine)
    if not as_json:
        _show(machine)
    measured = None
    if speed:
        try:
            measured = _measured(model, machine)
        except EngineError as error:
            wrong.append(str(error))
    if as_json:
        report.say_json(_json(machine, wrong, measured))
    else:
        _show_end(machine, wrong, measured)
    return report.ENGINE if wrong else 0


def _examination(provider: str) -> Machine:
    *_, machine = examine(library(), provider, probe=probe, runtimes=doctor.RUNTIMES)
    return machine


def _measured(model: str | None, machine: Machine) -> Speed:
    """Raises `EngineError`."""
    store = library()
    package = store.find(model) if model else store.default()
    with bar() as show:
        return measure(package.folder, machine.used or machine.wanted, progress=show)


def _json(machine: Machine, wrong: list[str], speed: Speed | None) -> dict[str, object]:
    return {
        "version": version(),
        **doctor.facts(machine),
        "user_folder": str(paths.user_folder()),
        "problems": wrong,
        "findings": {name: [vars(finding) for finding in lines] for name, lines in findings(machine).items()},
        "speed": None if speed is None else speed.facts(),
    }


def _show(machine: Machine) -> None:
    report.say(f"palimpsest {version()}, Python {machine.python}, {machine.system}")
    wheels = {**machine.runtimes, **machine.libraries}
    report.say(f"runtime   {', '.join(f'{name} {version}' for name, version in wheels.items()) or 'none'}")
    for finding in findings(machine)["Devices"]:
        report.say(f"device    {finding.title}: {_line(finding)}")
    for name, tried in machine.providers.items():
        report.say(f"provider  {name}: {tried.reason or 'works' if tried else 'not tried'}")
    for model in machine.models:
        report.say(f"model     {model.name} ({model.folder})")
    report.say(f"memory    {readable(machine.memory_bytes)} free")
    report.say(f"temporary {machine.temporary_folder}: {readable(machine.temporary_bytes)} free")
    report.say(f"own files {paths.user_folder()}")
    if machine.used:
        report.say(f"edits     run on {machine.used}")


def _show_end(machine: Machine, wrong: list[str], speed: Speed | None) -> None:
    if speed is not None:
        report.say(f"speed     {speed.model}: {speed_text(speed)}")
    found = findings(machine)
    for finding in (*found["Ways to compute"], *found["Models"], *found["Memory"]):
        if finding.state == "warning":
            report.say(f"note      {finding.title}: {_line(finding)}")
    for problem in wrong:
        report.say(f"problem   {problem}")


def _line(finding: Finding) -> str:
    return f"{finding.text} {finding.advice}".strip()
