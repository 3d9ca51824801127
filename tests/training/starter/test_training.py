"""The parts of the starter's training: exact resuming, the dropout table, latents of pairs, what the words teach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from training.checkpoints import load_tensors, save_tensors
from training.starter import model
from training.starter.autoencoder import latent_spread, to_model
from training.starter.denoise import DROP, conditioning, make_batch, velocity_loss
from training.starter.grammar import sample_instruction
from training.starter.instruction import Instruction
from training.starter.loop import Loop, LoopSettings
from training.starter.pairs import Shard, make_shard
from training.starter.scenes import scene_at
from training.starter.shards import ShardRing
from training.starter.tokenizer import build_tokenizer
from training.starter.words import token_ids, train_words

TINY = model.Size(vae=(8, 8, 8), unet=(16, 16, 16), text=16, text_layers=1)
SETTINGS = LoopSettings(steps=6, lr=1e-2, warmup=2, save_every=3, log_every=2)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    return build_tokenizer(tmp_path_factory.mktemp("tokenizer"), merges=300, length=TINY.text_length)


@pytest.fixture(scope="module")
def pool() -> np.ndarray:
    return np.stack([scene_at(3, index, 64) for index in range(4)])


def _linear_loss(layer: torch.nn.Linear, step: int) -> torch.Tensor:
    inputs = torch.from_numpy(np.random.default_rng(step).standard_normal((4, 3), np.float32))
    return (layer(inputs) - 1).square().mean()


def _trained(folder: Path, *stops: int) -> torch.Tensor:
    for stop in stops:
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        loop = Loop({"layer": layer}, folder, SETTINGS)

        def loss(step: int, layer: torch.nn.Linear = layer, loop: Loop = loop, stop: int = stop) -> torch.Tensor:
            if step == stop:
                raise KeyboardInterrupt
            return _linear_loss(layer, step)

        loop.run(loss)
    with loop.averaged():
        return torch.cat([layer.weight.detach().clone().flatten(), layer.bias.detach().clone()])


def test_a_stopped_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = _trained(tmp_path / "whole", 99)
    assert torch.equal(_trained(tmp_path / "parts", 2, 4, 99), whole)


def test_the_average_lags_behind_the_weights(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    loop = Loop({"layer": layer}, tmp_path, SETTINGS)
    loop.run(lambda step: _linear_loss(layer, step))
    trained = layer.weight.detach().clone()
    with loop.averaged():
        assert not torch.equal(layer.weight, trained)
    assert torch.equal(layer.weight, trained)


def test_a_checkpoint_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    for step in (1, 2):
        save_tensors(path, {"x": torch.full((2,), float(step))}, {"step": step})
    tensors, meta = load_tensors(path)
    assert tensors["x"].tolist() == [2.0, 2.0] and meta == {"step": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]


def test_the_learning_rate_warms_up_stays_and_falls() -> None:
    settings = LoopSettings(steps=100, lr=1.0, warmup=10, cooldown=0.25)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:75] == [1.0] * 66
    assert rates[-1] == pytest.approx(0.04) and sorted(rates[75:], reverse=True) == rates[75:]


def test_dropout_is_the_table_of_the_method() -> None:
    text, image = conditioning(np.array([0.0, DROP - 1e-9, DROP, 2 * DROP - 1e-9, 2 * DROP, 3 * DROP - 1e-9, 3 * DROP]))
    assert text.tolist() == [True, True, True, True, False, False, False]
    assert image.tolist() == [False, False, True, True, True, True, False]


def test_a_shard_is_the_same_each_time_and_on_disk(pool: np.ndarray, tmp_path: Path) -> None:
    vae = model.autoencoder(TINY)

    def make(number: int) -> Shard:
        return make_shard(vae, pool, seed=1, number=number, sources=2, each=2, shape=(32, 48))

    first, again = (ShardRing(tmp_path, make, steps_each=5, keep=2).at(0, np.random.default_rng(0)) for _ in range(2))
    assert first.sources.shape == (2, 4, 8, 12) and first.targets.shape == (4, 4, 8, 12)
    assert torch.equal(first.targets, again.targets) and first.instructions == again.instructions


def test_the_ring_lets_go_of_old_shards(pool: np.ndarray, tmp_path: Path) -> None:
    made: list[int] = []
    shard = make_shard(model.autoencoder(TINY), pool, seed=1, number=0, sources=1, each=1, shape=(16, 16))

    def make(number: int) -> Shard:
        made.append(number)
        return shard

    ring = ShardRing(tmp_path, make, steps_each=1, keep=2)
    for step in range(8):
        ring.at(step, np.random.default_rng(step))
    assert max(made) <= 7 and len(list(tmp_path.iterdir())) <= 2


def test_the_source_of_a_batch_is_the_unscaled_mode(pool: np.ndarray) -> None:
    vae = model.autoencoder(TINY).eval()
    shard = make_shard(vae, pool, seed=1, number=0, sources=1, each=1, shape=(32, 32))
    batch = make_batch(shard, np.random.default_rng(5), 8, scaling_factor=3.0)
    kept = [i for i in range(8) if bool(batch.source[i].any())]
    assert kept and all(torch.equal(batch.source[i], shard.sources[0]) for i in kept)
    assert torch.equal(batch.clean[0], shard.targets[0] * 3.0)


def test_a_perfect_prediction_costs_nothing() -> None:
    alphas = model.scheduler().alphas_cumprod
    assert float(alphas[999]) == pytest.approx(0.0, abs=1e-6)
    vae_like = Shard(torch.zeros(1, 4, 4, 4), torch.ones(1, 4, 4, 4), np.zeros(1, np.int64), (_instruction(),))
    batch = make_batch(vae_like, np.random.default_rng(0), 4, 1.0)

    class Perfect(torch.nn.Module):
        def forward(self, sample: torch.Tensor, timestep: torch.Tensor, hidden: torch.Tensor) -> object:
            alpha = alphas[timestep].sqrt().view(-1, 1, 1, 1)
            sigma = (1 - alphas[timestep]).sqrt().view(-1, 1, 1, 1)
            return type("Out", (), {"sample": alpha * batch.noise - sigma * batch.clean})

    assert float(velocity_loss(Perfect(), torch.zeros(4, 2, 2), batch, alphas)) == 0.0


def _instruction() -> Instruction:
    return sample_instruction(np.random.default_rng(0))


def test_the_unet_hears_the_instruction_in_both_ways(tokenizer: CLIPTokenizer) -> None:
    torch.manual_seed(0)
    net, text = model.unet(TINY).eval(), model.text_encoder(TINY, tokenizer).eval()
    sample = torch.randn(2, 8, 8, 8)
    hidden = text(token_ids(tokenizer, ["make it night", ""])).last_hidden_state
    with torch.no_grad():
        apart = net(sample, 999, hidden).sample - net(sample, 999, hidden.flip(0)).sample
    assert float(apart.abs().max()) > 1e-4


def test_a_fresh_unet_answers_with_the_picture_itself(tokenizer: CLIPTokenizer) -> None:
    torch.manual_seed(0)
    net = model.unet(model.Size(vae=(8, 8, 8), unet=(16, 32, 32), text=16, text_layers=1)).eval()
    model.start_from_identity(net, 0.25)
    source = torch.randn(2, 4, 8, 8) * 4 * torch.tensor([0.6, 1.3]).view(2, 1, 1, 1) + 1
    with torch.no_grad():
        v = net(torch.cat([torch.randn(2, 4, 8, 8), source], 1), 999, torch.randn(2, 24, 16)).sample
    assert float((v + 0.25 * source).abs().max()) < 0.05


def test_words_are_learnt_from_text_alone(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    text = model.text_encoder(TINY, tokenizer)
    before = text.text_model.embeddings.token_embedding.weight.detach().clone()
    share = train_words(tmp_path, text, tokenizer, seed=1, steps=3, batch=4)
    assert 0 <= share < 1 and not torch.equal(text.text_model.embeddings.token_embedding.weight, before)


def test_the_spread_of_the_latents_is_their_standard_deviation(pool: np.ndarray) -> None:
    vae = model.autoencoder(TINY).eval()
    with torch.no_grad():
        modes = vae.encode(to_model(pool)).latent_dist.mode()
    assert latent_spread(vae, pool) == pytest.approx(float(modes.std()), rel=1e-5)
