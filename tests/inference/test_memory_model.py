"""The model of memory against what was measured, and the plans that follow from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import memory_model
from inference.memory_facts import Facts, Level, facts_of
from inference.memory_model import AT_ONCE, TILES, RunPlan, estimate, plan
from inference.package import open_package

BUNDLED = Path(__file__).parents[2] / "resources" / "models" / "starter"

FULL_SIZE = Facts(
    weights={"unet": 859_535_364, "text_encoder": 123_060_480, "vae_encoder": 34_163_664, "vae_decoder": 49_490_199},
    levels=(Level(320, 8), Level(640, 8), Level(1280, 8), Level(1280, 0)),
    layers=2,
    vae_channels=(128, 256, 512, 512),
    vae_attention=True,
    factor=8,
)
FUSED = replace(FULL_SIZE, fused=True)
SMALL = Facts(
    weights={"unet": 10_400_000, "text_encoder": 590_000, "vae_encoder": 310_000, "vae_decoder": 510_000},
    levels=(Level(64, 0), Level(128, 0), Level(192, 4)),
    layers=1,
    vae_channels=(24, 48, 64),
    vae_attention=False,
    factor=4,
)

# (facts, provider, height, width, samples): megabytes that one run of the UNet took beside its weights.
STEPS = [
    (FULL_SIZE, "cpu", 256, 256, 1, 87),
    (FULL_SIZE, "cpu", 256, 256, 3, 247),
    (FULL_SIZE, "cpu", 384, 384, 1, 391),
    (FULL_SIZE, "cpu", 384, 512, 3, 2010),
    (FULL_SIZE, "cpu", 512, 512, 1, 1171),
    (FULL_SIZE, "cpu", 512, 512, 2, 2341),
    (FULL_SIZE, "cpu", 512, 512, 3, 3491),
    (FUSED, "cpu", 256, 256, 1, 39),
    (FUSED, "cpu", 512, 512, 1, 152),
    (FUSED, "cpu", 512, 512, 3, 399),
    (FUSED, "cpu", 768, 768, 1, 336),
    (FULL_SIZE, "openvino", 512, 512, 1, 123),
    (FULL_SIZE, "openvino", 512, 512, 3, 365),
    (SMALL, "cpu", 256, 256, 3, 55),
    (SMALL, "cpu", 384, 384, 3, 114),
    (SMALL, "cpu", 512, 512, 3, 200),
]

# (facts, provider, height, width): of one run of the decoder.
DECODES = [
    (FULL_SIZE, "cpu", 256, 256, 277),
    (FULL_SIZE, "cpu", 512, 512, 1110),
    (FULL_SIZE, "cpu", 384, 768, 1827),
    (FULL_SIZE, "cpu", 768, 768, 3558),
    (SMALL, "cpu", 512, 512, 242),
    (SMALL, "cpu", 1024, 1024, 1115),
]


@pytest.mark.parametrize(("facts", "provider", "height", "width", "samples", "taken"), STEPS)
def test_a_step_takes_what_was_measured_or_a_little_less(
    facts: Facts, provider: str, height: int, width: int, samples: int, taken: int
) -> None:
    told = estimate(facts, provider, height, width, samples).step / 1e6
    assert taken * 0.95 <= told <= taken * 1.2


@pytest.mark.parametrize(("facts", "provider", "height", "width", "taken"), DECODES)
def test_a_decode_takes_no_more_than_is_told(facts: Facts, provider: str, height: int, width: int, taken: int) -> None:
    told = estimate(facts, provider, height, width).decode / 1e6
    assert taken <= told <= taken * 1.6


def test_the_weights_of_the_full_size_unet() -> None:
    told, process = (
        estimate(replace(FULL_SIZE, weights={"unet": count}), "cpu", 8, 8) for count in (FULL_SIZE.weights["unet"], 0)
    )
    measured = 53  # megabytes of Python with the library
    assert 3519 * 0.97 <= (told.load - process.load) / 1e6 + measured <= 3519 * 1.1
    assert 3527 <= (told.loading - process.loading) / 1e6 + measured <= 3527 * 1.1


@pytest.mark.parametrize(
    ("facts", "provider", "size", "peak"),
    [
        (FUSED, "cpu", 256, 4701),
        (FUSED, "cpu", 512, 5720),
        (replace(FULL_SIZE, half=True), "openvino", 256, 2590),
        (FUSED, "cpu", 768, 8010),
        (replace(FULL_SIZE, half=True), "openvino", 512, 3183),
        (SMALL, "cpu", 512, 640),
        (replace(SMALL, half=True), "openvino", 512, 514),
    ],
)
def test_the_peak_of_a_whole_edit_in_a_process_of_its_own(facts: Facts, provider: str, size: int, peak: int) -> None:
    assert peak <= estimate(facts, provider, size, size).total / 1e6 <= peak * 1.2


def test_variants_branches_and_halves_count() -> None:
    one = estimate(FULL_SIZE, "cuda", 512, 512, 3, 1)
    two = estimate(FULL_SIZE, "cuda", 512, 512, 3, 2)
    half = estimate(replace(FULL_SIZE, half=True), "cuda", 512, 512, 3, 1)
    assert two.step == pytest.approx(2 * one.step, rel=1e-6) and two.load == one.load
    assert half.step == pytest.approx(one.step / 2, rel=1e-6) and half.load < one.load
    assert one.device and not one.measured


def test_fused_attention_and_tiles_take_less() -> None:
    plain, fused = (estimate(facts, "cpu", 768, 768) for facts in (FULL_SIZE, FUSED))
    assert fused.step < plain.step / 4
    assert estimate(FUSED, "cpu", 768, 768, vae_tile=256).decode == estimate(FUSED, "cpu", 256, 256).decode


def test_facts_come_from_the_package() -> None:
    facts = facts_of(open_package(BUNDLED))
    assert facts.levels == SMALL.levels and facts.vae_channels == SMALL.vae_channels and facts.layers == 1
    assert not facts.fused and not facts.half and not facts.vae_attention
    assert facts.weights["unet"] == pytest.approx(SMALL.weights["unet"], rel=0.01)


def test_facts_of_a_package_whose_configuration_says_little(tiny_package: Path) -> None:
    facts = facts_of(open_package(tiny_package), ("attention", "model"))
    assert facts.factor == 4 and estimate(facts, "cpu", 64, 64).total > 200_000_000


def test_a_processor_makes_one_variant_after_the_other() -> None:
    assert plan(FUSED, "cpu", 512, 512, 3, 1 << 50) == RunPlan("cpu", 1, None)


def test_a_card_makes_as_many_at_once_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 3
    monkeypatch.setattr(memory_model, "AT_ONCE", {"cuda": most})
    sizes = [estimate(FUSED, "cuda", 512, 512, 3, count).total for count in range(1, most + 1)]
    for count, size in enumerate(sizes, start=1):
        assert plan(FUSED, "cuda", 512, 512, 3, size) == RunPlan("cuda", count, None)
    assert plan(FUSED, "cuda", 512, 512, 3, sizes[0] - 1).vae_tile is not None
    assert plan(FUSED, "cuda", 512, 512, 3, None) == RunPlan("cuda")
    assert most > AT_ONCE["cuda"]


def test_where_nothing_fits_the_plan_is_the_smallest() -> None:
    assert plan(FULL_SIZE, "cuda", 768, 512, 3, 0) == RunPlan("cuda", 1, TILES[-1])


@given(
    budget=st.integers(0, 1 << 36),
    sides=st.tuples(st.integers(1, 32), st.integers(1, 32)),
    provider=st.sampled_from(["cpu", "openvino", "cuda", "directml"]),
    facts=st.sampled_from([FULL_SIZE, FUSED, SMALL]),
)
def test_a_plan_fits_unless_nothing_does_and_a_larger_budget_never_takes_more_tiles(
    budget: int, sides: tuple[int, int], provider: str, facts: Facts
) -> None:
    height, width = (64 * side for side in sides)
    chosen = plan(facts, provider, height, width, 3, budget)
    more = plan(facts, provider, height, width, 3, budget * 2)
    taken = estimate(facts, provider, height, width, 3, chosen.variants_at_once, chosen.vae_tile).running
    least = plan(facts, provider, height, width, 3, 0)
    assert taken <= budget or chosen == least
    assert (more.vae_tile or 1 << 20) >= (chosen.vae_tile or 1 << 20)
    assert chosen.vae_tile is None or chosen.vae_tile < max(height, width)
