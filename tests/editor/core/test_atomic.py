"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from editor.core.atomic import replacing, write_bytes
from editor.core.errors import OutputNotWritable


def test_a_new_file_appears(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.bin", b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


def test_the_target_is_untouched_until_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
        assert {found.parent for found in tmp_path.iterdir()} == {tmp_path}
        assert len(list(tmp_path.iterdir())) == 2, "the temporary file has to lie beside the target"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), MemoryError()])
def test_an_error_leaves_the_folder_as_it_was(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(type(error)), replacing(target) as file:
        file.write(b"half")
        raise error
    assert target.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "share of the disk"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "not allowed"),
        (errno.EIO, "the system says"),
    ],
)
def test_system_errors_become_a_sentence(tmp_path: Path, code: int, words: str) -> None:
    with pytest.raises(OutputNotWritable, match=words) as caught, replacing(tmp_path / "a.bin") as file:
        file.write(b"half")
        raise OSError(code, os.strerror(code))
    assert caught.value.exit_code == 5
    assert str(caught.value).endswith(".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are a POSIX matter")
def test_running_out_of_room_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from editor.core.atomic import write_bytes;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "write_bytes(Path(sys.argv[1]), bytes(1 << 20))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.bin")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert "OutputNotWritable" in done.stderr
    assert "larger than this disk" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable, match="folder does not exist"):
        write_bytes(tmp_path / "none" / "a.bin", b"")


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputNotWritable, match="folder does not exist"):
        write_bytes(tmp_path / "file" / "a.bin", b"")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputNotWritable, match="not allowed"):
        write_bytes(tmp_path / "a.bin", b"")


def test_a_write_protected_target_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root passes every real check
    with pytest.raises(OutputNotWritable, match="write-protected"):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable, match="is a folder"):
        write_bytes(tmp_path, b"")


def test_a_device_is_never_replaced() -> None:
    if not Path(os.devnull).is_char_device():
        pytest.skip("this system's null device is no file")
    with pytest.raises(OutputNotWritable, match="is a device"):
        write_bytes(Path(os.devnull), b"")
    assert Path(os.devnull).is_char_device()


def test_the_longest_name_works_and_a_longer_one_is_refused(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("n" * 251 + ".bin"), b"x")
    with pytest.raises(OutputNotWritable, match=r"too long|cannot be reached"):
        write_bytes(tmp_path / ("n" * 252 + ".bin"), b"x")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "a.bin", tmp_path / "link.bin"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX links")
def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OutputNotWritable):
        write_bytes(tmp_path / "a", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a.bin", b"")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640
