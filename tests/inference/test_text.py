from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import Cancelled, PackageError
from inference.package import open_package
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.text import TextEncoder
from inference.tokenizer import ClipTokenizer
from inference.types import CancelToken

Writer = Callable[..., Path]
START, END = "<|startoftext|>", "<|endoftext|>"

TEXTS = [
    "make it black and white",
    "",
    "   ",
    "  Turn THE   red\tthings\r\nblue  ",
    "Don't you think we've, they'RE, I'LL, it'S 'ſ",
    "1234 5.6% 7×8 ½ Ⅷ ²",
    "ÀÉ ñandú Straße ŒUVRE e\u0301 ﬁ K Å ß ẞ ǅ",
    "ΣΑΣ ΟΔΟΣ Σ ΌΣ. A'Σ",
    "İstanbul ı I",
    "把天空变成红色 make 它 blue",
    "日本語テスト 한국어 عربى नमस्ते ไทย",
    "👩‍👩‍👧 🏳️‍🌈 :-) ...???!!!",
    "\x00\x07\ufffd\ufeff\u200b\u00a0nbsp\u2003em",
    f"a {END} b {START} {END.upper()}",
    "a" * 500,
    "make it " * 300,
    "quite unknown words, letter by letter",
    "it's's'd'll",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Any) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny.write_tokenizer(folder, length=77)
    return folder


@pytest.fixture(scope="module")
def reference(folder: Path) -> Callable[[str], list[int]]:
    """transformers' own tokenizer, in Python."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    return lambda text: tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids


@pytest.fixture(scope="module")
def ours(folder: Path) -> ClipTokenizer:
    return ClipTokenizer(folder, 77)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_ids_are_those_of_transformers(ours: ClipTokenizer, reference: Callable[[str], list[int]], text: str) -> None:
    assert ours.ids([text]) == [reference(text)]


@settings(max_examples=150, deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz ABC .,!?'-0123456789éÉüßñçøΣσ–“”…日本한🙂\t\n", max_size=120))
def test_ids_are_those_of_transformers_for_any_text(
    ours: ClipTokenizer, reference: Callable[[str], list[int]], text: str
) -> None:
    assert ours.ids([text]) == [reference(text)]


def test_a_ready_made_tokenizer_gives_what_transformers_makes_of_it(tmp_path: Path, tiny: Any) -> None:
    transformers = pytest.importorskip("transformers")
    tiny.write_tokenizer(tmp_path, length=20, tokenizer_json=True)
    fast = transformers.CLIPTokenizerFast.from_pretrained(tmp_path)
    tokenizer = ClipTokenizer(tmp_path, 20)
    for text in TEXTS:
        assert tokenizer.ids([text]) == [fast(text, padding="max_length", max_length=20, truncation=True).input_ids]


def test_start_end_and_padding(tmp_path: Path, tiny: Any) -> None:
    vocabulary = tiny.write_tokenizer(tmp_path, pad="!")
    start, end, pad = vocabulary[START], vocabulary[END], vocabulary["!"]
    red = vocabulary["red</w>"]
    tokenizer = ClipTokenizer(tmp_path, 6)
    assert tokenizer.ids(["red", "", "red red red red red red"]) == [
        [start, red, end, pad, pad, pad],
        [start, end, pad, pad, pad, pad],
        [start, red, red, red, red, end],
    ]


def test_special_tokens_written_as_objects(tmp_path: Path, tiny: Any) -> None:
    vocabulary = tiny.write_tokenizer(tmp_path)
    named = {"pad_token": {"content": "!", "lstrip": False}, "eos_token": {"content": END}, "unk_token": None}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(named))
    assert ClipTokenizer(tmp_path, 4).ids([""])[0] == [vocabulary[START], vocabulary[END], *[vocabulary["!"]] * 2]


def test_without_settings_the_names_are_those_of_clip(tmp_path: Path, tiny: Any) -> None:
    vocabulary = tiny.write_tokenizer(tmp_path)
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    assert ClipTokenizer(tmp_path, 4).ids([""])[0] == [vocabulary[START], *[vocabulary[END]] * 3]


def test_half_a_character_is_no_crash(ours: ClipTokenizer) -> None:
    assert ours.ids(["make \ud800 it"]) == ours.ids(["make ? it"])


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("vocab.json", None, "vocab.json is missing"),
        ("merges.txt", None, "merges.txt is missing"),
        ("vocab.json", "{", "cannot be read"),
        ("vocab.json", '{"a": 0}', "cannot be read"),
        ("merges.txt", "#version: 0.2\nqq zz\n", "cannot be read"),
        ("tokenizer.json", "{}", "cannot be read"),
        ("special_tokens_map.json", '{"pad_token": "[PAD]"}', r"no token '\[PAD\]'"),
        ("special_tokens_map.json", '{"bos_token": "<s>"}', "no token '<s>'"),
        ("special_tokens_map.json", '{"pad_token": 5}', "pad_token"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, tiny: Any, name: str, content: str | None, word: str) -> None:
    tiny.write_tokenizer(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(PackageError, match=word) as caught:
        ClipTokenizer(tmp_path, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("token_type", ["int32", "int64"])
def test_embeddings(tmp_path: Path, write_tiny_package: Writer, token_type: str) -> None:
    package = open_package(write_tiny_package(tmp_path / "p", token_type=token_type, io_type="float16"))
    with OnnxModel(package.text_encoder, CPU) as model:
        encoder = TextEncoder(model, package.tokenizer, package.text_length)
        assert encoder.ids(["make it red", ""]).dtype == np.dtype(token_type)
        embedding = encoder.encode(["make it red", "", "make it red"])
        assert embedding.shape == (3, 16, 8) and embedding.dtype == np.float32
        assert np.array_equal(embedding[0], embedding[2]) and not np.array_equal(embedding[0], embedding[1])
        assert np.array_equal(embedding[1:2], encoder.encode([""]))


def test_a_cancelled_text(tiny_package: Path) -> None:
    package, cancel = open_package(tiny_package), CancelToken()
    cancel.cancel()
    with OnnxModel(package.text_encoder, CPU) as model, pytest.raises(Cancelled):
        TextEncoder(model, package.tokenizer, package.text_length).encode(["x"], cancel)


def test_other_graphs_are_refused(tiny_package: Path) -> None:
    package = open_package(tiny_package)
    with OnnxModel(package.unet, CPU) as model, pytest.raises(PackageError, match="token ids alone"):
        TextEncoder(model, package.tokenizer, 16)
    with OnnxModel(package.vae_decoder, CPU) as model, pytest.raises(PackageError, match="no text encoder"):
        TextEncoder(model, package.tokenizer, 16)


def test_the_embedding_is_found_by_name_before_order(tiny_package: Path) -> None:
    path = tiny_package / "text_encoder/model.onnx"
    model = onnx.load(path)
    double = onnx.helper.make_node("Add", ["last_hidden_state"] * 2, ["hidden_states.0"])
    model.graph.node.append(double)
    first = onnx.helper.make_tensor_value_info("hidden_states.0", onnx.TensorProto.FLOAT, ["b", "s", 8])
    outputs = [first, *model.graph.output]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    onnx.save_model(model, str(path))
    with OnnxModel(path, CPU) as loaded:
        embedding = TextEncoder(loaded, tiny_package / "tokenizer", 16).encode(["red"])
        _, wanted, _ = loaded.run({"input_ids": TextEncoder(loaded, tiny_package / "tokenizer", 16).ids(["red"])})
    assert np.array_equal(embedding, wanted)
