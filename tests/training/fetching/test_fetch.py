"""The command: what it asks, what it takes of a model on the hub, and what it never takes."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from inference.types import CancelToken
from training import fetch
from training.fetching import sources
from training.fetching.download import Patience

ROOT = Path(__file__).parents[3]
QUICK = Patience(2, 0.001)
Capture = pytest.CaptureFixture[str]

MODEL = {
    "model_index.json": b'{"_class_name": "StableDiffusionInstructPix2PixPipeline"}',
    "scheduler/scheduler_config.json": b"{}",
    "tokenizer/vocab.json": b'{"a": 1}',
    "tokenizer/merges.txt": b"#version",
    "text_encoder/config.json": b"{}",
    "text_encoder/model.safetensors": b"T" * 2000,
    "text_encoder/pytorch_model.bin": b"pickle",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"U" * 5000,
    "unet/diffusion_pytorch_model.bin": b"pickle",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": b"V" * 3000,
    "safety_checker/model.safetensors": b"S" * 4000,
    "all.ckpt": b"pickle",
    "README.md": b"# words",
}
HALF = {
    "text_encoder/model.fp16.safetensors": b"t" * 1000,
    "unet/diffusion_pytorch_model.fp16.safetensors": b"u" * 2500,
    "vae/diffusion_pytorch_model.fp16.safetensors": b"v" * 1500,
}
PLAIN = [path for path in MODEL if not path.startswith(("safety", "all", "README")) and not path.endswith(".bin")]


def run(*words: str) -> int:
    return fetch.run(fetch.parsed([*words, "--yes"]), CancelToken(), QUICK)


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop(".lock", None)
    return found


def test_a_model_of_the_hub_comes_without_what_is_not_needed(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.put_model("owner/model", MODEL, licence="openrail")
    assert run("hub:owner/model", "-o", str(tmp_path / "m"), "--events") == 0
    assert files(tmp_path / "m") == {path: MODEL[path] for path in PLAIN}
    plan, *progress, done = events(capsys.readouterr().out)
    assert (plan["event"], plan["name"], plan["licence"]) == ("plan", "model", "openrail")
    assert plan["host"] == host.url.removeprefix("http://") and plan["bytes"] == sum(len(MODEL[path]) for path in PLAIN)
    assert [each["fraction"] for each in progress] == sorted(each["fraction"] for each in progress)
    assert progress[-1]["fraction"] == 1 and done["path"] == str(tmp_path / "m")


def test_half_precision_is_taken_where_every_part_has_it(host: Any, tmp_path: Path) -> None:
    host.put_model("owner/model", MODEL | HALF)
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 0
    weights = {path for path in files(tmp_path / "m") if path.endswith(".safetensors")}
    assert weights == set(HALF)
    partly = {path: data for path, data in HALF.items() if not path.startswith("vae")}
    host.put_model("owner/other", MODEL | partly)
    assert run("hub:owner/other", "-o", str(tmp_path / "n")) == 0
    assert set(files(tmp_path / "n")) == set(PLAIN)


def test_weights_in_several_files_come_with_their_listing(host: Any, tmp_path: Path) -> None:
    parts = {f"unet/diffusion_pytorch_model-0000{n}-of-00002.safetensors": b"U" * 1000 for n in (1, 2)}
    listing = {"unet/diffusion_pytorch_model.safetensors.index.json": b"{}"}
    split = {path: data for path, data in MODEL.items() if not path.startswith("unet/diff")} | parts | listing
    host.put_model("owner/model", split)
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 0
    assert set(parts) | set(listing) < set(files(tmp_path / "m"))


def test_pickles_alone_are_not_fetched(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.put_model("owner/model", {path: data for path, data in MODEL.items() if not path.startswith("unet/diff")})
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 4
    assert "for unet, and pickles are never fetched" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_repository_of_one_file_and_one_file_of_several(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.put_model("owner/one", {"style.safetensors": b"L" * 1500, "README.md": b"-"})
    assert run("hub:owner/one", "-o", str(tmp_path / "a"), "--events") == 0
    assert events(capsys.readouterr().out)[-1]["path"] == str(tmp_path / "a" / "style.safetensors")
    host.put_model("owner/two", {"x/a.safetensors": b"A" * 1500, "b.safetensors": b"B" * 1500, "c.ckpt": b"-"})
    assert run("hub:owner/two", "-o", str(tmp_path / "b")) == 2
    assert "hub:owner/two/FILE" in capsys.readouterr().err
    assert run("hub:owner/two/x/a.safetensors", "-o", str(tmp_path / "b")) == 0
    assert files(tmp_path / "b") == {"a.safetensors": b"A" * 1500}
    assert run("hub:owner/two/c.ckpt", "-o", str(tmp_path / "c")) == 2
    assert run("hub:owner/two/d.safetensors", "-o", str(tmp_path / "c")) == 4


def test_a_page_of_the_hub_means_its_model(host: Any, tmp_path: Path) -> None:
    host.put_model("owner/two", {"x/a.safetensors": b"A" * 1500, "b.safetensors": b"B" * 1500})
    for address in (
        f"{host.url}/owner/two/blob/main/b.safetensors",
        f"{host.url}/owner/two/resolve/main/b.safetensors",
    ):
        assert run(address, "-o", str(tmp_path / "m")) == 0
    assert files(tmp_path / "m") == {"b.safetensors": b"B" * 1500}
    assert sources.hub_source("https://huggingface.co/owner/two/tree/v1") == sources.HubSource(
        "https://huggingface.co", "owner", "two", "v1"
    )


def test_long_listings_come_in_pages(host: Any, tmp_path: Path) -> None:
    host.put_model("owner/model", MODEL)
    (first,) = (path for path in host.json if "/tree/" in path)
    entries = host.json[first]
    host.json[first], host.json["/more"] = entries[:7], entries[7:]
    host.links[first] = f"{host.url}/more?cursor=x"
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 0
    assert set(files(tmp_path / "m")) == set(PLAIN)


def test_a_file_of_any_host_is_compared_with_its_hash(host: Any, tmp_path: Path, capsys: Capture) -> None:
    data = b"W" * 5000
    host.files["/some/my model.safetensors"] = data
    address, sha = f"{host.url}/some/my%20model.safetensors", hashlib.sha256(data).hexdigest()
    assert run(f"{address}#sha256={sha}", "-o", str(tmp_path / "a"), "--events") == 0
    plan, *_, done = events(capsys.readouterr().out)
    assert (plan["name"], done["path"]) == ("my-model", str(tmp_path / "a" / "my model.safetensors"))
    assert run(f"{address}#sha256={'0' * 64}", "-o", str(tmp_path / "b")) == 4
    assert "hash differs" in capsys.readouterr().err
    assert run(address, "-o", str(tmp_path / "c")) == 0
    assert files(tmp_path / "c") == {"my model.safetensors": data}


@pytest.mark.parametrize(
    "source",
    [
        *("hub:nobody", "hub:a/b/../c", "hub:a b/c", "http://example.com/a.safetensors", "https://example.com/a.ckpt"),
        *("https://example.com/a.safetensors#md5=1", "ftp://example.com/a.safetensors", "some words"),
    ],
)
def test_what_cannot_be_fetched_is_code_2_or_4(source: str, host: Any, tmp_path: Path, capsys: Capture) -> None:
    assert run(source, "-o", str(tmp_path / "m")) in (2, 4)
    assert capsys.readouterr().err.count("\n") == 1
    assert all("example" not in path for path, _ in host.asked)


def test_a_listing_with_names_that_leave_the_folder_is_refused(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.put_model("owner/model", {"..\\evil.safetensors": b"E" * 1500})
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 4
    assert "does not stay in the folder" in capsys.readouterr().err
    assert list(tmp_path.rglob("*evil*")) == []


@pytest.mark.parametrize("listing", [{"sha": "x"}, [], {"sha": "a" * 40}])
def test_a_listing_that_is_not_understood(listing: object, host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.json["/api/models/owner/model/revision/main"] = listing
    host.json[f"/api/models/owner/model/tree/{'a' * 40}"] = [{"type": "file", "path": 3}]
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 4
    assert "not understood" in capsys.readouterr().err


def test_a_host_in_trouble_is_told(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.status["/api/models/owner/model/revision/main"] = [503]
    host.status["/a.safetensors"] = [502]
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 4
    assert run(f"{host.url}/a.safetensors", "-o", str(tmp_path / "m")) == 4
    err = capsys.readouterr().err
    assert "HTTP 503" in err and "HTTP 502" in err


def test_nothing_goes_over_the_network_before_somebody_says_yes(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.put_model("owner/model", MODEL)
    assert fetch.main(["hub:owner/model", "-o", str(tmp_path / "m")]) == 2
    assert "--yes" in capsys.readouterr().err and host.asked == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answers", "asked", "code"), [("n\n", 0, 130), ("y\n\n", 2, 130), ("y\nyes\n", 12, 0)])
def test_at_a_terminal_it_asks_twice(
    answers: str, asked: int, code: int, host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.put_model("owner/model", MODEL)
    shown = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answers))
    monkeypatch.setattr(sys, "stderr", shown)
    assert fetch.main(["hub:owner/model", "-o", str(tmp_path / "m")]) == code
    assert len(host.asked) == asked and "Ask 127.0.0.1" in shown.getvalue()
    assert ("Fetch 10 files, 0.0 MB, from 127.0.0.1" in shown.getvalue()) == (asked > 0)


def test_the_plan_alone_fetches_nothing(host: Any, tmp_path: Path, capsys: Capture) -> None:
    host.put_model("owner/model", MODEL)
    assert run("hub:owner/model", "-o", str(tmp_path / "m"), "--plan", "--events") == 0
    (plan,) = events(capsys.readouterr().out)
    assert len(plan["files"]) == len(PLAIN) and not (tmp_path / "m").exists()


def test_a_full_disk_is_seen_first(host: Any, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 1000))
    host.put_model("owner/model", MODEL)
    assert run("hub:owner/model", "-o", str(tmp_path / "m")) == 5
    assert "make room" in capsys.readouterr().err and not any("/resolve/" in path for path, _ in host.asked)


def test_two_cannot_fetch_into_one_folder(host: Any, tmp_path: Path, capsys: Capture) -> None:
    from inference.file_lock import FileLock

    host.put_model("owner/model", MODEL)
    with FileLock(tmp_path / ".lock"):
        assert run("hub:owner/model", "-o", str(tmp_path)) == 5
    assert "Another program" in capsys.readouterr().err


def test_the_process_ends_when_its_input_does_and_goes_on_later(host: Any, tmp_path: Path) -> None:
    data = b"W" * 3_000_000
    host.files["/w.safetensors"], host.etags["/w.safetensors"] = data, '"1"'
    host.cut["/w.safetensors"] = [1_000_000] + [0] * 100
    command = [sys.executable, "-P", "-m", "training", "fetch", f"{host.url}/w.safetensors", "-o", str(tmp_path / "m")]
    with subprocess.Popen(
        [*command, "--yes", "--events"], cwd=ROOT, env=_environment(host), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        assert [json.loads(process.stdout.readline())["event"] for _ in range(2)] == ["plan", "progress"]
        process.stdin.close()
        assert process.wait(30) == 130
        assert "kept in" in process.stderr.read()
    assert (tmp_path / "m" / "w.safetensors.part").stat().st_size <= 1_000_000
    host.cut.clear()
    assert run(f"{host.url}/w.safetensors", "-o", str(tmp_path / "m")) == 0
    assert (tmp_path / "m" / "w.safetensors").read_bytes() == data


def _environment(host: Any) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": host.url}


def test_it_needs_nothing_but_the_standard_library_and_the_engine() -> None:
    program = "import sys, training.fetch\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {name.split(".")[0] for name in loaded.split()}.isdisjoint({"torch", "huggingface_hub", "requests", "onnx"})
