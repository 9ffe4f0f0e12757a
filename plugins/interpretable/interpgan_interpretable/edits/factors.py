"""Factors over positions: parts of maps, by a semi-nonnegative factorisation.

Shape symbols: c channels, k positions, r factors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

FIRST_STEP = 0.1  # of the gradient's length, which is about that of the factors
GROWTH, SHRINKAGE = 1.5, 0.5
SHORTEST = 1e-9  # a step below: nothing is gained any more


def gram(maps: Tensor) -> Tensor:
    """How positions go together: (c, k) -> (k, k) float64, of maps of a root mean square of 1."""
    rows = maps.double()
    return rows.T @ rows / rows.square().sum().clamp(min=1e-30)


def factorised(scatter: Tensor, start: Tensor, steps: int) -> Tensor:
    """Nonnegative factors U that give maps back: min |Z - Z U U^T|^2, where scatter is Z^T Z.

    Steps go down the gradient and are cut at 0; one that would raise the error is shortened until it does not.

    Args:
        scatter: (k, k) float64, symmetric.
        start: (k, r) float64, none below 0.
        steps: at most.

    Returns:
        (k, r) float64, none below 0.
    """
    factors, error, rate = start, error_of(scatter, start), FIRST_STEP
    for _ in range(steps):
        image = scatter @ factors
        inner = factors.T @ factors
        # Half of the gradient: only its way counts.
        gradient = image @ inner + factors @ (factors.T @ image) - 2 * image
        direction = gradient * factors.norm() / gradient.norm().clamp(min=1e-30)
        while rate > SHORTEST:
            tried = (factors - rate * direction).clamp(min=0)
            if (found := error_of(scatter, tried)) < error:
                factors, error, rate = tried, found, rate * GROWTH
                break
            rate *= SHRINKAGE
        else:
            break
    return factors


def error_of(scatter: Tensor, factors: Tensor) -> float:
    """|Z - Z U U^T|^2 of scatter Z^T Z, (k, k), and factors U, (k, r)."""
    image, inner = scatter @ factors, factors.T @ factors
    fitted = (factors * image).sum()
    twice = ((factors.T @ image) * inner).sum()
    return float(scatter.diagonal().sum() - 2 * fitted + twice)
