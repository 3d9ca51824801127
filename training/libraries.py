"""PyTorch and its companions as untyped modules: their own annotations are partial, ours begin where values leave them.

Importing this module needs `palimpsest[train]`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from training.export.quiet import quiet

torch: Any = import_module("torch")
with quiet():  # diffusers tells the terminal which of two distributions it takes for optimum's
    diffusers: Any = import_module("diffusers")
    transformers: Any = import_module("transformers")
