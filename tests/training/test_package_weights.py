"""Weights come back from the graphs of a package, bit for bit as they are stored there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import resources
from inference.manifest import MANIFEST
from inference.package import open_package
from tests.training.tiny_model import block_network, export_tiny
from training import package_weights
from training.export.errors import ExportSourceError
from training.export.graph_file import read_structure, write_graph
from training.export.load import Source, open_source
from training.export.storing import halved
from training.export.weights import Weights
from training.package_weights import Traced, component_weights, package_source, traced_components
from training.same_graph import renaming, weights_in_order

ORIGINAL = os.environ.get("PALIMPSEST_STARTER_PIPELINE", "")
STARTER = Path(resources.__file__).parent / "models" / "starter"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    block_network(monkeypatch)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def half(base: Path) -> Path:
    return export_tiny(base, "fp16").folder


@pytest.fixture(scope="session")
def original(half: Path) -> Source:
    return open_source(half.parent / "tiny-source")


@pytest.fixture(scope="session")
def found(half: Path) -> Source:
    return package_source(open_package(half))


@pytest.fixture(scope="session")
def unet(half: Path) -> Traced:
    """Of the many cases one component will do: tracing takes seconds."""
    return next(
        each for each in traced_components(open_source(half.parent / "tiny-source").pipeline) if each.name == "unet"
    )


@pytest.fixture
def package(half: Path, tmp_path: Path) -> Path:
    """A copy to be changed: nothing vouches for its files."""
    copy = shutil.copytree(half, tmp_path / "package")
    (copy / MANIFEST).unlink()
    return copy


def every_weight(source: Source, other: Source) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    assert source.weights.keys() == other.weights.keys()
    for part, weights in source.weights.items():
        for name, values, given in both(weights, other.weights[part]):
            yield f"{part}.{name}", values, given


def both(weights: Weights, others: Weights) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        values = weight.read()
        assert values.shape == weight.shape and values.dtype == np.float32
        yield name, values, others[name].read()


def test_every_weight_of_a_float16_package_comes_back(found: Source, original: Source) -> None:
    for name, values, given in every_weight(found, original):
        assert (values == halved(given)).all(), name


def test_settings_and_words_come_back_too(found: Source, original: Source) -> None:
    text = "make the red things blue, don't"
    assert found.pipeline.tokenizer(text).input_ids == original.pipeline.tokenizer(text).input_ids
    assert found.pipeline.tokenizer.model_max_length == original.pipeline.tokenizer.model_max_length
    assert dict(found.pipeline.scheduler.config) == dict(original.pipeline.scheduler.config)
    for part in ("unet", "vae"):
        one, other = (dict(getattr(each.pipeline, part).config) for each in (found, original))
        for config in (one, other):
            config.pop("_name_or_path", None)
        assert one == other


def test_weights_in_a_file_of_their_own_are_read_from_there(
    package: Path, unet: Traced, original: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = package / "unet" / "model.onnx"
    whole = onnx.load(str(file))
    file.unlink()
    onnx.save(whole, str(file), save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    monkeypatch.setattr(package_weights, "RUN_BELOW", 0)
    # Large graphs are compared, not run.
    monkeypatch.setattr(package_weights, "compare", lambda *_: pytest.fail("it was run"))
    for name, values, given in both(component_weights(open_package(package), unet), original.weights["unet"]):
        assert (values == halved(given)).all(), name


def change(package: Path, edit: Callable[[onnx.ModelProto], None]) -> None:
    graph = read_structure(package / "unet" / "model.onnx")
    edit(graph)
    write_graph(graph, package / "unet" / "model.onnx")


def rename(graph: onnx.ModelProto, new: Callable[[str], str]) -> None:
    for tensor in graph.graph.initializer:
        tensor.name = new(tensor.name)
    for node in graph.graph.node:
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]


def test_another_numbering_does_no_harm(package: Path, unet: Traced, original: Source) -> None:
    """Another version of PyTorch counts otherwise, here backwards."""

    def new(name: str) -> str:
        if not name.startswith("onnx::"):
            return name
        head, _, rest = name.rpartition("_")
        number, dot, end = rest.partition(".")
        return f"{head}_{9999 - int(number)}{dot}{end}"

    change(package, lambda graph: rename(graph, new))
    for name, values, given in both(component_weights(open_package(package), unet), original.weights["unet"]):
        assert (values == halved(given)).all(), name


def reorder(graph: onnx.ModelProto) -> None:
    """Its operators take their weights in another order than the settings say."""
    nodes = list(graph.graph.node)
    linear = [at for at, node in enumerate(nodes) if node.op_type == "MatMul" and "attn1/to_" in node.name]
    first, second = linear[:2]
    nodes[first], nodes[second] = nodes[second], nodes[first]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def confuse(graph: onnx.ModelProto) -> None:
    """Two weights of one shape bear each other's names."""
    one, other = "down_blocks.0.resnets.0.conv1.bias", "down_blocks.0.resnets.0.conv2.bias"
    rename(graph, lambda name: {one: other, other: one}.get(name, name))


@pytest.mark.parametrize("below", [0, 10**9])
@pytest.mark.parametrize("edit", [reorder, confuse])
def test_a_wrong_match_is_noticed(
    package: Path, unet: Traced, monkeypatch: pytest.MonkeyPatch, below: int, edit: Callable[[onnx.ModelProto], None]
) -> None:
    """Be the graph large or small."""
    change(package, edit)
    monkeypatch.setattr(package_weights, "RUN_BELOW", below)
    with pytest.raises(ExportSourceError, match="unet answers otherwise"):
        component_weights(open_package(package), unet)


def test_weights_that_were_renamed_are_refused_in_one_sentence(package: Path, unet: Traced) -> None:
    change(package, lambda graph: rename(graph, lambda name: name.replace("conv_in.weight", "w0")))
    with pytest.raises(ExportSourceError) as caught:
        component_weights(open_package(package), unet)
    assert "unet/model.onnx does not hold them by their names" in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_another_shape_are_refused(package: Path, unet: Traced) -> None:
    def widen(graph: onnx.ModelProto) -> None:
        tensor = next(tensor for tensor in graph.graph.initializer if tensor.name == "conv_out.weight.half")
        tensor.CopyFrom(numpy_helper.from_array(np.zeros((5, 16, 3, 3), np.float16), tensor.name))

    change(package, widen)
    with pytest.raises(ExportSourceError, match=r"unet/model\.onnx does not hold them"):
        component_weights(open_package(package), unet)


def test_settings_that_cannot_be_read_are_refused(package: Path) -> None:
    (package / "scheduler" / "scheduler_config.json").write_text("{}")
    with pytest.raises(ExportSourceError, match="settings cannot be read"):
        package_source(open_package(package))


@pytest.mark.slow
@pytest.mark.skipif(not ORIGINAL, reason="PALIMPSEST_STARTER_PIPELINE names no folder, the bundled model's origin")
def test_the_bundled_model_is_what_it_was_made_of() -> None:
    for name, found, given in every_weight(package_source(open_package(STARTER)), open_source(Path(ORIGINAL))):
        assert (found == halved(given)).all(), name


def test_graphs_are_the_same_but_for_names(half: Path) -> None:
    one, other = (read_structure(half / "unet" / "model.onnx") for _ in range(2))
    kept = {value.name for value in (*one.graph.input, *one.graph.output)}
    rename(other, lambda name: name if name in kept or not name else f"x{name}")
    names = renaming(one, other)
    assert names is not None and all(new in (old, f"x{old}") for old, new in names.items())
    assert [names[name] for name in weights_in_order(one)] == list(weights_in_order(other))


def test_graphs_with_other_constants_shapes_or_wires_differ(half: Path) -> None:
    def changed(edit: Callable[[onnx.GraphProto], object]) -> bool:
        one, other = (read_structure(half / "vae_encoder" / "model.onnx") for _ in range(2))
        edit(other.graph)
        return renaming(one, other) is None

    def widen(graph: onnx.GraphProto) -> None:
        graph.initializer[0].dims[0] += 1

    def scale(graph: onnx.GraphProto) -> None:
        next(node for node in graph.node if node.op_type == "InstanceNormalization").attribute[0].f *= 2

    def rewire(graph: onnx.GraphProto) -> None:
        node = next(node for node in graph.node if node.op_type == "Add" and "resnets" in node.name)
        node.input[0] = node.input[1]

    def cut(graph: onnx.GraphProto) -> None:
        graph.node.pop()

    assert not changed(lambda graph: None)
    assert all(changed(edit) for edit in (widen, scale, rewire, cut))
