"""PyTorch and its companions as untyped modules: their own annotations are partial, ours begin where values leave them.

Importing this module needs `palimpsest[train]`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

torch: Any = import_module("torch")
diffusers: Any = import_module("diffusers")
transformers: Any = import_module("transformers")
