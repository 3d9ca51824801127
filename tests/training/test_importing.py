"""Any source to a verified package in a process of its own, which can be ended at any moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.errors import Cancelled
from inference.file_lock import FileLock
from inference.package import open_package, verify_package
from inference.types import CancelToken
from tests.tiny_package import write_tiny_package
from tests.training.tiny_model import export_tiny, save_tiny
from training import importing
from training.export import files
from training.export.errors import ExportError
from training.export.onnx_parity import compare_parts
from training.import_wishes import Wishes, wishes_of

ROOT = Path(__file__).parents[2]
LORA = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("import") / "tiny")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-P", "-m", "training", "import", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, env=environment(), stdin=subprocess.DEVNULL
    )


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_diffusers_folder_with_a_lora_becomes_a_verified_package(source: Path, tmp_path: Path) -> None:
    lora = tmp_path / "lcm-lora.safetensors"
    save_file({f"{LORA}A.weight": torch.ones(2, 32), f"{LORA}B.weight": torch.ones(32, 2)}, lora)
    (tmp_path / ".out.12345678.part").mkdir()  # what an older run left
    words = ("--lora", f"{lora}:0.5", "--licence", "MIT", "--name", "mine")
    done = run(source, "-o", tmp_path / "out", "--events", *words)
    assert (done.returncode, done.stderr) == (0, "")
    *steps, last = events(done.stdout)
    shares = [step["fraction"] for step in steps]
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 1)
    assert set(last) == {"event", "folder", "name", "licence", "sha256", "bytes", "parity", "seconds", "notes"}
    assert [entry["component"] for entry in last["parity"]] == ["text_encoder", "unet", "vae_encoder", "vae_decoder"]
    assert all(entry["relative"] < 1e-2 for entry in last["parity"]) and "merged" in last["notes"][0]
    package = open_package(tmp_path / "out")
    verify_package(package)
    assert (package.name, package.licence, package.sha256) == ("mine", "MIT", last["sha256"])
    dials = package.dials
    assert (dials.steps, dials.image_scale, dials.sampler, dials.size) == (4, 1.0, "lcm", 64)
    assert package.manifest is not None and package.manifest.source == "tiny + lcm-lora.safetensors:0.5"
    assert json.loads((tmp_path / "out" / "parity.json").read_text())[1]["component"] == "unet"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lcm-lora.safetensors", "out"]


def test_variants_and_shards_of_weights_are_the_same_model(source: Path, tmp_path: Path) -> None:
    from training.export.load import open_source

    other = shutil.copytree(source, tmp_path / "other")
    for part in ("text_encoder", "vae"):
        (file,) = (other / part).glob("*.safetensors")
        file.rename(file.with_suffix(".fp16.safetensors"))
    (file,) = (other / "unet").glob("*.safetensors")
    tensors = list(load_file(file).items())
    names = ["a.safetensors", "b.safetensors"]
    for name, some in zip(names, (tensors[::2], tensors[1::2]), strict=True):
        save_file(dict(some), other / "unet" / name)
    table = {key: name for name, some in zip(names, (tensors[::2], tensors[1::2]), strict=True) for key, _ in some}
    file.with_name(f"{file.name}.index.json").write_text(json.dumps({"weight_map": table}))
    file.unlink()
    first, second = open_source(source), open_source(other)
    for part, weights in first.weights.items():
        for name, weight in weights.items():
            assert (weight.read() == second.weights[part][name].read()).all()


@pytest.mark.parametrize(("how", "stage"), [("input", "unet"), ("terminate", "load"), ("interrupt", "load")])
def test_a_cancelled_import_ends_soon_and_leaves_nothing(source: Path, tmp_path: Path, how: str, stage: str) -> None:
    with start(source, tmp_path / "out") as process:
        wait_for(process, stage)
        begin = time.monotonic()
        if how == "input":
            assert process.stdin is not None
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM if how == "terminate" else signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - begin < 2
        assert process.stderr is not None and process.stderr.read() == "The import was cancelled.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes in /proc")
def test_a_killed_import_is_cleaned_up_by_the_next(source: Path, tmp_path: Path) -> None:
    with start(source, tmp_path / "out") as process:
        wait_for(process, "text_encoder")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert process.wait(10) not in (0, 130)
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".part"]
    files.clean(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def start(source: Path, target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(source, "-o", target, "--events"), text=True, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(process: subprocess.Popen[str], stage: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["stage"] == stage:
            return
    raise AssertionError("it ended too early")


def test_what_is_in_use_is_not_cleaned_up_and_a_lost_package_comes_back(tmp_path: Path) -> None:
    busy, left, other = (tmp_path / name for name in (".out.1.part", ".out.2.part", ".other.3.part"))
    for folder in (busy, left, other):
        folder.mkdir()
    old = tmp_path / ".out.4.old"
    old.mkdir()
    with FileLock(busy / ".lock"):
        files.clean(tmp_path / "out")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == [".other.3.part", ".out.1.part", "out"]
    files.clean(tmp_path / "out")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".other.3.part", "out"]


Refusal = tuple[Sequence[str], int, str]
REFUSALS: dict[str, Refusal] = {
    "nothing": (["{tmp}/nothing", "-o", "{tmp}/out"], 4, "There is no model"),
    "lora as source": (["{tmp}/l.safetensors", "-o", "{tmp}/out"], 4, "--lora"),
    "no such lora": (["{source}", "-o", "{tmp}/out", "--lora", "{tmp}/x.safetensors"], 4, "There is no LoRA"),
    "lora of another kind": (["{source}", "-o", "{tmp}/out", "--lora", "{tmp}/l.pt"], 4, "no LoRA"),
    "target not empty": (["{source}", "-o", "{tmp}"], 5, "not empty"),
    "no parent": (["{source}", "-o", "{tmp}/a/b"], 5, "does not exist"),
    "bad name": (["{source}", "-o", "{tmp}/out", "--name", "a/b"], 4, "cannot be named"),
    "pickle": (["{tmp}/m.ckpt", "-o", "{tmp}/out"], 4, "is a pickle"),
}


@pytest.mark.parametrize(("words", "code", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_done_is_said_before_any_work(
    source: Path, tmp_path: Path, words: Sequence[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_file({"lora_unet_a.lora_down.weight": torch.ones(2, 2)}, tmp_path / "l.safetensors")
    (tmp_path / "l.pt").write_bytes(b"x")
    (tmp_path / "m.ckpt").write_bytes(b"x")
    assert importing.main([word.format(tmp=tmp_path, source=source) for word in words]) == code
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_a_full_disk_is_told_first(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000_000))
    assert importing.main([str(source), "-o", str(tmp_path / "out")]) == 5
    assert "of free disk and there are 10 MB" in capsys.readouterr().err


def test_a_single_file_without_a_vocabulary_says_what_to_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.export.source import LDM_CONV_IN, LDM_TEXT, LDM_VAE

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    shapes = {LDM_CONV_IN: (8, 8, 3, 3), LDM_TEXT: (77, 8), LDM_VAE: (8, 4, 3, 3)}
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "m.safetensors")
    assert importing.main([str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]) == 4
    assert "--config" in capsys.readouterr().err


def test_wishes_survive_the_way_to_the_other_process(tmp_path: Path) -> None:
    from inference.manifest import Dials
    from training.export.lora_keys import Lora

    loras = (Lora(Path("x"), 0.5),)
    wishes = Wishes(tmp_path, "single", tmp_path / "é", "n", "l", Dials(4), tmp_path, loras, "fp32", True)
    assert wishes_of(json.dumps(wishes.as_json())) == wishes


def test_an_onnx_folder_needs_neither_torch_nor_onnx(tmp_path: Path) -> None:
    folder = write_tiny_package(tmp_path / "theirs", manifest=False, external_data=True)
    code = (
        "import sys\nfor name in ('torch', 'onnx', 'onnxruntime', 'diffusers'): sys.modules[name] = None\n"
        "import importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'onnx' else find(name, *rest)\n"
        "from training.import_work import main; sys.exit(main(sys.argv[1:]))"
    )
    from inference.manifest import Dials

    wishes = Wishes(folder, "onnx", tmp_path / "out", "theirs", "MIT", Dials(), events=True)
    words = [sys.executable, "-c", code, json.dumps(wishes.as_json())]
    # Its input stays open: the end of it would end the work.
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        lines = process.stdout.read()
        assert process.wait(20) == 0
    package = open_package(tmp_path / "out")
    verify_package(package)
    assert package.licence == "MIT" and events(lines)[-1]["event"] == "done"


def test_a_timestep_of_whole_numbers_becomes_one_of_fractions(tmp_path: Path) -> None:
    folder = write_tiny_package(tmp_path / "theirs", manifest=False, timestep_type="int64", io_type="float16")
    done = run(folder, "-o", tmp_path / "out", "--events")
    assert done.returncode == 0, done.stderr
    assert "fractions" in events(done.stdout)[-1]["notes"][0]
    unet = onnx.load(str(tmp_path / "out" / "unet" / "model.onnx"))
    kinds = {value.name: value.type.tensor_type.elem_type for value in unet.graph.input}
    assert kinds["timestep"] == onnx.TensorProto.FLOAT and kinds["sample"] == onnx.TensorProto.FLOAT16


def test_settings_that_onnxstack_leaves_out_are_stable_diffusions(tmp_path: Path) -> None:
    folder = write_tiny_package(tmp_path / "theirs", manifest=False, text_width=768, factor=8, levels=4)
    vocabulary = shutil.copytree(folder / "tokenizer", tmp_path / "words")
    for name in ("scheduler/scheduler_config.json", "unet/config.json", "vae_decoder/config.json", "model_index.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "model.onnx").write_bytes(b"a graph")
    refused = run(folder, "-o", tmp_path / "out")
    assert refused.returncode == 4 and "--config" in refused.stderr
    done = run(folder, "-o", tmp_path / "out", "--events", "--config", vocabulary)
    assert done.returncode == 0, done.stderr
    package = open_package(tmp_path / "out")
    assert (package.scaling_factor, package.factor, package.scheduler["beta_end"]) == (0.18215, 8, 0.012)
    assert any("scheduler_config.json" in note for note in events(done.stdout)[-1]["notes"])


def test_an_encoder_that_samples_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_package(tmp_path / "theirs", manifest=False)
    file = folder / "vae_encoder" / "model.onnx"
    model = onnx.load(str(file))
    model.graph.node.append(onnx.helper.make_node("RandomNormalLike", ["sample"], ["noise"]))
    file.write_bytes(model.SerializeToString())
    refused = run(folder, "-o", tmp_path / "out")
    assert refused.returncode == 4 and "random sample" in refused.stderr and refused.stderr.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["theirs"]


def parity(lines: str) -> dict[str, float]:
    return {entry["component"]: entry["relative"] for entry in events(lines)[-1]["parity"]}


def test_an_onnx_folder_is_compared_with_what_it_came_from(tmp_path: Path) -> None:
    """A real UNet, whose attention is fused; the rest is copied."""
    folder = tmp_path / "theirs"
    shutil.copytree(export_tiny(tmp_path / "made").folder, folder)
    (folder / "manifest.json").unlink()
    unet = onnx.load(str(folder / "unet" / "model.onnx"))
    onnx.save_model(unet, str(folder / "unet" / "model.onnx"), save_as_external_data=True, location="model.onnx_data")
    done = run(folder, "-o", tmp_path / "out", "--events")
    assert done.returncode == 0, done.stderr
    found = parity(done.stdout)
    assert set(found) == {"text_encoder", "unet", "vae_encoder", "vae_decoder", "unet/attention"}
    assert 0 < found.pop("unet/attention") < 1e-4
    assert set(found.values()) == {0.0} and (tmp_path / "out" / "unet" / "attention.onnx").is_file()
    assert any("Attention was fused" in note for note in events(done.stdout)[-1]["notes"])


def test_a_unet_that_was_changed_is_compared(tmp_path: Path) -> None:
    folder = write_tiny_package(tmp_path / "theirs", manifest=False, timestep_type="int64")
    done = run(folder, "-o", tmp_path / "out", "--events")
    assert done.returncode == 0, done.stderr
    assert parity(done.stdout) == {"text_encoder": 0, "unet": 0, "vae_encoder": 0, "vae_decoder": 0}


def with_operator(file: Path, before: str, after: str) -> None:
    """Another operator in place of the first of its kind."""
    graph = onnx.load(str(file), load_external_data=False)
    node = next(node for node in graph.graph.node if node.op_type == before)
    node.op_type = after
    file.write_bytes(graph.SerializeToString())


def test_a_fused_graph_that_gives_something_else_is_refused(tmp_path: Path) -> None:
    made = export_tiny(tmp_path / "made").folder
    copied = Path(shutil.copytree(made, tmp_path / "copied"))
    shutil.copyfile(made / "unet" / "model.onnx", copied / "unet" / "attention.onnx")
    with_operator(copied / "unet" / "attention.onnx", "Sigmoid", "Tanh")
    with pytest.raises(ExportError, match=r"unet/attention differs from the original .* report this model"):
        compare_parts(made, copied, lambda: None)


def test_a_unet_that_does_not_run_is_not_compared(tmp_path: Path) -> None:
    made = export_tiny(tmp_path / "made").folder
    with_operator(made / "unet" / "model.onnx", "Sigmoid", "NoSuchOperator")
    copied = shutil.copytree(made, tmp_path / "copied")
    assert [each.component for each in compare_parts(made, Path(copied), lambda: None)] == [
        "text_encoder", "unet", "vae_encoder", "vae_decoder"
    ]  # fmt: skip


def test_comparing_can_be_cancelled(tmp_path: Path) -> None:
    made = export_tiny(tmp_path / "made").folder
    copied = Path(shutil.copytree(made, tmp_path / "copied"))
    shutil.copyfile(made / "unet" / "model.onnx", copied / "unet" / "attention.onnx")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        compare_parts(made, copied, cancel.raise_if_cancelled)
