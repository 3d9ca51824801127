"""Latents and embeddings: the unscaled mode, kept by content, mirrored where that is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.tiny_model import tiny_text_encoder, tiny_tokenizer, tiny_vae
from tests.training.tiny_training import golden, item, picture
from training.buckets import Shapes
from training.deck import BucketSize, Deck
from training.disk_cache import DiskCache
from training.draws import draws, noise
from training.examples import Bucket, Examples, LatentScale
from training.filling import fill
from training.items import Item
from training.latents import Latents
from training.recipe import TrainingRecipe
from training.sides import speaks_of_sides
from training.texts import Texts

SHAPES = Shapes(size=64, multiple=16)
TIMES = 1000


@pytest.fixture
def vae() -> Any:
    torch.manual_seed(0)
    return tiny_vae().eval()


@pytest.fixture
def latents(vae: Any, tmp_path: Path) -> Latents:
    return Latents(vae, SHAPES, DiskCache(tmp_path))


def _texts(items: Sequence[Item]) -> Texts:
    """Row r is all r, so that a batch tells which text it has; row 0 is that of ""."""
    texts = list(dict.fromkeys(["", *(one.instruction for one in items)]))
    return Texts(texts, torch.arange(len(texts)).float().view(-1, 1, 1).expand(-1, 2, 3))


def _filled(
    latents: Latents, items: Sequence[Item], replayed: Sequence[Item] = (), **changes: Any
) -> tuple[Examples, tuple[Bucket, ...], tuple[BucketSize, ...]]:
    recipe = TrainingRecipe("", "", **{"batch": 8, "flip": 0.0, **changes})
    texts = _texts([*items, *replayed])
    buckets, sizes = fill(items, replayed, latents, SHAPES, texts, flip=recipe.flip > 0)
    deck = Deck(sizes, recipe.batch, recipe.seed, recipe.replay)
    return Examples(buckets, deck, texts, recipe, LatentScale(0.7, 0.1), TIMES), buckets, sizes


def _mode(vae: Any, image: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return vae.encode(torch.from_numpy(SHAPES.view(image))[None]).latent_dist.mode()[0]


def test_the_source_is_the_unscaled_mode_and_the_target_is_scaled(vae: Any, latents: Latents) -> None:
    examples, _, _ = _filled(latents, [item(3)], dropout=0.0)
    batch = examples.batch(np.arange(8))
    assert torch.equal(batch.source[0], _mode(vae, picture(3)))
    torch.testing.assert_close(batch.clean[5], (_mode(vae, golden(picture(3))) - 0.1) * 0.7)


def test_the_mode_is_taken_and_never_a_sample(vae: Any, tmp_path: Path) -> None:
    first, second = (Latents(vae, SHAPES, DiskCache(tmp_path / name)).of(picture(1)) for name in "ab")
    assert np.array_equal(first, second) and first.shape == (4, 16, 16)


def test_a_latent_is_computed_once(latents: Latents, vae: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = latents.of(picture(1))
    monkeypatch.setattr(vae, "encode", lambda *_: pytest.fail("it was on the disk"))
    assert np.array_equal(latents.of(picture(1)), first)
    with pytest.raises(pytest.fail.Exception):
        latents.of(picture(2))
    with pytest.raises(pytest.fail.Exception):
        latents.of(picture(1), mirrored=True)


def test_other_weights_or_sizes_make_other_latents(vae: Any, tmp_path: Path) -> None:
    one = Latents(vae, SHAPES, DiskCache(tmp_path)).of(picture(1))
    large = Latents(vae, Shapes(96, 16), DiskCache(tmp_path)).of(picture(1))
    torch.manual_seed(9)
    other = Latents(tiny_vae().eval(), SHAPES, DiskCache(tmp_path)).of(picture(1))
    assert large.shape == (4, 24, 24) and not np.allclose(one, other)


@pytest.mark.parametrize("harm", [b"", b"\x93NUMPY\x01\x00v\x00", b"no array"])
def test_a_damaged_file_is_made_again(latents: Latents, tmp_path: Path, harm: bytes) -> None:
    first = latents.of(picture(1))
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(harm)
    assert np.array_equal(latents.of(picture(1)), first) and file.stat().st_size > 1000


def test_mirrored_pictures_are_encoded_mirrored(vae: Any, latents: Latents) -> None:
    examples, _, _ = _filled(latents, [item(3)], dropout=0.0, flip=0.5)
    batch, index = examples.batch(np.arange(8)), np.arange(8)
    mirrored = draws(0, index).flip < 0.5
    assert 0 < mirrored.sum() < 8
    for place in index:
        source = picture(3)[:, ::-1] if mirrored[place] else picture(3)
        assert torch.equal(batch.source[place], _mode(vae, np.ascontiguousarray(source)))


def test_pairs_about_sides_are_never_mirrored(vae: Any, latents: Latents) -> None:
    examples, _, _ = _filled(latents, [item(3, "make the left side golden")], dropout=0.0, flip=1.0)
    batch = examples.batch(np.arange(8))
    assert all(torch.equal(source, _mode(vae, picture(3))) for source in batch.source)


@pytest.mark.parametrize(
    ("instruction", "sided"),
    [
        ("make it night", False), ("turn the LEFT wall red", True), ("add a clock", True), ("mirror it", True),
        ("turn it upside down", False), ("write hello on the wall", True), ("make it brighter", False),
        ("flip it", True), ("rotate it clockwise", True), ("turn the signature blue", False),
        ("make the text gold", True), ("a light from the right, softly", True), ("make it an aside", False),
    ],
)  # fmt: skip
def test_which_instructions_speak_of_sides(instruction: str, sided: bool) -> None:
    assert speaks_of_sides(instruction) == sided


def test_dropped_texts_become_that_of_nothing_and_pictures_zeros(latents: Latents) -> None:
    examples, buckets, _ = _filled(latents, [item(3)], dropout=0.2)
    for block in range(12):
        index = np.arange(8 * block, 8 * block + 8)
        batch, r = examples.batch(index), draws(0, index).dropout
        assert (batch.text[:, 0, 0] == 0).tolist() == (r < 0.4).tolist()
        assert (~batch.source.flatten(1).any(1)).tolist() == ((r >= 0.2) & (r < 0.6)).tolist()
    assert buckets[0].pictures[0].any()  # what is kept is not what was zeroed


def test_noise_and_timesteps_are_the_samples_own(latents: Latents) -> None:
    examples, _, _ = _filled(latents, [item(3), item(4)], first_step_share=0.5)
    index = np.arange(16, 24)
    batch, drawn = examples.batch(index), draws(0, index)
    assert np.array_equal(batch.noise.numpy(), noise(0, index, (4, 16, 16)))
    expected = np.where(drawn.first < 0.5, TIMES - 1, np.floor(drawn.time * TIMES))
    assert batch.timestep.tolist() == expected.tolist() and batch.timestep.dtype == torch.int64


def test_half_of_a_batch_is_half_of_it(latents: Latents) -> None:
    examples, _, _ = _filled(latents, [item(n) for n in range(3)], [item(7, "")], flip=0.5)
    whole, part = examples.batch(np.arange(8, 16)), examples.batch(np.arange(12, 16))
    for name in ("source", "clean", "noise", "timestep", "text"):
        assert torch.equal(getattr(whole, name)[4:], getattr(part, name))


def test_masks_weigh_inside_over_outside(latents: Latents) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[:, :48] = 255
    examples, _, _ = _filled(latents, [item(3, "make the left golden", mask)], outside_weight=0.25)
    inside = examples.batch(np.arange(8)).inside
    assert inside is not None and inside.shape == (8, 1, 16, 16)
    assert torch.allclose(inside[..., :8], torch.tensor(1.0)) and torch.allclose(inside[..., 8:], torch.tensor(0.25))


def test_an_empty_mask_is_none_and_mixed_batches_have_ones(latents: Latents) -> None:
    masks = [np.zeros((96, 96), np.uint8), np.full((96, 96), 255, np.uint8)]
    examples, buckets, _ = _filled(latents, [item(3, "make it golden", masks[0])])
    assert examples.batch(np.arange(8)).inside is None and len(buckets[0].masks) == 1
    mask = masks[1].copy()
    mask[:48] = 0
    examples, _, _ = _filled(latents, [item(3), item(4, "make it golden", mask)], outside_weight=0.0, replay=0.0)
    inside = examples.batch(np.arange(8)).inside
    assert inside is not None and set(inside.mean(dim=(1, 2, 3)).round(decimals=2).tolist()) == {1.0, 0.5}


def test_each_bucket_has_its_own_shape_and_each_picture_once(latents: Latents) -> None:
    items = [item(1), item(1, "make it gold"), item(2, height=64, width=96)]
    _, buckets, sizes = _filled(latents, items, [item(1, "leave it")])
    assert [tuple(bucket.pictures.shape) for bucket in buckets] == [(2, 4, 12, 16), (2, 4, 16, 16)]
    assert sizes == (BucketSize(1, 0), BucketSize(2, 1))


def test_texts_are_embedded_once_and_ids_are_kept_where_the_encoder_learns(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer(tmp_path / "words")
    torch.manual_seed(0)
    encoder = tiny_text_encoder(tokenizer).eval()
    cache = DiskCache(tmp_path / "cache")
    texts = Texts.made(["make it red", "make it red", "make it blue"], encoder, tokenizer, cache)
    assert texts.rows.shape == (3, 32, 32) and texts.row("") == 0 and texts.row("make it blue") == 2
    ids = Texts.made(["make it red"], encoder, tokenizer, None)
    assert ids.rows.dtype == torch.int64 and ids.rows.shape == (2, 32)
    with torch.no_grad():
        torch.testing.assert_close(encoder(ids.rows)[0], texts.rows[:2], rtol=1e-5, atol=1e-5)
    encoder.forward = lambda *_: pytest.fail("it was on the disk")
    assert torch.equal(Texts.made(["make it blue"], encoder, tokenizer, cache).rows[1], texts.rows[2])
