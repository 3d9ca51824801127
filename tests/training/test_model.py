"""What learns, under which names, and that everything else rests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.tiny_model import save_tiny, tiny_unet
from training.bases import Base, open_base
from training.merge import as_weights, merged_weights
from training.model import Trained, frozen_type, trainable
from training.recipe import TrainingRecipe
from training.train_errors import TrainError

LORA = TrainingRecipe("lora", "", rank=3, precision="fp32")
FULL = replace(LORA, method="full")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Tiny models by the channels that their UNet takes."""
    folder = tmp_path_factory.mktemp("models")
    four = save_tiny(folder / "four", unet=tiny_unet(in_channels=4, use_linear_projection=True))
    return {4: str(four), 8: str(save_tiny(folder / "eight"))}


def step(base: Base, trained: Trained) -> torch.Tensor:
    """What the UNet answers, on its way through everything that learns."""
    generator = torch.Generator().manual_seed(9)
    ids = torch.tensor([base.tokenizer("make it night").input_ids])
    text = trained.modules.get("text_encoder", base.text_encoder)(ids)[0]
    sample = torch.randn(1, 8, 8, 12, generator=generator)
    return trained.modules["unet"](sample, torch.tensor(321.5), encoder_hidden_states=text).sample


def scramble(trained: Trained, scale: float = 0.2) -> None:
    generator = torch.Generator().manual_seed(3)
    trained.load_state(
        {name: value + scale * torch.randn(value.shape, generator=generator) for name, value in trained.state().items()}
    )


def gradients(trained: Trained) -> dict[str, Any]:
    return {name: None if p.grad is None else p.grad.clone() for name, p in trained.parameters.items()}


def test_a_lora_has_stable_names_and_starts_as_the_model_was(folders: dict[int, str]) -> None:
    base = open_base(folders[8])
    before = step(base, Trained({"unet": base.unet}, {})).detach()
    trained = trainable(base, LORA)
    names = list(trained.parameters)
    assert names == sorted(names) and "unet.mid_block.attentions.0.proj_out.lora_B.weight" in names
    layers = {name.rsplit(".lora_", 1)[0].split("attentions.")[1][2:] for name in names}
    inner = {f"transformer_blocks.0.attn{n}.{end}" for n in (1, 2) for end in ("to_q", "to_k", "to_v", "to_out.0")}
    ends = {"transformer_blocks.0.ff.net.0.proj", "transformer_blocks.0.ff.net.2", "proj_in", "proj_out"}
    assert layers == inner | ends
    assert all(p.dtype == torch.float32 and p.shape["lora_B" in n] == 3 for n, p in trained.parameters.items())
    assert torch.equal(step(base, trained).detach(), before)


def test_only_what_learns_gets_gradients(folders: dict[int, str]) -> None:
    base = open_base(folders[8])
    trained = trainable(base, LORA)
    scramble(trained)
    step(base, trained).square().mean().backward()
    assert all(grad is not None and grad.any() for grad in gradients(trained).values())
    learning = {id(p) for p in trained.parameters.values()}
    rest = [p for module in (base.unet, base.text_encoder, base.vae) for p in module.parameters()]
    assert not any(p.requires_grad for p in rest if id(p) not in learning)


def test_the_seed_decides_the_start(folders: dict[int, str]) -> None:
    first, again, other = (trainable(open_base(folders[8]), replace(LORA, seed=seed)).state() for seed in (1, 1, 2))
    down = [name for name in first if "lora_A" in name]
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert all(first[name].any() and not torch.equal(first[name], other[name]) for name in down)
    assert not any(first[name].any() for name in first if name not in down)
    assert 0.2 < float(torch.cat([first[name].flatten() for name in down]).std()) * LORA.rank < 5


def test_a_first_layer_that_grew_learns_in_full(folders: dict[int, str]) -> None:
    base = open_base(folders[4])
    trained = trainable(base, LORA)
    assert trained.parameters["unet.conv_in.weight"].shape == (16, 8, 3, 3)
    assert {"unet.conv_in.weight", "unet.conv_in.bias"} == {n for n in trained.parameters if "lora" not in n}
    step(base, trained).square().mean().backward()
    assert trained.parameters["unet.conv_in.weight"].grad[:, 4:].any()


@pytest.mark.parametrize("channels", [4, 8])
def test_frozen_weights_may_be_halved(folders: dict[int, str], channels: int) -> None:
    recipe = replace(LORA, precision="bf16")
    base = open_base(folders[channels], dtype=frozen_type(recipe))
    trained = trainable(base, recipe)
    scramble(trained)
    assert {p.dtype for p in trained.parameters.values()} == {torch.float32}
    assert base.unet.conv_out.weight.dtype == torch.bfloat16
    found = step(base, trained)
    found.float().square().mean().backward()
    assert all(grad is not None for grad in gradients(trained).values())
    whole = open_base(folders[channels])
    wanted = trainable(whole, LORA)
    wanted.load_state(trained.state())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), step(whole, wanted), rtol=0.1, atol=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(step(base, trained)).all()


def test_full_training_takes_the_whole_net_and_the_texts(folders: dict[int, str]) -> None:
    assert frozen_type(replace(FULL, precision="bf16")) == torch.float32
    base = open_base(folders[4], dtype=torch.bfloat16)
    trained = trainable(base, replace(FULL, train_text=True))
    numbers = sum(p.numel() for module in (base.unet, base.text_encoder) for p in module.parameters())
    assert sum(p.numel() for p in trained.parameters.values()) == numbers
    assert set(trained.modules) == {"unet", "text_encoder"}
    assert {p.dtype for p in trained.parameters.values()} == {torch.float32}
    step(base, trained).square().mean().backward()
    assert all(grad is not None for grad in gradients(trained).values())


def test_checkpointing_gives_the_same_gradients(folders: dict[int, str]) -> None:
    found: list[dict[str, Any]] = []
    for checkpointing in (False, True):
        base = open_base(folders[8])
        trained = trainable(base, replace(LORA, gradient_checkpointing=checkpointing))
        scramble(trained)
        assert base.unet.is_gradient_checkpointing == checkpointing
        step(base, trained).square().mean().backward()
        found.append(gradients(trained))
    for name, grad in found[0].items():
        torch.testing.assert_close(grad, found[1][name])


def test_a_state_comes_back_and_another_ones_is_refused(folders: dict[int, str]) -> None:
    base = open_base(folders[8])
    trained = trainable(base, LORA)
    kept = {name: value.clone() for name, value in trained.state().items()}
    scramble(trained)
    trained.load_state(kept)
    assert all(torch.equal(value, kept[name]) for name, value in trained.state().items())
    name = next(iter(kept))
    for wrong in ({**kept, "x": kept[name]}, {**kept, name: kept[name][:1, :1]}, {name: kept[name]}):
        with pytest.raises(TrainError, match="another training"):
            trained.load_state(wrong)


def test_what_has_no_attention_is_refused(tmp_path: Path) -> None:
    unet = tiny_unet(
        down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3, mid_block_type="UNetMidBlock2D"
    )
    with pytest.raises(TrainError, match="no attention"):
        trainable(open_base(str(save_tiny(tmp_path / "model", unet=unet))), LORA)


def test_a_rank_of_nothing_is_refused(folders: dict[int, str]) -> None:
    with pytest.raises(TrainError, match="rank 0"):
        trainable(open_base(folders[8]), replace(LORA, rank=0))


@pytest.mark.parametrize(
    ("channels", "recipe"), [(8, LORA), (4, replace(LORA, train_text=True)), (8, replace(FULL, train_text=True))]
)
def test_merged_weights_answer_as_what_was_trained(
    folders: dict[int, str], channels: int, recipe: TrainingRecipe
) -> None:
    base, plain = open_base(folders[channels]), open_base(folders[channels])
    trained = trainable(base, recipe)
    before = step(base, trained).detach()
    scramble(trained, 0.1)
    wanted = step(base, trained).detach()
    weights = merged_weights(plain.weights, as_weights(trained.state()))
    for part in ("unet", "text_encoder"):
        values = {name: torch.from_numpy(weight.read()) for name, weight in weights[part].items()}
        getattr(plain, part).load_state_dict(values)
    found = step(plain, Trained({"unet": plain.unet}, {})).detach()
    assert not torch.allclose(wanted, before, atol=1e-2)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
