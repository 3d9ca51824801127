"""The wheel holds everything that an edit needs: built, installed beside the checkout, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


def python(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run = python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    assert run.returncode == 0, run.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel's content; what it depends on comes from this environment."""
    folder = tmp_path_factory.mktemp("installed")
    run = python("-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(folder), str(wheel))
    assert run.returncode == 0, run.stderr
    return folder


def test_the_wheel_holds_the_packages_and_their_data_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"main.py", "inference/self_test.onnx", "inference/self_test.npz", "resources/__init__.py"} <= names
    folders = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert folders == {"editor", "inference", "training", "resources", "main.py"}
    tracked = {path.relative_to(ROOT).as_posix() for path in (ROOT / "resources").rglob("*") if path.is_file()}
    assert {name for name in tracked if "__pycache__" not in name} <= names


def test_the_installed_program_edits_a_picture(installed: Path, tmp_path: Path, tiny_package: Path) -> None:
    Image.fromarray(np.full((30, 40, 3), 128, np.uint8)).save(tmp_path / "in.png")
    words = ["edit", "in.png", "make it red", "-o", "out.png", "--model", str(tiny_package)]
    home = str(tmp_path / "home")
    run = python("-P", "-m", "main", *words, cwd=tmp_path, PYTHONPATH=str(installed), PALIMPSEST_HOME=home)
    assert (run.returncode, run.stderr) == (0, "")
    with Image.open(tmp_path / "out.png") as result:
        assert result.size == (40, 30)


def test_the_installed_program_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    program = "import editor, inference, main, resources; print(editor.__file__, inference.__file__, main.__file__)"
    run = python("-P", "-c", program, cwd=tmp_path, PYTHONPATH=str(installed))
    assert run.returncode == 0, run.stderr
    assert all(path.startswith(str(installed)) for path in run.stdout.split())
    script = installed / "bin" / ("palimpsest.exe" if sys.platform == "win32" else "palimpsest")
    assert script.exists()


def test_the_engine_of_the_installed_program_runs_in_a_child(
    installed: Path, tmp_path: Path, tiny_package: Path
) -> None:
    program = (
        "import sys, pathlib, numpy as np\n"
        "from inference.client import EngineClient\n"
        "from inference.types import CancelToken, EditRequest\n"
        "request = EditRequest(np.zeros((9, 9, 3), np.uint8), 'make it red', 2, 2.0, 1.5, 'euler', 32)\n"
        "client = EngineClient(pathlib.Path(sys.argv[1]), 'cpu')\n"
        "print(type(list(client.edit(request, CancelToken()))[-1]).__name__)\n"
        "client.close()\n"
    )
    run = python("-P", "-c", program, str(tiny_package), cwd=tmp_path, PYTHONPATH=str(installed))
    assert (run.stdout, run.stderr, run.returncode) == ("Variant\n", "", 0)


def test_the_installed_program_opens_its_window_with_the_sample(installed: Path, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from editor.app import Program\n"
        "from editor.core.paths import sample_photo\n"
        "app = QApplication(['palimpsest'])\n"
        "program = Program(app)\n"
        "program.start([sample_photo()])\n"
        "look = QTimer()\n"
        "def seen():\n"
        "    if program.desk.current is not None:\n"
        "        look.stop()\n"
        "        print(program.window.windowTitle(), program.library.names)\n"
        "        program.window.close_now()\n"
        "look.timeout.connect(seen)\n"
        "look.start(20)\n"
        "app.exec()\n"
    )
    home = str(tmp_path / "home")
    environment = {"PYTHONPATH": str(installed), "PALIMPSEST_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
    run = python("-P", "-c", program, cwd=tmp_path, **environment)
    assert (run.stdout, run.returncode) == ("photo.jpg[*] - Palimpsest ('starter',)\n", 0), run.stderr


def test_the_version_of_the_wheel_is_told(installed: Path, tmp_path: Path, wheel: Path) -> None:
    run = python("-P", "-m", "main", "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert run.stdout.split()[1] == wheel.name.split("-")[1]
