"""CLIP's tokenizer, from the files of a model package. The library behind it has no types, so they end here."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.errors import PackageError
from inference.json_values import missing, read_json
from inference.runtime import one_line

# CLIP's words: contractions, runs of letters, single digits, runs of anything else that is no space.
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

# What CLIPTokenizer takes where the files say nothing.
_START, _END = "<|startoftext|>", "<|endoftext|>"


class ClipTokenizer:
    """Turns texts into `length` token ids each: start, words, end, padding; what is too long is cut before the end.

    Reads tokenizer.json where there is one, else vocab.json and merges.txt.
    Raises `PackageError` where the files are missing, damaged, or do not fit each other.
    """

    def __init__(self, folder: Path, length: int) -> None:
        special = _SpecialTokens(folder)
        file = folder / "tokenizer.json"
        try:
            library: Any = importlib.import_module("tokenizers")
            tokenizer = library.Tokenizer.from_file(str(file)) if file.is_file() else _from_clip(folder, special)
        except (PackageError, ImportError):
            raise
        except Exception as error:  # the library raises nothing more special
            raise PackageError(
                f"The tokenizer in {folder} cannot be read ({one_line(error)}); get it again."
            ) from error
        tokenizer.enable_truncation(length)
        tokenizer.enable_padding(length=length, pad_token=special.pad, pad_id=_id(tokenizer, special.pad, folder))
        self._tokenizer = tokenizer
        # The library lowers single characters, CLIPTokenizer whole words: a Greek sigma at the end has its own form.
        self._lower = not file.is_file()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """`length` ids for each text."""
        # A lone surrogate (from a file name, say) cannot be encoded; it becomes a question mark.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        lowered = [text.lower() for text in clean] if self._lower else clean
        return [list(encoding.ids) for encoding in self._tokenizer.encode_batch(lowered)]


class _SpecialTokens:
    """The names of the special tokens, from whichever file has them."""

    def __init__(self, folder: Path) -> None:
        names = ("special_tokens_map.json", "tokenizer_config.json")
        self._files = [read_json(folder / name) for name in names if (folder / name).is_file()]
        self.start = self._named("bos_token", _START)
        self.end = self._named("eos_token", _END)
        self.unknown = self._named("unk_token", _END)
        self.pad = self._named("pad_token", self.end)
        self.all = (self.start, self.end, self.unknown, self.pad)

    def _named(self, key: str, default: str) -> str:
        for values in self._files:
            value = values.mapping.get(key)
            if isinstance(value, dict):
                return values.object(key).text("content")
            if value is not None:
                return values.text(key)
        return default


def _from_clip(folder: Path, special: _SpecialTokens) -> Any:
    """As `transformers.CLIPTokenizer` reads the two files.

    It cleans the text as BERT's tokenizer does, with Chinese characters as words of their own, but keeps accents.
    """
    for name in ("vocab.json", "merges.txt"):
        if not (folder / name).is_file():
            raise missing(folder / name)
    library: Any = importlib.import_module("tokenizers")
    files = (str(folder / "vocab.json"), str(folder / "merges.txt"))
    bpe = library.models.BPE.from_file(*files, unk_token=special.unknown, end_of_word_suffix="</w>")
    tokenizer = library.Tokenizer(bpe)
    parts, split = library.normalizers, library.pre_tokenizers
    clean = parts.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    tokenizer.normalizer = parts.Sequence([clean, parts.NFC()])
    words = split.Split(library.Regex(_WORDS), "removed", invert=True)
    tokenizer.pre_tokenizer = split.Sequence([words, split.ByteLevel(add_prefix_space=False, use_regex=False)])
    ids = {token: _id(tokenizer, token, folder) for token in special.all}
    end, start = ((token, ids[token]) for token in (special.end, special.start))
    roberta = library.processors.RobertaProcessing
    tokenizer.post_processor = roberta(end, start, trim_offsets=False, add_prefix_space=False)
    tokenizer.add_special_tokens(list(ids))
    return tokenizer


def _id(tokenizer: Any, token: str, folder: Path) -> int:
    number: int | None = tokenizer.token_to_id(token)
    if number is None:
        raise PackageError(f"The tokenizer in {folder} has no token {token!r}, which its settings name; get it again.")
    return number
