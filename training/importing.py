"""`python -m training import SOURCE -o DIR`: any source of weights to a verified model package, in one command.

This process needs no PyTorch and watches over the one that does the work (`training.import_work`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inference.manifest import Dials, is_safe_name, safe_name
from training.export.errors import ExportError, ExportTargetError
from training.export.files import check_space, check_target, clean
from training.export.lora_keys import Lora, is_few_steps, is_lora, parse_lora
from training.export.source import model_size
from training.export.vocabulary import find_vocabulary
from training.export.weights import read_header
from training.import_wishes import Wishes
from training.looking import Look, look
from training.supervision import supervise

MODEL, TARGET = 4, 5
WORKER = "training.import_work"

FEW_STEPS = Dials(steps=4, text_scale=1.5, image_scale=1.0, sampler="lcm")
"""Dials for latent consistency models (Luo et al., arXiv 2311.05556): four steps of their own sampler, and little
guidance, for which its authors name 1 to 2 (1 is none); an image scale of 1 saves a third of the work.
"""


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 done, 2 usage, 4 the model or what it needs, 5 not writable, 130 cancelled."""
    arguments = _parser().parse_args(argv)
    try:
        wishes = _wishes(arguments)
    except ExportError as error:
        print(error, file=sys.stderr)
        return TARGET if isinstance(error, ExportTargetError) else MODEL
    return supervise(
        WORKER, wishes.as_json(), wishes.target, events=wishes.events, cancelled="The import was cancelled."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training import", description="Make a verified model package.")
    parser.add_argument(
        "source", type=Path, help="a diffusers folder, a .safetensors file, a .ckpt of plain tensors, or an ONNX folder"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the package folder to make")
    parser.add_argument("--name", default="", help="the model's name (default: the source's)")
    parser.add_argument("--licence", default="", help="the licence of the weights (default: what the source says)")
    parser.add_argument("--config", type=Path, metavar="DIR", help="for a single file: a folder with CLIP's vocabulary")
    parser.add_argument("--lora", action="append", default=[], metavar="FILE[:WEIGHT]", help="a LoRA to merge")
    parser.add_argument(
        "--few-steps", action=argparse.BooleanOptionalAction, default=None,
        help="suggest 4 steps, for an LCM-LoRA (default: when a LoRA's name says so)",
    )  # fmt: skip
    parser.add_argument("--precision", choices=("fp16", "fp32"), default="fp16", help="how weights are stored")
    parser.add_argument("--replace", action="store_true", help="an existing package at DIR gives way")
    parser.add_argument("--no-check", action="store_true", help="do not compare the package with the original")
    parser.add_argument("--events", action="store_true", help="print progress as JSON; the end of the input cancels")
    return parser


def _wishes(arguments: argparse.Namespace) -> Wishes:
    """What to do, once all that can be known to go wrong has been looked at. Raises `ExportError`."""
    found = look(arguments.source)
    loras = tuple(parse_lora(text) for text in arguments.lora)
    _check_source(found, arguments, loras)
    name = arguments.name or safe_name(found.name)
    if not is_safe_name(name):
        raise ExportError(f"A model cannot be named {name!r}: use letters, digits, dots, dashes and underscores.")
    clean(arguments.output)
    check_target(arguments.output, arguments.replace)
    check_space(arguments.output, found.needs_bytes)
    headers = [(lora.file, read_header(lora.file)) for lora in loras]
    few_steps = arguments.few_steps
    if few_steps is None:
        few_steps = any(is_few_steps(file, header) for file, header in headers)
    return Wishes(
        source=arguments.source,
        kind=found.kind,
        target=arguments.output,
        name=name,
        licence=arguments.licence or found.licence,
        dials=_dials(found, arguments.source, few_steps),
        config=arguments.config,
        loras=loras,
        precision=arguments.precision,
        replace=arguments.replace,
        check=not arguments.no_check,
        events=arguments.events,
    )


def _check_source(found: Look, arguments: argparse.Namespace, loras: Sequence[Lora]) -> None:
    if found.problem:
        raise ExportError(found.problem)
    if found.kind == "lora":
        raise ExportError(
            f"{arguments.source} is a LoRA, which changes another model: import that model and name this with --lora."
        )
    for lora in loras:
        if not lora.file.is_file():
            raise ExportError(f"There is no LoRA at {lora.file}: check the path.")
        if lora.file.suffix.lower() != ".safetensors" or not is_lora(read_header(lora.file).tensors):
            raise ExportError(f"{lora.file} is no LoRA of the .safetensors kind, and only those can be merged.")
    if loras and not found.needs_train:
        raise ExportError(
            f"A LoRA cannot be merged into {arguments.source}, whose graphs are made already: import the model as a "
            "diffusers folder or .safetensors file."
        )
    if found.kind in ("single", "checkpoint") and find_vocabulary(arguments.source, arguments.config) is None:
        raise ExportError(
            f"{arguments.source} holds no vocabulary and there is no tokenizer/vocab.json and merges.txt near it: name "
            "the folder of any Stable Diffusion 1 model with --config."
        )


def _dials(found: Look, source: Path, few_steps: bool) -> Dials:
    size = model_size(source) if found.kind == "diffusers" else Dials().size
    return replace(FEW_STEPS if few_steps else Dials(), size=size)
