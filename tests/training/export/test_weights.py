"""Weights are read one at a time, as float32, from every layout of safetensors files; a damaged file is a sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from training.export.errors import ExportSourceError
from training.export.weights import folder_weights, reshaped, safetensors_weights, same_but_for_ones, weight_files


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_every_type_is_read_as_float32(tmp_path: Path, kind: torch.dtype) -> None:
    first, second = torch.arange(12).reshape(3, 4).to(kind) - 3, torch.full((5,), 7).to(kind)
    save_file({"a": first, "b": second}, tmp_path / "x.safetensors")
    found = safetensors_weights(tmp_path / "x.safetensors")
    assert found["a"].shape == (3, 4)
    for name, value in (("a", first), ("b", second)):
        values = found[name].read()
        assert values.dtype == np.float32 and (values == value.float().numpy()).all()
    again = reshaped(found["a"], (3, 4, 1, 1)).read()
    assert again.shape == (3, 4, 1, 1)


def test_shards_are_read_through_their_index(tmp_path: Path) -> None:
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for name, key in zip(names, "ab", strict=True):
        save_file({key: torch.ones(2)}, tmp_path / name)
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert set(folder_weights(tmp_path)) == {"a", "b"}
    (tmp_path / names[1]).unlink()
    with pytest.raises(ExportSourceError, match=r"00002-of-00002\.safetensors is missing"):
        folder_weights(tmp_path)


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd"])
def test_an_index_cannot_name_what_is_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(ExportSourceError, match="outside"):
        folder_weights(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"weight_map": 1}', "{}"])
def test_a_damaged_index_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(ExportSourceError, match="index"):
        folder_weights(tmp_path)


def test_plain_names_come_before_variants(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "model.fp16.safetensors")
    assert weight_files(tmp_path)[0].name == "model.fp16.safetensors"
    save_file({"a": torch.ones(1)}, tmp_path / "model.safetensors")
    assert weight_files(tmp_path)[0].name == "model.safetensors"
    (tmp_path / "none").mkdir()
    with pytest.raises(ExportSourceError, match=r"no \.safetensors weights"):
        weight_files(tmp_path / "none")


def test_a_file_that_is_cut_short_is_seen_before_anything_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"a": torch.ones(1000)}, file)
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ExportSourceError, match="cut short by 4 bytes"):
        safetensors_weights(file)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 4]},
        {"dtype": "F32", "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0]},
        [],
    ],
)
def test_a_header_that_lies_is_a_sentence(tmp_path: Path, entry: object) -> None:
    text = json.dumps({"a": entry}).encode()
    file = tmp_path / "x.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(ExportSourceError, match=r"x\.safetensors"):
        safetensors_weights(file)


def test_shapes_that_differ_in_ones_are_the_same() -> None:
    assert same_but_for_ones((4, 3, 1, 1), (4, 3)) and not same_but_for_ones((3, 4), (4, 3))
