"""The stages of the bundled model, each resumable: scenes, autoencoder, words, unet, save.

python -m training starter unet --recipe cpu --folder runs/starter [--steps N]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.libraries import diffusers, torch, transformers
from training.starter import model
from training.starter.autoencoder import train_autoencoder
from training.starter.denoise import train_unet
from training.starter.loop import Loop
from training.starter.pairs import Shard, make_shard
from training.starter.pool import Scenes, scene_pool
from training.starter.recipes import RECIPES, Recipe
from training.starter.shards import ShardRing
from training.starter.tokenizer import build_tokenizer
from training.starter.words import train_words


def scenes(recipe: Recipe, folder: Path) -> Scenes:
    """Renders the pool once."""
    return scene_pool(folder / "pool", seed=recipe.seed, count=recipe.scenes, size=192)


def autoencoder(recipe: Recipe, folder: Path) -> None:
    train_autoencoder(
        folder / "vae", recipe.size, recipe.autoencoder, scenes(recipe, folder),
        seed=recipe.seed, batch=recipe.autoencoder_batch, device=recipe.device,
    )  # fmt: skip


def words(recipe: Recipe, folder: Path) -> None:
    """Tokenizer, and a text encoder that already tells the instructions apart."""
    torch.manual_seed(recipe.seed)
    tokenizer = _tokenizer(recipe, folder)
    text = model.text_encoder(recipe.size, tokenizer)
    share = train_words(folder / "words", text, tokenizer, seed=recipe.seed, steps=recipe.words_steps)
    text.save_pretrained(folder / "words" / "text_encoder")
    print(f"held-out phrasings read right: {share:.1%}")


def unet(recipe: Recipe, folder: Path) -> None:
    """Trains the UNet with the text encoder; saves the averaged pipeline whenever the loop ends."""
    torch.manual_seed(recipe.seed)
    tokenizer = _tokenizer(recipe, folder)
    vae = diffusers.AutoencoderKL.from_pretrained(folder / "vae" / "vae")
    text = transformers.CLIPTextModel.from_pretrained(folder / "words" / "text_encoder").to(recipe.device).train()
    net = model.unet(recipe.size).to(recipe.device)
    model.start_from_identity(net, float(vae.config.scaling_factor))
    ring = _ring(recipe, folder, vae)
    loop = train_unet(
        folder / "unet", (vae, net, text, tokenizer), ring, recipe.unet,
        seed=recipe.seed, batch=recipe.unet_batch, device=recipe.device,
    )  # fmt: skip
    _save(loop, folder, vae, net, text, tokenizer)


def save(recipe: Recipe, folder: Path) -> None:
    """Saves the averaged pipeline of a run that is still going on or was stopped, without training."""
    unet(dataclasses.replace(recipe, unet=dataclasses.replace(recipe.unet, steps=0)), folder)


STAGES: dict[str, Callable[[Recipe, Path], object]] = {
    "scenes": scenes,
    "autoencoder": autoencoder,
    "words": words,
    "unet": unet,
    "save": save,
}


def _tokenizer(recipe: Recipe, folder: Path) -> Any:
    return build_tokenizer(folder / "tokenizer", merges=1200, length=recipe.size.text_length)


def _ring(recipe: Recipe, folder: Path, vae: Any) -> ShardRing:
    pool = scenes(recipe, folder)

    def make(number: int) -> Shard:
        shape = recipe.shapes[number % len(recipe.shapes)]
        return make_shard(
            vae, pool, seed=recipe.seed, number=number, sources=recipe.sources, each=recipe.each, shape=shape
        )

    return ShardRing(folder / "shards", make, steps_each=recipe.steps_each, keep=recipe.keep)


def _save(loop: Loop, folder: Path, vae: Any, net: Any, text: Any,
          tokenizer: Any) -> None:  # fmt: skip
    with loop.averaged():
        model.save_pipeline(folder / "pipeline", vae, net, text, tokenizer)


def main(arguments: list[str]) -> int:
    """Runs one stage; the folder keeps everything that resuming needs."""
    parser = argparse.ArgumentParser(prog="python -m training starter", description="Trains the bundled model.")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--recipe", choices=RECIPES, default="cpu")
    parser.add_argument("--folder", type=Path, default=Path("runs/starter"))
    parser.add_argument("--steps", type=int, help="steps of this stage, in place of the recipe's")
    parser.add_argument("--threads", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    with contextlib.suppress(KeyboardInterrupt):
        STAGES[chosen.stage](_with_steps(RECIPES[chosen.recipe], chosen.stage, chosen.steps), chosen.folder)
    return 0


def _with_steps(recipe: Recipe, stage: str, steps: int | None) -> Recipe:
    if steps is None:
        return recipe
    if stage == "words":
        return dataclasses.replace(recipe, words_steps=steps)
    return dataclasses.replace(recipe, **{stage: dataclasses.replace(getattr(recipe, stage), steps=steps)})
