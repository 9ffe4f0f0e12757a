"""The strength at which a mover has changed some factor by one standard deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interpgan_metrics.factors import Change

CLOSE = 0.1  # how far from one standard deviation is near enough
TRIES = 4  # between two strengths, one too small and one too large


@dataclass(frozen=True)
class Matched:
    """Where a search ended.

    Args:
        strength: of the mover, in the units that were searched.
        target: position of the factor that changes most there.
        reached: has it changed by one standard deviation, on the samples of the search?
    """

    strength: float
    target: int
    reached: bool


def match(change_at: Callable[[float], Change], most: float) -> Matched:
    """Find the strength at which the factor that changes most has changed by one standard deviation.

    Strengths grow until it has, by no more than twice each time; then they are divided by straight lines.

    Args:
        change_at: measures the change at a strength.
        most: the largest strength to try.

    Returns:
        The strength, within a tenth of the wanted change where the change is smooth; at `most` where it is never
        reached.
    """
    low, at_low, strength = 0.0, 0.0, min(1.0, most)
    while True:
        found = change_at(strength)
        if found.reached >= 1 - CLOSE:
            break
        if strength >= most:
            return Matched(strength, found.target, False)
        low, at_low = strength, found.reached
        growth = min(max(1 / max(found.reached, 1e-9), 1.25), 2.0)
        strength = min(strength * growth, most)
    high, at_high, best = strength, found.reached, found
    for _ in range(TRIES):
        if best.reached <= 1 + CLOSE:
            break
        share = (1 - at_low) / max(at_high - at_low, 1e-9)
        middle = low + (high - low) * min(max(share, 0.1), 0.9)
        found = change_at(middle)
        if found.reached >= 1 - CLOSE:
            high, at_high, best = middle, found.reached, found
        else:
            low, at_low = middle, found.reached
    return Matched(high, best.target, True)
