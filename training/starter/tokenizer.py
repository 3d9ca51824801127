"""The bundled model's tokenizer: CLIP's byte-pair format, with merges learnt from the grammar's phrases."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from training.libraries import transformers
from training.starter.grammar import all_phrases

_tokenizers: Any = import_module("tokenizers")

START, END = "<|startoftext|>", "<|endoftext|>"
_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def build_tokenizer(folder: Path, *, merges: int, length: int) -> Any:
    """Writes vocab.json and merges.txt to `folder` and reads them back the way the full-size model's are read."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = _learn_merges(merges)
    letters: list[str] = sorted(_tokenizers.pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(f"{c}</w>" for c in letters), *("".join(pair) for pair in pairs), START, END]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(dict.fromkeys(words))}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))
    return transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=length)


def _learn_merges(count: int) -> list[tuple[str, str]]:
    tokenizer = _tokenizers.Tokenizer(_tokenizers.models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = _tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = _tokenizers.pre_tokenizers.Sequence(
        [
            _tokenizers.pre_tokenizers.Split(_tokenizers.Regex(_SPLIT), "removed", invert=True),
            _tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    # Every distinct phrase once: the frequent words of the grammar become one token each.
    trainer = _tokenizers.trainers.BpeTrainer(vocab_size=count + 512, end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator(all_phrases(), trainer)
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
