"""The generalised eigenproblem of ReSeFa: most change in a region for the least elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpgan_core import InterpganError

if TYPE_CHECKING:
    from torch import Tensor


def gram(derivatives: Tensor, weight: Tensor) -> Tensor:
    """JᵀJ where each row of J counts by a weight, divided by the sum of the weights.

    Args:
        derivatives: (k, c, h, w); Jᵀ.
        weight: (1, h, w) from 0 to 1; of each position.

    Returns:
        (k, k) float64: entry (i, i) is the mean squared change of a position, summed over c, for a step along offset i.
    """
    rows = (derivatives * weight.sqrt()).flatten(1).double()
    return rows @ rows.T / (float(weight.sum()) or 1.0)


def region_directions(inside: Tensor, outside: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """Unit vectors v of the largest (vᵀ inside v) / (vᵀ (outside + floor · trace(outside) · 1) v).

    Args:
        inside: (k, k); JᵀJ of the region, symmetric.
        outside: (k, k); JᵀJ of the rest.
        floor: share of the trace that every direction is taken to change outside at least.

    Returns:
        values: (k,) float64, descending; the ratio of each.
        vectors: (k, k) float64; a unit vector a row, its entry of largest magnitude positive.

    Raises:
        InterpganError: if nothing changes outside.

    Source:
        Zhu et al., Region-Based Semantic Factorization in GANs, ICML 2022, section 3. Deviations: the published
        code inverts the second matrix, by default without a floor, and solves a problem that is not symmetric; here
        with M_b + floor = L Lᵀ the eigenvectors of L⁻¹ M_f L⁻ᵀ, which is symmetric, are carried back by L⁻ᵀ.
    """
    import torch

    trace = float(outside.trace())
    if not trace > 0:
        raise InterpganError("nothing outside of the region changes with the codes; take a smaller region")
    lower = torch.linalg.cholesky(outside + floor * trace * torch.eye(len(outside), dtype=torch.float64))
    half = torch.linalg.solve_triangular(lower, inside, upper=False)
    middle = torch.linalg.solve_triangular(lower, half.T, upper=False)
    values, columns = torch.linalg.eigh((middle + middle.T) / 2)
    vectors = torch.linalg.solve_triangular(lower.T, columns, upper=True).T.flip(0)
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return values.flip(0).clamp_min(0), vectors * largest.sign()
