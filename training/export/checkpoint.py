"""Checkpoints of PyTorch (.ckpt), read by its weights-only loader alone: it makes tensors and runs no code.

Only the table of tensors is loaded; where each lies in the file is asked of the loader, and the numbers are read from
there when they are needed (https://docs.pytorch.org/docs/stable/notes/serialization.html).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from training.export.errors import ExportSourceError
from training.export.weights import Weight, read_at

_TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64", "int32": "I32"}


def checkpoint_weights(file: Path) -> dict[str, Weight]:
    """Every tensor of `file` by name.

    Raises `ExportSourceError` where the weights-only loader refuses the file, with the safe way to go on.
    """
    table = _table(file)
    torch = cast("Any", import_module("torch"))
    return {name: _weight(file, name, tensor) for name, tensor in table.items() if isinstance(tensor, torch.Tensor)}


def refusal(file: Path, reason: str) -> ExportSourceError:
    """Why a pickle is not opened, and what to do instead."""
    return ExportSourceError(
        f"{file} is a pickle that holds more than tensors ({reason}) and could run code when it is opened, so it is "
        "not opened: get the model as .safetensors, or convert it on a machine that you can spare, with torch.load and "
        "safetensors.torch.save_file."
    )


def _table(file: Path) -> Mapping[str, Any]:
    torch = cast("Any", import_module("torch"))
    fake = cast("Any", import_module("torch._subclasses.fake_tensor")).FakeTensorMode()
    try:
        with warnings.catch_warnings(), fake:
            warnings.simplefilter("ignore")
            loaded = torch.load(str(file), map_location="cpu", weights_only=True)
    except Exception as error:  # the loader raises whatever the damage makes
        reason = _blocked(str(error))
        if reason:
            raise refusal(file, reason) from None
        raise ExportSourceError(
            f"{file} is no checkpoint that can be read ({type(error).__name__}): fetch the file again, or get the "
            "model as .safetensors."
        ) from None
    whole = cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}
    table: object = whole.get("state_dict", whole)
    if not isinstance(table, dict) or not table:
        raise ExportSourceError(f"{file} holds no table of weights: choose another file.")
    return cast("Mapping[str, Any]", table)


def _blocked(message: str) -> str:
    """What the loader would not make, out of its message; "" where it is about something else."""
    for mark in ("Unsupported global: GLOBAL ", "Unsupported class ", "Unsupported operand ", "Blocked"):
        if mark in message:
            return message.split(mark, 1)[1].split()[0].strip(".,'\"") if mark != "Blocked" else "a blocked function"
    return "what its loader refuses" if "weights_only" in message or "Weights only" in message else ""


def _weight(file: Path, name: str, tensor: Any) -> Weight:
    kind = _TYPES.get(str(tensor.dtype).removeprefix("torch."))
    begin = getattr(tensor.untyped_storage(), "_checkpoint_offset", None)
    if kind is None or begin is None or not tensor.is_contiguous():
        raise ExportSourceError(f"{file} stores {name} in a way that is not known here: get the model as .safetensors.")
    shape = tuple(int(side) for side in tensor.shape)
    offset = int(begin) + int(tensor.storage_offset()) * int(tensor.element_size())
    return Weight(shape, kind, partial(read_at, file, kind, shape, offset))
