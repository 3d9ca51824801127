"""Checkpoints as safetensors: tensors and a table of JSON values, written aside, fsynced, renamed; nothing pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

_safetensors: Any = import_module("safetensors.torch")


def save_tensors(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, object]) -> None:
    """Writes `tensors` and `meta` (JSON values) to `path`; a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    _safetensors.save_file(
        {k: t.detach().contiguous().clone() for k, t in tensors.items()}, aside, {"meta": json.dumps(dict(meta))}
    )
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Reads what `save_tensors` wrote."""
    with cast("Any", import_module("safetensors")).safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in [*file.keys()]}
        table: dict[str, str] = file.metadata() or {}
        return tensors, json.loads(table.get("meta", "{}"))


def optimizer_tensors(optimizer: Any, prefix: str = "optimizer") -> dict[str, Tensor]:
    """The optimizer's moments and step counts, by parameter number."""
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return {f"{prefix}.{i}.{name}": value for i, entry in state.items() for name, value in entry.items()}


def restore_optimizer(optimizer: Any, tensors: Mapping[str, Tensor], prefix: str = "optimizer") -> None:
    """Puts back what `optimizer_tensors` took; the parameters have to be the same ones in the same order."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(f"{prefix}."):
            _, number, name = key.rsplit(".", 2)
            state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
