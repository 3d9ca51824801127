"""tokenizer.json gives the ids of CLIPTokenizer, one for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import CLIPTokenizer

from tests.training.tiny_model import END, START, TEXT_LENGTH, WORDS, tiny_tokenizer
from training.export.tokenizer import write_tokenizer

TEXTS = (
    "",
    " ",
    "make it black and white",
    "MAKE  it\tBlack\nand white!",
    "don't turn the red things blue, they're fine",
    "  it's 3 o'clock -- 50% darker...",
    "ΟΔΟΣ Σ ΣΑΣ, ΟΔΟΣ. ΟΔΟΣα İstanbul",
    "café CAFÉ cafe\u0301 naïve Straße",
    "雪を make 赤い it",
    "🎨🎨 paint\u200b it \x00\x07 black\ufffd",
    f"make it {END} black",
    f"{START}{END}",
    "'s't're've'm'll'd 'S 'LL",
    "word " * 60,
    "x" * 400,
)
# Python lowers a sigma by the cased letters around it, which no pattern tells; and the libraries' tables differ on some
# characters (270 of 60,000 outside the large CJK and Hangul blocks).
LETTERS = st.characters(
    max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"], exclude_characters="\u03a3\u0345\u0890\u0891\u08e2"
) | st.sampled_from("雪赤い豈🎨𝒜\ufffd\ufeff\ue000")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[CLIPTokenizer, Tokenizer]:
    slow = tiny_tokenizer(tmp_path_factory.mktemp("words"))
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(slow, folder, TEXT_LENGTH)
    return slow, Tokenizer.from_file(str(folder / "tokenizer.json"))


def slow_ids(slow: CLIPTokenizer, text: str) -> list[int]:
    return slow(text, padding="max_length", truncation=True, max_length=slow.model_max_length).input_ids


@pytest.mark.parametrize("text", TEXTS)
def test_known_texts(pair: tuple[CLIPTokenizer, Tokenizer], text: str) -> None:
    slow, fast = pair
    ids = fast.encode(text).ids
    assert ids == slow_ids(slow, text)
    assert len(ids) == TEXT_LENGTH and ids[0] == slow.bos_token_id and slow.eos_token_id in ids


@settings(deadline=None, max_examples=300, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(LETTERS, max_size=40) | st.lists(st.sampled_from([*WORDS, " ", "'", "3", "É"])).map("".join))
def test_any_text(pair: tuple[CLIPTokenizer, Tokenizer], text: str) -> None:
    slow, fast = pair
    assert fast.encode(text).ids == slow_ids(slow, text)


def test_a_long_text_keeps_its_end_token(pair: tuple[CLIPTokenizer, Tokenizer]) -> None:
    ids = pair[1].encode("make it black and white " * 20).ids
    assert len(ids) == TEXT_LENGTH and ids[-1] == pair[0].eos_token_id != ids[-2]


def test_the_pad_token_of_stable_diffusion_2_is_used(tmp_path: Path) -> None:
    slow: Any = tiny_tokenizer(tmp_path / "words")
    slow.pad_token = "!"
    write_tokenizer(slow, tmp_path / "tokenizer", 9)
    fast = Tokenizer.from_file(str(tmp_path / "tokenizer" / "tokenizer.json"))
    ids = fast.encode("make it").ids
    assert ids == slow_ids(slow, "make it") and ids[-1] == slow.convert_tokens_to_ids("!") != slow.eos_token_id


def test_the_folder_says_its_length(tmp_path: Path) -> None:
    slow = tiny_tokenizer(tmp_path / "words", length=10**30)
    write_tokenizer(slow, tmp_path / "tokenizer", 20)
    assert json.loads((tmp_path / "tokenizer" / "tokenizer_config.json").read_text())["model_max_length"] == 20
    again = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")
    assert again("make it black").input_ids == slow("make it black").input_ids
