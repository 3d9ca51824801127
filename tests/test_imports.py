"""What may be imported where, and that an edit touches neither torch nor the network."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]

# Qt belongs to these alone.
WITH_QT = ("editor.app", "editor.jobs", "editor.ui")

BLOCK = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Block())
"""


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def modules(package: str) -> list[str]:
    found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    return [package, *(module.name for module in found if not module.name.startswith(WITH_QT))]


def test_everything_free_of_qt_imports_without_qt_and_torch() -> None:
    names = [*modules("editor"), *modules("inference"), "main", "resources"]
    blocked = {"PySide6", "torch", "diffusers", "transformers", "peft", "accelerate", "optimum"}
    program = BLOCK.format(blocked=blocked) + f"import importlib\nfor name in {names}: importlib.import_module(name)"
    run = python(program)
    assert run.stderr == ""
    assert run.returncode == 0


def test_pairs_and_the_training_command_import_without_torch() -> None:
    blocked = {"PySide6", "torch", "diffusers", "transformers", "peft", "accelerate"}
    names = ["training", "training.__main__"]
    program = BLOCK.format(blocked=blocked) + f"import importlib\nfor name in {names}: importlib.import_module(name)"
    run = python(program)
    assert run.stderr == ""
    assert run.returncode == 0


@pytest.mark.parametrize("package", ["inference", "editor"])
def test_the_packages_themselves_import_nothing(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text() == ""


def test_help_imports_nothing_large() -> None:
    program = "import sys\nfrom main import main\nmain(['--help'])\nprint(*sys.modules, file=sys.stderr)"
    run = python(program)
    assert run.returncode == 0
    loaded = {name.split(".")[0] for name in run.stderr.split()}
    assert loaded.isdisjoint({"numpy", "cv2", "PIL", "onnxruntime", "tokenizers", "rich", "torch", "PySide6", "skia"})


EDIT = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("the network was touched")
class Refused(socket.socket):
    __init__ = refuse
socket.socket = Refused
for name in ("create_connection", "getaddrinfo", "gethostbyname", "socketpair"):
    setattr(socket, name, refuse)
from main import main
code = main(sys.argv[1:])
large = {"torch", "diffusers", "transformers", "PySide6", "rich", "skia", "requests", "urllib3", "huggingface_hub"}
loaded = {name.split(".")[0] for name in sys.modules} & large
assert not loaded, loaded
sys.exit(code)
"""


@pytest.mark.parametrize("provider", ["auto", "cpu"])
def test_an_edit_needs_neither_network_nor_torch_and_its_stderr_stays_empty(
    provider: str, tmp_path: Path, tiny_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    Image.fromarray(np.full((30, 40, 3), 128, np.uint8)).save(tmp_path / "in.png")
    out = tmp_path / "out.png"
    words = ["edit", str(tmp_path / "in.png"), "make it red", "-o", str(out), "--model", str(tiny_package)]
    run = python(EDIT, *words, "--provider", provider)
    assert run.stderr == ""
    assert run.returncode == 0
    with Image.open(out) as result:
        assert result.size == (40, 30)
    # The runtime's telemetry, which Python's sockets know nothing of, would leave its identity here.
    assert list(temporary.iterdir()) == []


def test_the_window_starts_without_torch_onnxruntime_and_the_libraries_of_rare_formats() -> None:
    heavy = ("torch", "diffusers", "transformers", "onnxruntime", "tokenizers", "psd_tools", "typer", "skimage")
    run = python(f"import sys, editor.app; print([name for name in {heavy} if name in sys.modules])")
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_widgets_and_drawing_stay_in_the_window() -> None:
    for path in (ROOT / "editor" / "jobs").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "QtWidgets" not in text and "QtGui" not in text, path
