"""A .ckpt is read by torch's weights-only loader, or not at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from training.export.checkpoint import checkpoint_weights
from training.export.errors import ExportSourceError
from training.export.source import check_source


class Bomb:
    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return (os.open, (self.file, os.O_CREAT))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("wrapped", [True, False])
def test_tensors_are_read_from_where_they_lie(tmp_path: Path, kind: torch.dtype, wrapped: bool) -> None:
    base = torch.arange(24).reshape(4, 6).to(kind)
    tensors = {"whole": base, "part": base[2:], "number": torch.tensor(3.5).to(kind)}
    table = {"state_dict": {**tensors, "note": "x"}, "epoch": 3} if wrapped else tensors
    torch.save(table, tmp_path / "m.ckpt")
    check_source(tmp_path / "m.ckpt")
    found = checkpoint_weights(tmp_path / "m.ckpt")
    assert set(found) == set(tensors)
    for name, value in tensors.items():
        assert found[name].shape == tuple(value.shape)
        assert (found[name].read() == value.float().numpy()).all()


def test_code_is_never_run(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(2)}, "callbacks": Bomb(tmp_path / "exploded")}, tmp_path / "m.ckpt")
    with pytest.raises(ExportSourceError, match=r"holds more than tensors .* get the model as \.safetensors"):
        checkpoint_weights(tmp_path / "m.ckpt")
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_of_the_old_kind_is_not_even_tried(tmp_path: Path) -> None:
    (tmp_path / "m.ckpt").write_bytes(pickle.dumps({"a": Bomb(tmp_path / "exploded")}))
    with pytest.raises(ExportSourceError, match="is a pickle"):
        check_source(tmp_path / "m.ckpt")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "list"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "m.ckpt"
    torch.save([torch.ones(100)] if damage == "list" else {} if damage == "empty" else {"a": torch.ones(100)}, file)
    data = bytearray(file.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    if damage == "noise":
        data[60:90] = bytes(30)
    file.write_bytes(data)
    with pytest.raises(ExportSourceError, match=r"m\.ckpt"):
        checkpoint_weights(file)


def test_what_cannot_be_read_in_place_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(4, 6).T}, tmp_path / "m.ckpt")
    with pytest.raises(ExportSourceError, match="not known here"):
        checkpoint_weights(tmp_path / "m.ckpt")
