"""The numbers that edits are judged by, one file each; none needs weights. Without PyTorch."""

from __future__ import annotations

from training.metrics import ciede2000, l1, l2, outside_change, preserved, psnr, ssim
from training.metrics.base import Judged, Metric

__all__ = ["METRICS", "Judged", "Metric", "measure"]

METRICS: tuple[Metric, ...] = (
    psnr.METRIC,
    ssim.METRIC,
    ciede2000.METRIC,
    l1.METRIC,
    l2.METRIC,
    preserved.METRIC,
    outside_change.METRIC,
)
"""Every metric, in the order of the tables."""


def measure(judged: Judged) -> dict[str, float | None]:
    """Every metric by name; None where one cannot be told for this edit."""
    return {metric.name: metric.measure(judged) for metric in METRICS}
