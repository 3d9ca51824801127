from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.errors import Cancelled, PackageError
from inference.package import open_package
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.tiling import axis
from inference.types import CancelToken
from inference.vae import Vae

Writer = Callable[..., Path]

BUNDLED = Path(__file__).parents[2] / "resources" / "models" / "starter"


@contextmanager
def opened(folder: Path, tile: int | None = None, **changes: Any) -> Iterator[Vae]:
    package = replace(open_package(folder), **changes)
    with OnnxModel(package.vae_encoder, CPU) as encoder, OnnxModel(package.vae_decoder, CPU) as decoder:
        yield Vae(encoder, decoder, package, tile)


def blocks(count: int, height: int, width: int, factor: int) -> np.ndarray:
    """Random colours, flat in each block: what the tiny autoencoder keeps exactly."""
    colours = np.random.default_rng(0).uniform(-1, 1, (count, 3, height, width)).astype(np.float32)
    return colours.repeat(factor, axis=2).repeat(factor, axis=3)


@pytest.mark.parametrize("encoder_outputs", ["moments", "latent"])
@pytest.mark.parametrize("io_type", ["float32", "float16"])
def test_the_mode_is_taken_and_not_scaled(
    tmp_path: Path, write_tiny_package: Writer, encoder_outputs: str, io_type: str
) -> None:
    folder = write_tiny_package(tmp_path / "p", encoder_outputs=encoder_outputs, io_type=io_type)
    image = blocks(2, 3, 5, 4)
    with opened(folder) as vae:
        latent = vae.encode(image)
    assert latent.shape == (2, 4, 3, 5) and latent.dtype == np.float32 and latent.flags.c_contiguous
    assert np.allclose(latent[:, :3], image[:, :, ::4, ::4], atol=2e-3)


@pytest.mark.parametrize(("scaling", "shift"), [(0.5, None), (0.18215, None), (0.3611, 0.1159)])
def test_decoding_takes_scale_and_shift_out(
    tmp_path: Path, write_tiny_package: Writer, scaling: float, shift: float | None
) -> None:
    folder = write_tiny_package(tmp_path / "p", scaling_factor=scaling, shift_factor=shift, factor=8)
    image = blocks(1, 2, 3, 8)
    with opened(folder) as vae:
        scaled = (vae.encode(image) - np.float32(shift or 0)) * np.float32(scaling)
        decoded = vae.decode(scaled)
    assert decoded.shape == image.shape and decoded.dtype == np.float32
    assert np.allclose(decoded, image, atol=1e-5)


def test_encoding_twice_gives_the_same_bits(tiny_package: Path) -> None:
    image = blocks(1, 4, 4, 4)
    with opened(tiny_package) as vae:
        assert np.array_equal(vae.encode(image), vae.encode(image))


def test_a_package_that_does_not_fit_together_is_told(tiny_package: Path) -> None:
    with opened(tiny_package, factor=8) as vae:
        with pytest.raises(PackageError, match=r"vae_encoder.*\(1, 4, 4, 4\)"):
            vae.encode(blocks(1, 4, 4, 4))
        with pytest.raises(PackageError, match=r"vae_decoder.*\(1, 3, 8, 8\)"):
            vae.decode(np.zeros((1, 4, 2, 2), np.float32))


def test_cancelling(tiny_package: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with opened(tiny_package) as vae:
        for call in (
            lambda: vae.encode(blocks(1, 2, 2, 4), cancel),
            lambda: vae.decode(np.zeros((1, 4, 2, 2)), cancel),
        ):
            with pytest.raises(Cancelled):
                call()


@pytest.mark.parametrize("tile", [16, 32])
def test_an_autoencoder_without_surroundings_gives_the_same_in_tiles(tiny_package: Path, tile: int) -> None:
    image = blocks(2, 11, 14, 4)
    with opened(tiny_package) as whole, opened(tiny_package, tile) as tiles:
        latent = whole.encode(image)
        assert np.allclose(tiles.encode(image), latent, atol=1e-5)
        assert np.allclose(tiles.decode(latent), whole.decode(latent), atol=1e-5)


def test_a_picture_that_fits_one_tile_is_the_same_to_the_bit(tiny_package: Path) -> None:
    image = blocks(1, 8, 8, 4)
    with opened(tiny_package) as whole, opened(tiny_package, 32) as tiles:
        latent = whole.encode(image)
        assert np.array_equal(tiles.encode(image), latent)
        assert np.array_equal(tiles.decode(latent), whole.decode(latent))


def test_a_cancel_between_tiles(tiny_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = CancelToken()
    calls: list[int] = []
    original = OnnxModel.run

    def run(self: OnnxModel, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            cancel.cancel()
        return original(self, *arguments)

    monkeypatch.setattr(OnnxModel, "run", run)
    with opened(tiny_package, 16) as vae, pytest.raises(Cancelled):
        vae.encode(blocks(1, 20, 20, 4), cancel)
    assert len(calls) == 3


def test_seams_do_not_show_on_a_smooth_picture() -> None:
    """The bundled autoencoder on soft gradients: tones drift a little, but from one pixel to the next by less than the
    picture itself changes."""
    rows, columns = np.mgrid[0:384, 0:512].astype(np.float32)
    smooth = np.stack([np.sin(columns / 90), np.cos(rows / 70), (rows + columns) / 500 - 0.9])[None] * np.float32(0.7)
    with opened(BUNDLED) as whole, opened(BUNDLED, 256) as tiles:
        package = open_package(BUNDLED)
        latent = (whole.encode(smooth) - package.shift_factor) * package.scaling_factor
        untiled, tiled = (np.clip(vae.decode(latent), -1, 1) * 127.5 for vae in (whole, tiles))
    first, second = axis(128, 64, 16).spans(4)[:2]
    overlap = slice(second.start, first.stop)
    steps = np.abs(np.diff((tiled - untiled)[..., overlap], axis=3)).mean(axis=(0, 1, 2))
    assert steps.max() < 0.35 < np.abs(np.diff(untiled, axis=3)).mean()
