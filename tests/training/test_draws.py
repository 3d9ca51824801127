"""Everything random is a function of (seed, what for, which sample)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.deck import BucketSize, Deck
from training.draws import draws, noise, permutation, sample_indices


def test_the_index_of_a_sample_counts_steps_micro_steps_ranks_and_places() -> None:
    assert sample_indices(5, 1, 2, ranks=3, accumulation=2, batch=4).tolist() == [140, 141, 142, 143]  # (5*2+1)*3+2


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2, 4, 8]))
@settings(max_examples=50, deadline=None)
def test_a_step_has_the_same_samples_however_it_is_spread(step: int, ranks: int, rounds: int, batch: int) -> None:
    spread = [sample_indices(step, m, r, ranks, rounds, batch) for m in range(rounds) for r in range(ranks)]
    alone = [sample_indices(step, m, 0, 1, ranks * rounds, batch) for m in range(ranks * rounds)]
    halved = [sample_indices(step, m, 0, 1, ranks * rounds * batch, 1) for m in range(ranks * rounds * batch)]
    assert sorted(np.concatenate(spread)) == sorted(np.concatenate(alone)) == sorted(np.concatenate(halved))


def test_ranks_differ_in_everything() -> None:
    first, second = (sample_indices(3, 0, rank, ranks=2, accumulation=1, batch=64) for rank in (0, 1))
    for name in ("dropout", "time", "first", "flip"):
        assert not np.array_equal(getattr(draws(0, first), name), getattr(draws(0, second), name))
    assert not np.allclose(noise(0, first[:1], (4, 8, 8)), noise(0, second[:1], (4, 8, 8)))


def test_a_sample_is_drawn_alike_in_every_batch() -> None:
    whole, part = draws(7, np.arange(100, 108)), draws(7, np.arange(103, 105))
    assert np.array_equal(whole.dropout[3:5], part.dropout) and np.array_equal(whole.time[3:5], part.time)
    assert np.array_equal(noise(7, np.arange(100, 108), (4, 4, 4))[3], noise(7, np.array([103]), (4, 4, 4))[0])


def test_seeds_and_purposes_have_nothing_in_common() -> None:
    index = np.arange(4096)
    columns = [getattr(draws(seed, index), name) for seed in (0, 1) for name in ("dropout", "time", "first", "flip")]
    table = np.corrcoef(np.stack(columns))
    assert np.abs(table - np.eye(len(columns))).max() < 0.08
    assert all(column.min() >= 0 and column.max() < 1 and abs(column.mean() - 0.5) < 0.02 for column in columns)


def test_noise_is_normal() -> None:
    values = noise(1, np.arange(16), (4, 16, 16))
    assert values.dtype == np.float32 and abs(values.mean()) < 0.02 and abs(values.std() - 1) < 0.02


def test_a_permutation_is_one_and_another_each_epoch() -> None:
    first, second = permutation(0, 3, 0, 50), permutation(0, 3, 1, 50)
    assert sorted(first) == list(range(50)) and not np.array_equal(first, second)
    assert np.array_equal(first, permutation(0, 3, 0, 50))


def _dealt(deck: Deck, blocks: int) -> list[tuple[int, list[int]]]:
    spans = (np.arange(block * deck.batch, (block + 1) * deck.batch) for block in range(blocks))
    return [(bucket, rows.tolist()) for bucket, rows in map(deck.deal, spans)]


def test_all_pairs_are_seen_before_one_comes_again() -> None:
    deck = Deck((BucketSize(new=12),), batch=4, seed=0, replay=0.2)
    rows = [row for _, dealt in _dealt(deck, 6) for row in dealt]
    assert sorted(rows[:12]) == sorted(rows[12:]) == list(range(12)) and rows[:12] != rows[12:]


def test_buckets_come_up_as_often_as_they_have_pairs() -> None:
    deck = Deck((BucketSize(30), BucketSize(10), BucketSize(1)), batch=2, seed=3, replay=0.0)
    counts = np.bincount([bucket for bucket, _ in _dealt(deck, deck.blocks)])
    assert np.abs(counts / deck.blocks - np.array([30, 10, 1]) / 41).max() <= 1 / deck.blocks


def test_the_share_of_replay_is_met_over_all_buckets() -> None:
    sizes = (BucketSize(10, 40), BucketSize(30, 0), BucketSize(0, 7))
    deck = Deck(sizes, batch=8, seed=5, replay=0.2)
    dealt = _dealt(deck, 600)
    again = sum(row >= sizes[bucket].new for bucket, rows in dealt for row in rows)
    assert again / 4800 == pytest.approx(0.2, abs=0.02)
    assert {row for bucket, rows in dealt if bucket == 2 for row in rows} == set(range(7))


def test_without_anything_to_replay_all_is_new() -> None:
    deck = Deck((BucketSize(3),), batch=2, seed=0, replay=0.5)
    assert max(row for _, rows in _dealt(deck, 100) for row in rows) == 2


def test_a_deck_deals_the_same_whatever_was_dealt_before() -> None:
    sizes = (BucketSize(5, 2), BucketSize(9, 3))
    one, other = (Deck(sizes, batch=4, seed=1, replay=0.3) for _ in range(2))
    far = np.arange(4 * 1000, 4 * 1001)
    _dealt(one, 200)
    assert one.deal(far)[0] == other.deal(far)[0] and np.array_equal(one.deal(far)[1], other.deal(far)[1])
    assert np.array_equal(one.deal(far)[1][1:3], other.deal(far[1:3])[1])  # half of a batch


def test_a_batch_of_two_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="two blocks"):
        Deck((BucketSize(5),), batch=4, seed=1, replay=0).deal(np.arange(2, 6))
