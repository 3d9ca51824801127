"""How the edits of one engine are run: as the estimate of their memory and the budget allow, told before they begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from inference import memory
from inference.device_memory import DeviceMemory, cuda_memory
from inference.devices import Places, look
from inference.fallback import LAST, instead_of
from inference.memory_facts import Facts, facts_of
from inference.memory_model import RunPlan, estimate, plan
from inference.package import ModelPackage
from inference.provider import Provider
from inference.providers import provider_named


class Planner:
    """The plans of one package on one provider.

    limit: bytes, of the processor's memory or of the graphics card's, whichever the provider uses; None for what is
    free. device: what the card has; None where that is not known.
    """

    def __init__(
        self,
        package: ModelPackage,
        provider: Provider,
        limit: int | None = None,
        device: Callable[[], DeviceMemory | None] = cuda_memory,
    ) -> None:
        self._package, self._provider, self._limit, self._device = package, provider, limit, device
        self._known: dict[tuple[str, ...], Facts] = {}

    def plan(self, height: int, width: int, branches: int, photo: int, loaded: bool = False) -> tuple[RunPlan, str]:
        """For a model that sees `height` x `width` pixels, and a photo whose own pixels take `photo` bytes; and what
        the user should know of it, "" for nothing. loaded: this process holds the networks already.

        Raises `EngineMemoryError`, before anything is loaded, where even the smallest way does not fit.
        """
        if self._provider.device_memory:
            memory.check(memory.BASE_BYTES + photo, memory.budget())
            facts = self.facts(self._provider)
            return plan(facts, self._provider.name, height, width, branches, self._on_device), ""
        budget = memory.budget(self._limit) - photo
        chosen, needed = self._plan(self._provider, height, width, branches, budget, loaded)
        if needed > budget and self._provider.name != LAST:
            other, less = self._plan(provider_named(LAST), height, width, branches, budget)
            if less <= budget:
                name = self._provider.name
                return other, f"There is not enough memory for {name}: trying {instead_of(name)}."
        memory.check(needed + photo, budget + photo, self._limit)
        return chosen, ""

    def check(self, way: RunPlan, height: int, width: int, branches: int, photo: int, loaded: bool = False) -> None:
        """Raises `EngineMemoryError` where what is tried instead would not fit either, as far as that can be told."""
        if provider_named(way.provider).device_memory:
            return
        facts = self.facts(provider_named(way.provider))
        told = estimate(facts, way.provider, height, width, branches, way.variants_at_once, way.vae_tile)
        memory.check((told.running if loaded else told.total) + photo, memory.budget())

    def _plan(
        self, provider: Provider, height: int, width: int, branches: int, budget: int, loaded: bool = False
    ) -> tuple[RunPlan, int]:
        """The plan, and the bytes it takes."""
        facts = self.facts(provider)
        chosen = plan(facts, provider.name, height, width, branches, budget)
        taken = estimate(facts, provider.name, height, width, branches, chosen.variants_at_once, chosen.vae_tile)
        return chosen, taken.running if loaded else taken.total

    def facts(self, provider: Provider) -> Facts:
        """What the memory of the package depends on, on that provider and this processor."""
        if provider.graphs not in self._known:
            self._known[provider.graphs] = facts_of(self._package, provider.graphs)
        facts = self._known[provider.graphs]
        halves = provider.name == "openvino" and not provider.float32 and self._bf16
        return replace(facts, half=True) if halves else facts

    @cached_property
    def _bf16(self) -> bool:
        """Whether the processor multiplies in bfloat16, as OpenVINO then does."""
        no_cards = Places(run=lambda command: "", nvml=lambda: (), adapters=lambda: ())
        return look(no_cards).processor.bf16

    @cached_property
    def _on_device(self) -> int | None:
        """Looked at once, before this engine takes its own part."""
        found = self._device() if self._provider.name == "cuda" else None
        if found is None:
            return self._limit
        return found.free if self._limit is None else min(found.free, self._limit)
