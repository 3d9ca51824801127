from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.errors import PackageError
from inference.graph_file import read_graph
from inference.manifest import is_safe_name, safe_name
from inference.package import Dials, open_package, verify_package, write_manifest

ROOT = Path(__file__).parents[2]
Writer = Callable[..., Path]


def change_json(path: Path, **values: Any) -> None:
    """Sets entries; None takes one away."""
    merged = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in merged.items() if value is not None}))


def change_graph(path: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    model = onnx.load(path, load_external_data=False)
    change(model)
    path.write_bytes(model.SerializeToString())


def refusal(folder: Path) -> str:
    with pytest.raises(PackageError) as caught:
        open_package(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and ". " not in sentence.replace("...", "")
    return sentence


def test_everything_is_read_from_the_package(tiny_package: Path) -> None:
    package = open_package(tiny_package)
    assert (package.name, package.licence, package.precision) == ("tiny", "MIT", "fp32")
    assert package.dials == Dials(4, 2.0, 1.0, "euler", 64)
    assert package.instructions == ("make it red",)
    assert (package.latent_channels, package.image_channels) == (4, 4)
    assert (package.factor, package.multiple) == (4, 8)
    assert (package.scaling_factor, package.shift_factor) == (0.5, 0.0)
    assert (package.text_length, package.prediction_type) == (16, "epsilon")
    assert package.scheduler["beta_schedule"] == "scaled_linear"
    paths = (package.text_encoder, package.unet, package.vae_encoder, package.vae_decoder)
    assert all(path.is_file() for path in paths) and package.tokenizer.is_dir()


def test_another_model_has_other_values(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(
        tmp_path / "other",
        latent_channels=8,
        factor=8,
        levels=3,
        scaling_factor=0.25,
        shift_factor=0.1,
        text_length=77,
        prediction_type="v_prediction",
        encoder_outputs="latent",
    )
    package = open_package(folder)
    assert (package.latent_channels, package.image_channels) == (8, 8)
    assert (package.factor, package.multiple) == (8, 32)
    assert (package.scaling_factor, package.shift_factor) == (0.25, 0.1)
    assert (package.text_length, package.prediction_type) == (77, "v_prediction")


def test_a_package_of_another_exporter_needs_no_manifest(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "my model (new)", manifest=False, fp16=True)
    package = open_package(folder)
    assert package.name == "my-model-new"
    assert package.dials == Dials(20, 7.5, 1.5, "euler_ancestral", 512)
    assert (package.licence, package.precision) == ("unknown", "fp16")
    assert len(package.sha256) == 64


def test_what_old_configurations_leave_out(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "old", manifest=False)
    change_json(folder / "vae_decoder/config.json", scaling_factor=None, latent_channels=None, shift_factor=None)
    change_json(folder / "scheduler/scheduler_config.json", prediction_type=None)
    change_json(folder / "tokenizer/tokenizer_config.json", model_max_length=1e30)
    package = open_package(folder)
    assert package.scaling_factor == 0.18215
    assert (package.latent_channels, package.prediction_type, package.text_length) == (4, "epsilon", 16)


def test_configurations_speak_where_the_graph_leaves_channels_open(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "open", manifest=False)

    def open_channels(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "channels"

    for part in ("unet", "vae_decoder"):
        change_graph(folder / part / "model.onnx", open_channels)
    package = open_package(folder)
    assert (package.latent_channels, package.image_channels) == (4, 4)
    change_json(folder / "unet/config.json", in_channels=None)
    assert "in_channels" in refusal(folder)


def test_a_text_length_fixed_in_the_graph_wins(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "fixed", manifest=False)

    def fix(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 12

    change_graph(folder / "text_encoder/model.onnx", fix)
    assert open_package(folder).text_length == 12


def test_a_text_length_has_to_be_said(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "silent", manifest=False)
    change_json(folder / "tokenizer/tokenizer_config.json", model_max_length=None)
    change_json(folder / "text_encoder/config.json", max_position_embeddings=None)
    assert "max_position_embeddings" in refusal(folder)


@pytest.mark.parametrize(
    "name",
    [
        "unet/model.onnx",
        "vae_encoder/model.onnx",
        "vae_decoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/merges.txt",
    ],
)
@pytest.mark.parametrize("manifest", [True, False])
def test_a_missing_file_is_named(tmp_path: Path, write_tiny_package: Writer, name: str, manifest: bool) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=manifest)
    (folder / name).unlink()
    assert name in refusal(folder).replace(os.sep, "/")


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "no model package" in refusal(tmp_path / "nowhere")
    assert "no model package" in refusal(tmp_path / "file")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "unet/weights.PT", "a/b.ckpt", ".hidden/x.pkl", "x.pth"])
def test_pickles_are_refused_wherever_they_are(tiny_package: Path, name: str) -> None:
    (tiny_package / name).parent.mkdir(parents=True, exist_ok=True)
    (tiny_package / name).write_bytes(b"")
    assert "pickle" in refusal(tiny_package)


@pytest.mark.parametrize("target", ["outside", "../outside", "missing"])
def test_links_out_of_the_folder_are_refused(tmp_path: Path, tiny_package: Path, target: str) -> None:
    (tmp_path / "outside").write_text("{}")
    link = tiny_package / "unet/extra.json"
    link.symlink_to({"outside": tmp_path / "outside", "missing": tiny_package / "missing"}.get(target, Path(target)))
    assert "extra.json" in refusal(tiny_package)


def test_a_linked_folder_is_refused(tmp_path: Path, tiny_package: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tiny_package / "extra").symlink_to(tmp_path / "elsewhere")
    assert "link" in refusal(tiny_package)


def test_a_link_inside_of_the_folder_and_to_the_folder_are_fine(tmp_path: Path, tiny_package: Path) -> None:
    config = tiny_package / "unet/config.json"
    config.rename(tiny_package / "unet/real.json")
    config.symlink_to("real.json")
    (tmp_path / "link").symlink_to(tiny_package)
    assert open_package(tmp_path / "link").name == "tiny"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "unet/../../x", "C:/x", "unet\\..\\..\\x", "", "a\0b"])
def test_a_manifest_cannot_name_what_is_outside(tiny_package: Path, name: str) -> None:
    change_json(tiny_package / "manifest.json", files={name: {"sha256": "0" * 64, "size": 1}})
    assert "outside" in refusal(tiny_package)


@pytest.mark.parametrize("location", ["../../secret", "/etc/passwd", "..\\secret"])
def test_external_data_cannot_be_outside(tmp_path: Path, write_tiny_package: Writer, location: str) -> None:
    folder = write_tiny_package(tmp_path / "p", external_data=True, manifest=False)

    def move(model: onnx.ModelProto) -> None:
        external = next(tensor for tensor in model.graph.initializer if tensor.external_data)
        external.external_data[0].value = location

    change_graph(folder / "unet/model.onnx", move)
    assert "outside" in refusal(folder)


def test_external_data_of_a_subgraph_is_found_too(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    tensor = onnx.TensorProto(name="w", dims=[1], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret")
    inner = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["w"], value=tensor)], "inner", [], [])
    node = onnx.helper.make_node("If", ["c"], [], then_branch=inner, else_branch=inner)
    change_graph(folder / "unet/model.onnx", lambda model: model.graph.node.append(node))
    assert "outside" in refusal(folder)


def test_external_data_belongs_to_the_package(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", external_data=True)
    package = open_package(folder)
    assert package.manifest is not None
    assert "unet/model.onnx_data" in {file.path for file in package.manifest.files}
    (folder / "unet/model.onnx_data").unlink()
    assert "model.onnx_data" in refusal(folder)


def add_graph(folder: Path, stem: str = "attention") -> Path:
    """A second graph of the UNet that shares its weights."""
    file = folder / "unet" / f"{stem}.onnx"
    file.write_bytes((folder / "unet" / "model.onnx").read_bytes())
    return file


def test_the_graph_that_is_liked_best_is_chosen(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", external_data=True, manifest=False)
    package = open_package(folder)
    assert package.graph("unet", ("fp16", "attention", "model")) == package.unet
    assert package.graph("vae_encoder") == package.vae_encoder
    fused = add_graph(folder)
    assert open_package(folder).graph("unet", ("fp16", "attention", "model")) == fused
    assert open_package(folder).graph("unet", ("fp16", "model")) == package.unet


def test_the_weights_of_every_graph_are_looked_at(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", external_data=True, manifest=False)

    def move(model: onnx.ModelProto) -> None:
        external = next(tensor for tensor in model.graph.initializer if tensor.external_data)
        external.external_data[0].value = "../../secret"

    change_graph(add_graph(folder, "fp16"), move)
    assert "outside" in refusal(folder)
    (folder / "unet/fp16.onnx").write_bytes(b"damaged")
    assert "fp16.onnx is not an ONNX model" in refusal(folder)


def test_the_manifest_has_to_vouch_for_every_graph(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", external_data=True)
    add_graph(folder)
    assert "attention.onnx is not in the manifest" in refusal(folder)


def test_what_the_manifest_does_not_vouch_for_is_not_read(tiny_package: Path) -> None:
    files = json.loads((tiny_package / "manifest.json").read_text())["files"]
    del files["unet/model.onnx"]
    change_json(tiny_package / "manifest.json", files=files)
    assert "not in the manifest" in refusal(tiny_package)


@pytest.mark.parametrize(
    ("part", "values", "word"),
    [
        ("unet", {"in_channels": 4}, "config.json says 4"),
        ("vae_decoder", {"latent_channels": 16}, "config.json says 16"),
        ("vae_decoder", {"block_out_channels": []}, "block_out_channels"),
        ("vae_decoder", {"scaling_factor": 0}, "scaling_factor"),
        ("vae_decoder", {"scaling_factor": "0.18"}, "scaling_factor"),
        ("vae_decoder", {"scaling_factor": 10**400}, "scaling_factor"),
        ("vae_decoder", {"shift_factor": True}, "shift_factor"),
        ("unet", {"block_out_channels": None}, "block_out_channels"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(
    tmp_path: Path, write_tiny_package: Writer, part: str, values: dict[str, Any], word: str
) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    change_json(folder / part / "config.json", **values)
    assert word in refusal(folder)


def test_an_unknown_prediction_type_is_refused(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    change_json(folder / "scheduler/scheduler_config.json", prediction_type="sample")
    assert "epsilon or v_prediction" in refusal(folder)


@pytest.mark.parametrize(
    ("part", "port", "dimension", "value", "word"),
    [
        ("unet", "input", 1, 4, "another kind of model"),
        ("unet", "input", 1, 9, "another kind of model"),
        ("unet", "output", 1, 8, "do not belong together"),
        ("vae_encoder", "output", 1, 6, "do not belong together"),
        ("text_encoder", "output", 2, 768, "width"),
    ],
)
def test_graphs_that_do_not_fit_are_refused(
    tmp_path: Path, write_tiny_package: Writer, part: str, port: str, dimension: int, value: int, word: str
) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)

    def set_channels(model: onnx.ModelProto) -> None:
        getattr(model.graph, port)[0].type.tensor_type.shape.dim[dimension].dim_value = value

    change_graph(folder / part / "model.onnx", set_channels)
    if port == "input":
        change_json(folder / part / "config.json", in_channels=value)
    assert word in refusal(folder)


def test_an_encoder_that_samples_is_refused(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    noise = onnx.helper.make_node("RandomNormalLike", ["sample"], ["noise"])
    change_graph(folder / "vae_encoder/model.onnx", lambda model: model.graph.node.append(noise))
    assert "random sample" in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "\ufeff{}", "[" * 100_000, '{"a": 1e999'])
@pytest.mark.parametrize("name", ["manifest.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_bad_json_is_refused(tmp_path: Path, write_tiny_package: Writer, name: str, text: str) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    (folder / name).write_text(text, encoding="utf-8")
    assert Path(name).name in refusal(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"format": 2},
        {"format": "1"},
        {"name": "../x"},
        {"name": "con"},
        {"name": 5},
        {"licence": None},
        {"instructions": "make it red"},
        {"instructions": [1]},
        {"dials": []},
        {"dials": {"steps": 0, "text_scale": 1, "image_scale": 1, "sampler": "euler", "size": 64}},
        {"dials": {"steps": 4, "text_scale": -1, "image_scale": 1, "sampler": "euler", "size": 64}},
        {"dials": {"steps": 4, "text_scale": 1, "image_scale": float("nan"), "sampler": "euler", "size": 64}},
        {"dials": {"steps": 4, "text_scale": 1, "image_scale": 1, "sampler": "euler", "size": True}},
        {"files": []},
        {"files": {"unet/model.onnx": {"sha256": "xyz", "size": 1}}},
        {"files": {"unet/model.onnx": {"sha256": "0" * 64, "size": -1}}},
    ],
)
def test_a_bad_manifest_is_refused(tiny_package: Path, values: dict[str, Any]) -> None:
    change_json(tiny_package / "manifest.json", **values)
    assert "manifest.json" in refusal(tiny_package)


def test_another_size_is_seen_without_hashing(tiny_package: Path) -> None:
    with (tiny_package / "unet/model.onnx").open("ab") as file:
        file.write(b"\0")
    assert "damaged" in refusal(tiny_package)


def test_one_changed_bit_is_seen_by_verifying(tiny_package: Path) -> None:
    package = open_package(tiny_package)
    shares: list[float] = []
    verify_package(package, shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0
    merges = tiny_package / "tokenizer/merges.txt"
    data = bytearray(merges.read_bytes())
    data[-2] ^= 1
    merges.write_bytes(data)
    with pytest.raises(PackageError, match=r"merges\.txt .* hash differs"):
        verify_package(open_package(tiny_package))


def test_nothing_to_verify_without_a_manifest(tmp_path: Path, write_tiny_package: Writer) -> None:
    with pytest.raises(PackageError, match=r"no manifest\.json"):
        verify_package(open_package(write_tiny_package(tmp_path / "p", manifest=False)))


def test_a_manifest_is_written_and_read_back(tmp_path: Path, write_tiny_package: Writer) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    (folder / ".cache").write_text("hidden")
    (folder / "unet/model.safetensors").write_text("for other programs")
    bare = open_package(folder).sha256
    dials = Dials(8, 3.0, 1.25, "ddim", 96)
    about: dict[str, Any] = {"licence": "MIT", "precision": "fp32", "dials": dials, "source": "here"}
    package = write_manifest(folder, name="mine", instructions=["mach es rot — é"], **about)
    assert package == open_package(folder)
    assert (package.name, package.dials, package.instructions) == ("mine", dials, ("mach es rot — é",))
    assert package.sha256 == bare
    assert package.manifest is not None
    assert not {".cache", "unet/model.safetensors", "manifest.json"} & {file.path for file in package.manifest.files}
    verify_package(package)


@pytest.mark.parametrize("name", ["", "a/b", "..", "con", "LPT1.txt", "x" * 65, "end.", " a", "é"])
def test_a_manifest_with_an_unsafe_name_is_not_written(tmp_path: Path, write_tiny_package: Writer, name: str) -> None:
    folder = write_tiny_package(tmp_path / "p", manifest=False)
    about: dict[str, Any] = {"licence": "", "precision": "fp32", "dials": Dials(), "instructions": [], "source": ""}
    with pytest.raises(PackageError, match="cannot be named"):
        write_manifest(folder, name=name, **about)
    (folder / "unet/config.json").unlink()
    with pytest.raises(PackageError, match="missing"):
        write_manifest(folder, name="fine", **about)
    assert not list(folder.glob("*manifest*"))


@given(st.text("aZ09._- /\\:é日\0conNUL", max_size=80))
def test_every_text_has_a_safe_name(text: str) -> None:
    assert is_safe_name(safe_name(text))
    assert not is_safe_name(text) or safe_name(text) in (text, text.strip("._-"))


@pytest.fixture(scope="module")
def graph_bytes(tmp_path_factory: pytest.TempPathFactory, tiny: Any) -> tuple[bytes, Path]:
    folder = tiny.write_tiny_package(tmp_path_factory.mktemp("fuzz") / "p", external_data=True)
    return (folder / "unet/model.onnx").read_bytes(), folder / "fuzzed.onnx"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_graph_gives_a_sentence_or_is_read(graph_bytes: tuple[bytes, Path], data: st.DataObject) -> None:
    original, path = graph_bytes
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        read_graph(path)
    except PackageError as error:
        assert "fuzzed.onnx" in str(error) and "\n" not in str(error)


def test_a_graph_is_read_as_onnx_reads_it(tiny_package: Path) -> None:
    for path in tiny_package.rglob("model.onnx"):
        ours, theirs = read_graph(path), onnx.load(path).graph
        assert [port.name for port in ours.inputs] == [port.name for port in theirs.input]
        assert [port.name for port in ours.outputs] == [port.name for port in theirs.output]
        assert ours.operators == {node.op_type for node in theirs.node}
    unet = read_graph(tiny_package / "unet/model.onnx")
    assert [port.shape for port in unet.inputs[:2]] == [("batch_size", 8, "height", "width"), ()]


def test_reading_packages_imports_no_runtime() -> None:
    code = (
        "import sys, inference.package, inference.store, inference.types\n"
        "print([name for name in ('onnxruntime', 'tokenizers', 'cv2', 'torch') if name in sys.modules])"
    )
    child = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "[]"
