"""From a base, pairs and a recipe to all that a training needs in memory."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

from inference.errors import EngineError
from inference.schedule import Schedule
from training.bases import Base
from training.buckets import Shapes
from training.choosing import Choice
from training.deck import Deck
from training.disk_cache import DiskCache
from training.events import Say
from training.examples import Examples, LatentScale
from training.filling import fill
from training.latents import Latents
from training.loss import Noising
from training.model import trainable
from training.network import Network
from training.recipe import TrainingRecipe
from training.recipe_values import recipe_hash
from training.replay import replay_items
from training.runs import Run, RunSheet
from training.samples import Samples, affordable, subjects_of
from training.texts import Texts
from training.train import SAMPLED, Material, every
from training.train_errors import TrainError, TrainTargetError
from training.unet_costs import BACKWARD


def shapes_for(base: Base, recipe: TrainingRecipe) -> Shapes:
    """The shapes that pictures are brought to: what the UNet halves has to stay whole."""
    levels = len(base.vae.config.block_out_channels) + len(base.unet.config.block_out_channels) - 2
    return Shapes(recipe.size or base.dials.size, 2**levels)


def prepare(
    run: Run,
    sheet: RunSheet,
    choice: Choice,
    base: Base,
    accelerator: Any,
    say: Say,
    fits: Callable[[int], bool] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Material:
    """Encodes what has not been encoded yet, into the run's cache, and takes everything into memory.

    fits: see `Material`. check: called between two pictures; what it raises ends it, and what is encoded stays.
    Raises `TrainError`.
    """

    def progress(fraction: float) -> None:
        check()
        say({"event": "stage", "stage": "caching", "fraction": fraction})

    recipe = sheet.recipe
    trained = trainable(base, recipe)
    replayed = replay_items(choice.train, choice.earlier, base.instructions, recipe.seed) if recipe.replay else ()
    shown = choice.held_out or choice.train
    shapes, cache = shapes_for(base, recipe), DiskCache(run.cache)
    base.vae.to(accelerator.device)
    base.text_encoder.to(accelerator.device)
    try:
        # The first process of a machine fills the cache, the others then find everything there.
        with accelerator.local_main_process_first():
            said = [item.instruction for item in (*choice.train, *replayed, *shown)]
            texts = Texts.made(said, base.text_encoder, base.tokenizer, None if recipe.train_text else cache)
            latents = Latents(base.vae, shapes, cache)
            buckets, sizes = fill(
                choice.train, replayed, latents, shapes, texts, flip=recipe.flip > 0,
                progress=progress,
            )  # fmt: skip
            folder = run.folder / "samples" / "pairs"
            most, dials = affordable(base.dials, _calls_for_samples(sheet))
            subjects = subjects_of(shown if accelerator.is_main_process else (), latents, shapes, texts, folder, most)
        noising = Noising(base.scheduler.config, accelerator.device)
        schedule = Schedule.from_config(base.scheduler.config)
        dials = dataclasses.replace(dials, steps=min(dials.steps, schedule.length))
        samples = Samples(base.vae, schedule, dials, texts, subjects)
    except OSError as error:
        raise TrainTargetError(
            f"{run.folder} cannot be written ({error.strerror or error}): make room on the disk."
        ) from error
    except EngineError as error:
        raise TrainError(str(error)) from error
    base.vae.to("cpu")
    if not recipe.train_text:
        base.text_encoder.to("cpu")
    deck = Deck(sizes, recipe.batch, recipe.seed, recipe.replay)
    config = base.vae.config
    scale = LatentScale(float(config.scaling_factor), float(config.get("shift_factor") or 0))
    network = Network(trained.modules)
    return Material(
        network=network,
        teacher=_teacher(network).to(accelerator.device) if recipe.keep else None,
        parameters=trained.parameters,
        noising=noising,
        examples=Examples(buckets, deck, texts, recipe, scale, noising.steps),
        samples=samples,
        belongs=belongs(sheet),
        fits=fits,
    )


def _teacher(network: Network) -> Network:
    """The base as it is, which a training never changes."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def belongs(sheet: RunSheet) -> dict[str, str]:
    """What a checkpoint has to have in common with a run, to be gone on from."""
    return {"recipe": recipe_hash(sheet.recipe), "pairs": sheet.pairs_sha256, "base": sheet.base_sha256}


def _calls_for_samples(sheet: RunSheet) -> float:
    """How many calls of the network one round of samples may take, so that all of them take a fifth of the training."""
    recipe = sheet.recipe
    rounds = 1 + sheet.steps / every(recipe.sample_every, sheet.steps, SAMPLED)
    return 0.2 * sheet.steps * recipe.batch * recipe.accumulation * BACKWARD / rounds
