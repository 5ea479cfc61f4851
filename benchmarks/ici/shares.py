"""Many measured values in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable


def shares(values: Iterable[float], scale: float = 1.0) -> dict[str, float]:
    """How many, median, 99th percentile and the most; all 0 for none."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    found = {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in at.items()}
    return {"count": len(ordered), **{name: round(value * scale, 2) for name, value in found.items()}}
