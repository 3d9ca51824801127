"""What the model makes of a few pairs while it learns: edits as the engine makes them, by a small loop of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.guidance import branches
from inference.manifest import Dials
from inference.noise import normal
from inference.samplers import sampler_named
from inference.schedule import Schedule
from training.buckets import Shapes
from training.items import Item
from training.latents import Latents
from training.libraries import torch
from training.network import Network
from training.texts import Texts
from training.whole_files import write_json, write_whole

if TYPE_CHECKING:
    from torch import Tensor

MOST = 4
"""Pairs that are edited again and again."""
LEAST_STEPS = 4
_SEED = 1
"""Of the noise: the same for every pair and every time, so that pictures differ by what was learnt alone."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A pair as it is edited. latent: float32 (C, h, w), the unscaled mode. crop: (top, left, h, w) within padding."""

    item: Item
    latent: NDArray[np.float32]
    text: int
    crop: tuple[int, int, int, int]
    source: Path
    target: Path

    def told(self, path: Path) -> dict[str, str]:
        """What an event says of its edit at `path`."""
        return {
            "id": self.item.id,
            "path": str(path),
            "source": str(self.source),
            "target": str(self.target),
            "instruction": self.item.instruction,
        }


class Samples:
    """Edits the same pairs with whatever the network knows by now."""

    def __init__(self, vae: Any, schedule: Schedule, dials: Dials, texts: Texts, subjects: Sequence[Subject]) -> None:
        """Raises `inference.errors.EngineError` for dials that the model's schedule cannot follow."""
        self.subjects = tuple(subjects)
        self._vae, self._texts = vae, texts
        self._plan = sampler_named(dials.sampler)(schedule, dials.steps)
        self._velocity = schedule.prediction_type == "v_prediction"
        self._branches = branches(dials.text_scale, dials.image_scale)

    @torch.no_grad()
    def made(
        self, network: Network, device: Any, stopping: Callable[[], bool] = lambda: False
    ) -> list[NDArray[np.uint8]]:
        """One picture for each subject, uint8 (h, w, 3), at the model's size; fewer once it is `stopping`."""
        self._vae.to(device)
        try:
            edits = (self._edited(network, subject, device, stopping) for subject in self.subjects)
            return [picture for picture in edits if picture is not None]
        finally:
            self._vae.to("cpu")

    def _edited(
        self, network: Network, subject: Subject, device: Any, stopping: Callable[[], bool]
    ) -> NDArray[np.uint8] | None:
        source: Any = torch.from_numpy(subject.latent)[None].to(device)
        texts: Any = network.hidden(self._texts.rows[[subject.text, 0]].to(device))
        x: Any = self._noise(0, source) * self._plan.start_scale
        before: Any = torch.zeros_like(x)
        for number, step in enumerate(self._plan.steps):
            if stopping():
                return None
            predicted = self._guided(network, x, source, texts, step.timestep)
            if self._velocity:
                clean = step.alpha * x - step.sigma * predicted
            else:
                clean = (x - step.sigma * predicted) / step.alpha
            x = step.a * x + step.b * clean + step.c * before
            if step.d:
                x = x + step.d * self._noise(number + 1, source)
            before = clean
        return self._picture(x, subject)

    def _guided(self, network: Network, x: Tensor, source: Tensor, texts: Tensor, timestep: float) -> Tensor:
        """Equation 3 of arXiv 2211.09800, its branches in one batch."""
        count = len(self._branches)
        seen = torch.cat([source if branch.image else torch.zeros_like(source) for branch in self._branches])
        told = torch.stack([texts[0 if branch.text else 1] for branch in self._branches])
        times = torch.full((count,), timestep, device=x.device)
        answers = network(x.repeat(count, 1, 1, 1), seen, times, told).float()
        weights = torch.tensor([branch.weight for branch in self._branches], device=x.device).view(-1, 1, 1, 1)
        return (answers * weights).sum(0, keepdim=True)

    def _noise(self, step: int, like: Any) -> Any:
        return torch.from_numpy(normal(_SEED, step, tuple(like.shape))).to(like.device)

    def _picture(self, latent: Any, subject: Subject) -> NDArray[np.uint8]:
        config = self._vae.config
        unscaled = latent / config.scaling_factor + float(config.get("shift_factor") or 0)
        decoded: NDArray[np.float32] = self._vae.decode(unscaled.to(self._vae.dtype)).sample[0].float().cpu().numpy()
        top, left, height, width = subject.crop
        inside = decoded[:, top : top + height, left : left + width].transpose(1, 2, 0)
        return np.round((inside * 0.5 + 0.5).clip(0, 1) * 255).astype(np.uint8)


def affordable(dials: Dials, forwards: float) -> tuple[int, Dials]:
    """How many pairs to edit, and how, so that one round takes no more than about `forwards` calls of the network.

    At least one pair, in at least `LEAST_STEPS` steps: on a slow device, samples may not outlast the training.
    """
    calls = len(branches(dials.text_scale, dials.image_scale))
    count = int(forwards // (calls * dials.steps))
    if count:
        return min(count, MOST), dials
    return 1, replace(dials, steps=min(dials.steps, max(LEAST_STEPS, int(forwards // calls))))


def subjects_of(
    items: Sequence[Item], latents: Latents, shapes: Shapes, texts: Texts, folder: Path, most: int = MOST
) -> list[Subject]:
    """Up to `most` of `items`, of as many instructions as there are; their pictures, as seen, are put into `folder`.

    There, pairs.json says which is which.
    """
    chosen = {item.instruction: item for item in reversed(items)}.values()
    ordered = {item.id: item for item in (*reversed([*chosen]), *items)}
    shown = [*ordered.values()][:most]
    if shown:  # a process that edits nothing must not say so of the others
        pairs = [{"id": item.id, "instruction": item.instruction} for item in shown]
        write_json(folder / "pairs.json", {"pairs": pairs})
    return [_subject(number, item, latents, shapes, texts, folder) for number, item in enumerate(shown)]


def _subject(number: int, item: Item, latents: Latents, shapes: Shapes, texts: Texts, folder: Path) -> Subject:
    pictures = item.read()
    paths = {part: folder / f"{number:02d}-{part}.png" for part in ("source", "target")}
    for part, path in paths.items():
        write_png(path, shapes.seen(getattr(pictures, part)))
    return Subject(
        item,
        latents.of(pictures.source),
        texts.row(item.instruction),
        shapes.crop(*pictures.source.shape[:2]),
        paths["source"],
        paths["target"],
    )


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """uint8 (H, W, 3). Raises `OSError`."""
    write_whole(path, cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes())
