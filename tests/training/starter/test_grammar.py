from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from training.starter import grammar
from training.starter.grammar import (
    all_instructions,
    all_phrases,
    held_out_phrasings,
    phrasings,
    sample_instruction,
    sample_phrase,
    suggestions,
    train_phrasings,
)
from training.starter.instruction import Instruction
from training.starter.kinds import KINDS, kind_named, target
from training.starter.phrasebook import PATTERNS

EVERY = tuple(all_instructions())


def words(phrases: tuple[str, ...]) -> set[str]:
    return {word for phrase in phrases for word in phrase.split()}


def test_every_kind_has_patterns_and_no_pattern_is_without_a_kind() -> None:
    assert set(PATTERNS) == {kind.name for kind in KINDS}


def test_every_instruction_is_listed_once() -> None:
    assert len(set(EVERY)) == len(EVERY)
    counts = Counter(instruction.kind for instruction in EVERY)
    assert counts["recolour"] == 8 * 7 and counts["tint"] == 8 * 3
    assert counts["add_shape"] == 8 * 4 * 9 and counts["mirror"] == 1


def test_every_instruction_can_be_carried_out() -> None:
    image = np.random.default_rng(0).random((6, 8, 3), dtype=np.float32)
    assert all(target(image, instruction).shape == image.shape for instruction in EVERY)


def test_there_are_fifteen_phrasings_and_a_fifth_is_held_out() -> None:
    for instruction in EVERY:
        every, train, held_out = (f(instruction) for f in (phrasings, train_phrasings, held_out_phrasings))
        assert len(set(every)) == len(every) >= 15, instruction
        assert len(train) >= 12 and len(held_out) >= 3, instruction
        assert 0.15 <= len(held_out) / len(every) <= 0.25, instruction
        assert set(train).isdisjoint(held_out) and set(train) | set(held_out) == set(every)


def test_every_held_out_word_is_trained() -> None:
    for instruction in EVERY:
        assert words(held_out_phrasings(instruction)) <= words(train_phrasings(instruction)), instruction


def test_no_phrase_means_two_things() -> None:
    meanings: dict[str, Instruction] = {}
    for instruction in EVERY:
        for phrase in phrasings(instruction):
            assert meanings.setdefault(phrase, instruction) == instruction, phrase


def test_phrases_are_plain_lower_case_english() -> None:
    allowed = re.compile(r"[a-z']+( [a-z']+)*")
    for instruction in EVERY:
        for phrase in phrasings(instruction):
            assert allowed.fullmatch(phrase), phrase
            assert not re.search(r"\ba [aeiou]|\b(\w+) \1\b", phrase), phrase
            assert len(phrase.split()) <= 16, phrase


def test_phrases_name_what_the_instruction_names() -> None:
    for instruction in EVERY:
        for value in filter(None, (instruction.colour, instruction.to_colour, instruction.shape)):
            assert all(re.search(rf"\b{value}\b", phrase) for phrase in phrasings(instruction)), instruction


@pytest.mark.parametrize(
    ("phrase", "instruction"),
    [
        ("make it black and white", Instruction("black_and_white")),
        ("turn it into a black and white photo", Instruction("black_and_white")),
        ("convert to monochrome", Instruction("black_and_white")),
        ("make it snow", Instruction("snow")),
        ("add snow", Instruction("snow")),
        ("make it snow heavily", Instruction("snow", "strongly")),
        ("make it a bit darker", Instruction("darker", "slightly")),
        ("make it much brighter", Instruction("brighter", "strongly")),
        ("turn the red things blue", Instruction("recolour", colour="red", to_colour="blue")),
        ("make the red parts blue", Instruction("recolour", colour="red", to_colour="blue")),
        (
            "add an orange star in the top left corner",
            Instruction("add_shape", colour="orange", shape="star", place="top left"),
        ),
        ("leave it as it is", Instruction("identity")),
        ("do nothing", Instruction("identity")),
        ("keep the picture unchanged", Instruction("identity")),
    ],
)
def test_what_people_say_is_among_the_phrasings(phrase: str, instruction: Instruction) -> None:
    assert phrase in phrasings(instruction)


def test_the_split_is_the_same_in_another_process() -> None:
    code = (
        "from training.starter.grammar import *; from training.starter.instruction import Instruction\n"
        "print('|'.join(held_out_phrasings(Instruction('fog', 'slightly'))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip().split("|") == list(held_out_phrasings(Instruction("fog", "slightly")))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of edit"):
        phrasings(Instruction("paint_it_pretty"))


def test_suggestions_are_short_and_one_of_each_kind() -> None:
    meanings = {phrase: instruction.kind for instruction in EVERY for phrase in phrasings(instruction)}
    assert [meanings[phrase] for phrase in suggestions()] == [kind.name for kind in KINDS]
    assert max(len(phrase) for phrase in suggestions()) <= 48


def test_samples_are_valid_reproducible_and_a_tenth_identity() -> None:
    rng = np.random.default_rng(1)
    drawn = [sample_instruction(rng) for _ in range(3000)]
    again = np.random.default_rng(1)
    assert drawn[:50] == [sample_instruction(again) for _ in range(50)]
    assert set(drawn) <= set(EVERY)
    counts = Counter(instruction.kind for instruction in drawn)
    assert set(counts) == {kind.name for kind in KINDS}
    assert 0.08 < counts["identity"] / 3000 < 0.12
    assert counts["recolour"] > 2 * counts["sepia"]


def test_recolourings_mostly_start_from_the_colours_present() -> None:
    rng = np.random.default_rng(2)
    drawn = [sample_instruction(rng, ("green",)) for _ in range(3000)]
    starts = [instruction.colour for instruction in drawn if instruction.kind == "recolour"]
    assert 0.85 < starts.count("green") / len(starts) < 1.0
    assert sample_instruction(rng, ()) in EVERY


def test_sampled_phrases_are_phrasings_with_a_little_variation() -> None:
    rng, instruction = np.random.default_rng(3), Instruction("tint", colour="pink")
    held_out = {sample_phrase(rng, instruction, held_out=True) for _ in range(100)}
    assert held_out <= set(held_out_phrasings(instruction))
    drawn = [sample_phrase(rng, instruction) for _ in range(500)]
    plain = [phrase.lower().removesuffix(".").removesuffix(" please") for phrase in drawn]
    assert set(plain) <= set(train_phrasings(instruction))
    for varied in (phrase[0].isupper() for phrase in drawn), (phrase.endswith(".") for phrase in drawn):
        assert 0.03 < np.mean(list(varied)) < 0.2


def test_the_corpus_holds_every_training_phrase_and_no_held_out_one() -> None:
    corpus = set(all_phrases())
    assert corpus == {phrase for instruction in EVERY for phrase in train_phrasings(instruction)}
    assert corpus.isdisjoint(phrase for instruction in EVERY for phrase in held_out_phrasings(instruction))


def test_amount_words_go_only_with_kinds_that_take_them() -> None:
    for kind in KINDS:
        takes = any("<" in pattern for pattern in PATTERNS[kind.name])
        assert takes == kind_named(kind.name).takes_amount, kind.name
    assert set(grammar.AMOUNT_WORDS) >= {"more", "by", "some"}
