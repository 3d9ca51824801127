"""A text-to-image UNet grows: weight and bias copied, the picture's inputs zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.tiny_model import save_tiny, tiny_unet
from training.export.load import open_source, put_weights
from training.growth import grow, grown
from training.train_errors import TrainError


def answer(unet: Any, sample: torch.Tensor) -> torch.Tensor:
    text = torch.randn(len(sample), 7, 32, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return unet(sample, torch.tensor(321.5), encoder_hidden_states=text).sample


def latents(seed: int) -> torch.Tensor:
    return torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(seed))


def test_weight_and_bias_are_copied_and_the_rest_is_zero() -> None:
    unet = tiny_unet(in_channels=4)
    unet.conv_in.bias.data.normal_()
    weight, bias = unet.conv_in.weight.detach().clone(), unet.conv_in.bias.detach().clone()
    layer = grow(unet).conv_in
    assert layer.weight.shape == (16, 8, 3, 3) and unet.config.in_channels == 8
    assert torch.equal(layer.weight[:, :4], weight) and not layer.weight[:, 4:].any()
    assert torch.equal(layer.bias, bias) and bias.any()


def test_the_grown_net_answers_as_before() -> None:
    torch.manual_seed(1)
    unet = tiny_unet(in_channels=4).eval()
    noisy, picture = latents(0), latents(1)
    before = answer(unet, noisy)
    grow(unet)
    torch.testing.assert_close(answer(unet, torch.cat((noisy, torch.zeros_like(noisy)), 1)), before)
    # Whatever the picture is: it has no weight yet.
    torch.testing.assert_close(answer(unet, torch.cat((noisy, picture), 1)), before)


def test_a_net_that_sees_pictures_is_left_alone() -> None:
    unet = tiny_unet()
    layer = unet.conv_in
    assert grow(unet).conv_in is layer


def test_an_inpainting_net_is_refused() -> None:
    with pytest.raises(TrainError, match="9 channels, as an inpainting model does"):
        grow(tiny_unet(in_channels=9))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_are_read_later_grow_alike(tmp_path: Path, dtype: torch.dtype) -> None:
    unet = tiny_unet(in_channels=4)
    opened = open_source(save_tiny(tmp_path / "model", unet=unet), grows=True)
    source = grown(opened)
    assert source.weights["unet"]["conv_in.weight"].shape == (16, 8, 3, 3)
    assert not np.any(source.weights["unet"]["conv_in.weight"].read()[:, 4:])
    put_weights(source.pipeline.unet, source.weights["unet"], dtype)
    wanted = grow(unet).to(dtype).state_dict()
    found = source.pipeline.unet.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())
