"""Writes the tokenizer folder of a package: CLIP's own files, and `tokenizer.json` for the `tokenizers` library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

# CLIP's words: contractions, runs of letters, single digits, runs of anything else that is no space.
WORDS = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
# Python lowers a sigma at the end of a word to its final form; the tokenizers library sees one character at a time.
FINAL_SIGMA = r"(?<=\p{L})Σ(?!\p{M}*\p{L})"


def write_tokenizer(tokenizer: Any, folder: Path, length: int) -> None:
    """Fills `folder` from a `CLIPTokenizer`: vocab.json, merges.txt, special_tokens_map.json, tokenizer_config.json and
    tokenizer.json; every text becomes `length` ids.
    """
    tokenizer.model_max_length = length
    tokenizer.save_pretrained(str(folder))
    special = {name: str(getattr(tokenizer, f"{name}_token")) for name in ("bos", "eos", "pad", "unk")}
    fast_tokenizer(folder, special, length).save(str(folder / "tokenizer.json"))


def fast_tokenizer(folder: Path, special: dict[str, str], length: int) -> Any:
    """The tokenizer of vocab.json and merges.txt in `folder`, id for id what `CLIPTokenizer` gives without ftfy.

    special: the tokens named bos, eos, pad and unk. Longer texts are cut before their end token; shorter ones are
    filled with the pad token.
    """
    vocab = cast("dict[str, int]", json.loads((folder / "vocab.json").read_text(encoding="utf-8")))
    merges = _merges(folder / "merges.txt")
    model = BPE(vocab, merges, end_of_word_suffix="</w>", unk_token=special["unk"], fuse_unk=False)
    tokenizer = cast("Any", Tokenizer(model))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.BertNormalizer(
                clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False
            ),
            normalizers.NFC(),
            normalizers.Replace(Regex(FINAL_SIGMA), "ς"),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in dict.fromkeys(special.values())])
    _finish(tokenizer, special, length)
    return tokenizer


def _finish(tokenizer: Any, special: dict[str, str], length: int) -> None:
    ids = {name: tokenizer.token_to_id(token) for name, token in special.items()}
    tokenizer.post_processor = TemplateProcessing(
        single=f"{special['bos']} $A {special['eos']}",
        special_tokens=[(special["bos"], ids["bos"]), (special["eos"], ids["eos"])],
    )
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=ids["pad"], pad_token=special["pad"])


def _merges(file: Path) -> list[tuple[str, str]]:
    # As CLIPTokenizer reads it: the first line is the version, and a merge is two words.
    lines = file.read_text(encoding="utf-8").strip().split("\n")[1:]
    return [(left, right) for left, right in (line.split() for line in lines)]
