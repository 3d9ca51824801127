"""The samplers, one file each. A sampler turns a schedule and a number of steps into a plan of linear steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from inference.errors import RequestError
from inference.samplers.ddim import ddim
from inference.samplers.dpmpp_2m import dpmpp_2m
from inference.samplers.dpmpp_2m_karras import dpmpp_2m_karras
from inference.samplers.euler import euler
from inference.samplers.euler_ancestral import euler_ancestral
from inference.samplers.lcm import lcm
from inference.schedule import Plan, Schedule

Sampler = Callable[[Schedule, int], Plan]

SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
    {sampler.__name__: sampler for sampler in (euler, euler_ancestral, ddim, dpmpp_2m, dpmpp_2m_karras, lcm)}
)


def sampler_named(name: str) -> Sampler:
    """Raises `RequestError` with the names there are."""
    try:
        return SAMPLERS[name]
    except KeyError:
        raise RequestError(f"There is no sampler {name!r}; choose one of {', '.join(SAMPLERS)}.") from None
