"""Checkpoints as safetensors: tensors and a small table of numbers, written aside, fsynced and renamed; nothing pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, object]) -> None:
    """Writes `tensors` and `meta` (JSON values) to `path`; a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    save_file({k: t.detach().contiguous().clone() for k, t in tensors.items()}, aside, {"meta": json.dumps(dict(meta))})
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """Reads what `save_tensors` wrote."""
    with safe_open(path, framework="pt") as file:  # pyright: ignore
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return tensors, json.loads((file.metadata() or {}).get("meta", "{}"))


def optimizer_tensors(optimizer: torch.optim.Optimizer, prefix: str = "optimizer") -> dict[str, torch.Tensor]:
    """The optimizer's moments and step counts, by parameter number."""
    state: dict[int, dict[str, torch.Tensor]] = optimizer.state_dict()["state"]
    return {f"{prefix}.{i}.{name}": value for i, entry in state.items() for name, value in entry.items()}


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], prefix: str = "optimizer"
) -> None:
    """Puts back what `optimizer_tensors` took; the parameters have to be the same ones in the same order."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(f"{prefix}."):
            _, number, name = key.rsplit(".", 2)
            state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
