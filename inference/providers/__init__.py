"""Execution providers: one file each, in the order in which `auto` tries them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.errors import ProviderError
from inference.probe import probe
from inference.provider import Provider
from inference.providers import coreml, cpu, cuda, directml, openvino
from inference.self_test import self_test

__all__ = ["AUTO", "PROVIDERS", "Chosen", "Provider", "choose", "provider_named", "self_test"]

PROVIDERS: tuple[Provider, ...] = (
    cuda.PROVIDER,
    directml.PROVIDER,
    coreml.PROVIDER,
    openvino.PROVIDER,
    cpu.PROVIDER,
)

AUTO = "auto"


@dataclass(frozen=True)
class Chosen:
    """The provider to use, and (name, reason) of each that was tried before it."""

    provider: Provider
    passed_over: tuple[tuple[str, str], ...] = ()


def provider_named(name: str) -> Provider:
    """Raises `ProviderError`, listing the names, where there is none of that name."""
    for provider in PROVIDERS:
        if provider.name == name:
            return provider
    names = ", ".join((AUTO, *(provider.name for provider in PROVIDERS)))
    raise ProviderError(f"There is no provider named {name!r}: choose one of {names}.")


def choose(name: str = AUTO, memory_limit: int | None = None) -> Chosen:
    """The provider of that name, or for "auto" the first that passes its self-test.

    memory_limit: bytes for each of its sessions, where it can keep to it.
    Raises `ProviderError` for an unknown name and where nothing works, with the reasons.
    """
    candidates = PROVIDERS if name == AUTO else (provider_named(name),)
    passed_over: list[tuple[str, str]] = []
    for provider in candidates:
        reason = probe(provider).reason
        if reason is None:
            return Chosen(replace(provider, memory_limit=memory_limit), tuple(passed_over))
        passed_over.append((provider.name, reason))
    raise ProviderError(_none_works(passed_over))


def _none_works(passed_over: list[tuple[str, str]]) -> str:
    reasons = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in passed_over)
    return f"No provider works on this machine ({reasons}); `palimpsest doctor` says more."
