"""The linear map from latent to colour."""

from __future__ import annotations

import numpy as np
import pytest

from inference.preview import LatentToRgb, probe

MATRIX = np.array([[0.3, -0.1, 0.0], [0.0, 0.2, 0.1], [-0.2, 0.0, 0.25], [0.05, 0.05, -0.1]], np.float32)
OFFSET = np.array([0.1, -0.05, 0.0], np.float32)


def linear_decoder(latent: np.ndarray) -> np.ndarray:
    """A decoder that a linear map can follow exactly: every latent pixel becomes a block of 8 x 8."""
    colours = np.einsum("nchw,cr->nrhw", latent, MATRIX) + OFFSET[None, :, None, None]
    return colours.repeat(8, axis=2).repeat(8, axis=3).astype(np.float32)


def random_latent(seed: int, height: int = 6, width: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, 4, height, width)).astype(np.float32)


def test_a_linear_decoder_is_followed() -> None:
    latent = random_latent(1)
    colours = LatentToRgb.fit([(latent, linear_decoder(latent)), probe(linear_decoder, 4)])
    other = random_latent(2, 5, 7)
    wanted = np.clip(linear_decoder(other)[:, :, ::8, ::8], -1, 1)
    shown = colours.image(other)
    assert shown.dtype == np.float32
    assert shown.shape == (1, 3, 5, 7)
    assert np.abs(shown - wanted).max() < 0.01


def test_the_probe_tells_of_colours_that_the_picture_lacks() -> None:
    flat = np.full((1, 4, 8, 8), 0.5, np.float32)
    pair = flat, linear_decoder(flat)
    other = random_latent(3)
    wanted = np.clip(linear_decoder(other)[:, :, ::8, ::8], -1, 1)
    alone = np.abs(LatentToRgb.fit([pair]).image(other) - wanted).max()
    probed = np.abs(LatentToRgb.fit([pair, probe(linear_decoder, 4)]).image(other) - wanted).max()
    assert probed < 0.05 < alone


def test_the_probe_is_the_same_every_time_and_small() -> None:
    one, other = probe(linear_decoder, 4), probe(linear_decoder, 4)
    assert np.array_equal(one[0], other[0])
    assert one[0].shape == (1, 4, 16, 16)


@pytest.mark.parametrize("value", [-100.0, 100.0])
def test_colours_stay_in_range(value: float) -> None:
    colours = LatentToRgb.fit([probe(linear_decoder, 4)])
    assert np.abs(colours.image(np.full((1, 4, 2, 2), value, np.float32))).max() <= 1.0
