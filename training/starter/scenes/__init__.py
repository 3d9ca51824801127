"""Scenes by procedure: pictures made from nothing but code, with the statistics of photographs.

A kind of scene is one file with one function of the file's name, and one line in SCENES.
"""

from __future__ import annotations

import numpy as np

from training.starter.scenes.animal import animal
from training.starter.scenes.arrays import ByteImage, FloatImage, Scene
from training.starter.scenes.camera import photograph
from training.starter.scenes.city import city
from training.starter.scenes.dead_leaves import dead_leaves
from training.starter.scenes.fire import fire
from training.starter.scenes.foliage import foliage
from training.starter.scenes.landscape import landscape
from training.starter.scenes.page import page
from training.starter.scenes.portrait import portrait
from training.starter.scenes.sign import sign
from training.starter.scenes.solids import solids
from training.starter.scenes.still_life import still_life
from training.starter.scenes.texture import texture

__all__ = ["SCENES", "ByteImage", "FloatImage", "Scene", "make_scene", "scene_at"]

SCENES: tuple[tuple[str, Scene, float], ...] = (
    ("animal", animal, 1.0),
    ("city", city, 1.0),
    ("dead_leaves", dead_leaves, 1.2),
    ("fire", fire, 0.4),
    ("foliage", foliage, 0.9),
    ("landscape", landscape, 1.4),
    ("page", page, 0.5),
    ("portrait", portrait, 1.3),
    ("sign", sign, 0.6),
    ("solids", solids, 0.8),
    ("still_life", still_life, 1.2),
    ("texture", texture, 0.7),
)
"""Every kind of scene: name, function, sampling weight."""


def make_scene(rng: np.random.Generator, size: int) -> ByteImage:
    """A scene of a random kind as a camera records it: uint8 (size, size, 3) sRGB, determined by `rng` alone."""
    weights = np.array([weight for _, _, weight in SCENES])
    _, scene, _ = SCENES[int(rng.choice(len(SCENES), p=weights / weights.sum()))]
    return photograph(rng, scene(rng, size))


def scene_at(seed: int, index: int, size: int) -> ByteImage:
    """Scene number `index` of the endless series `seed`: uint8 (size, size, 3); any two are independent."""
    return make_scene(np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index)))), size)
