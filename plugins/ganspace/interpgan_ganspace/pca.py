"""Principal components of a stream of features, and least squares from each component back to codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError, seeded_normal

if TYPE_CHECKING:
    from torch import Tensor

EXACT_SIZE = 2048
"""Up to this size of the features their whole covariance is kept (32 MB); above it, that of a leading subspace."""
OVERSAMPLING = 100  # dimensions of the subspace beyond the components asked for
ITERATIONS = 2  # of subspace iteration
NEGLIGIBLE = 1e-6  # share of the greatest variance: a component of less is rounding noise, even of bfloat16

Pairs = Iterable[tuple["Tensor", "Tensor"]]
"""Codes (b, d) and their features (b, m), block after block."""


@dataclass(frozen=True, eq=False)
class Components:
    """k principal components of the features; all float64, on the CPU.

    Args:
        directions: (k, d); how a code changes as a component grows by one standard deviation.
        variance_shares: (k,); of the variance of the features, descending.
        mean: (d,); of the codes.
    """

    directions: Tensor
    variance_shares: Tensor
    mean: Tensor


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of two streams, a left one of p numbers and a right one of q.

    Args:
        mean: (q,); of the right one.
        covariance: (p, q); of left and right.
        variance: of the left one, summed over its p numbers.
    """

    mean: Tensor
    covariance: Tensor
    variance: Tensor


def principal_components(draw: Callable[[str], Pairs], count: int) -> Components:
    """The principal components of features, and the least-squares way from each back to codes.

    Args:
        draw: gives the same samples at each call; its argument names the pass, for the progress bar. They are
            drawn once where m is at most `EXACT_SIZE`, else `ITERATIONS` times more.
        count: how many components; there are fewer where the samples vary in fewer dimensions.

    Raises:
        InterpganError: if there are fewer than two samples, or all are equal.

    Source:
        Härkönen et al., GANSpace, NeurIPS 2020, sections 2.1 and 2.2. Deviations: not incremental PCA,
        but the eigenvectors of the exact covariance, or where that would not fit into memory, of its
        projection on a subspace found by iteration (Halko et al., SIAM Review 2011, algorithm 4.4). The
        codes regressed on coordinates are the very ones that the components were found on.
    """
    import torch

    _, first = next(iter(draw("looking at")))
    if first.shape[1] <= EXACT_SIZE:
        basis, total = None, None
    else:
        basis, total = _leading_subspace(draw, first, count + OVERSAMPLING)

    def pairs() -> Pairs:
        for codes, features in draw("measuring"):
            kept = features.double() if basis is None else features.double() @ basis
            yield kept, torch.cat([kept, codes.double()], 1)

    found = moments(pairs())
    covariance, mean = found.covariance.cpu(), found.mean.cpu()
    size = len(covariance)
    values, columns = torch.linalg.eigh(covariance[:, :size])
    values, vectors = values.flip(0)[:count], columns.T.flip(0)[:count]
    if not values[0] > 0:
        raise InterpganError("all samples are equal, so that they have no components; draw other seeds")
    real = values > values[0] * NEGLIGIBLE
    values, vectors = values[real], vectors[real]
    # Section 2.2 of the paper regresses codes on coordinates x: with uncorrelated coordinates of variance λ, least
    # squares gives cov(x, code) / λ for each by itself; times √λ, that is the change for one standard deviation.
    directions = vectors @ covariance[:, size:] / values.sqrt()[:, None]
    return Components(directions, values / (found.variance if total is None else total).cpu(), mean[size:])


def _leading_subspace(draw: Callable[[str], Pairs], like: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """(m, rank), an orthonormal basis of where the features vary most; and their whole variance."""
    import torch

    start = seeded_normal(range(rank), like.shape[1:]).T.double()
    basis = torch.linalg.qr(start.to(like.device)).Q
    for _ in range(ITERATIONS):
        found = moments((features, features.double() @ basis) for _, features in draw("sketching"))
        basis = torch.linalg.qr(found.covariance).Q
    return basis, found.variance


def moments(blocks: Pairs) -> Moments:
    """The covariance of two streams of any length, in memory for one block.

    Args:
        blocks: (b, p) and (b, q), block after block.

    Raises:
        InterpganError: if there are fewer than two rows.
    """
    rows = 0
    for left, right in blocks:
        left, right = left.double(), right.double()
        if not rows:
            # Subtracting the first block's mean, which is near the whole mean, avoids cancellation.
            left_origin, right_origin = left.mean(0), right.mean(0)
            p, q, zeros = len(left_origin), len(right_origin), left_origin.new_zeros
            left_sum, right_sum, products, squares = zeros(p), zeros(q), zeros(p, q), zeros(())
        left, right = left - left_origin, right - right_origin
        rows += len(left)
        left_sum, right_sum = left_sum + left.sum(0), right_sum + right.sum(0)
        squares += left.square().sum()
        products.addmm_(left.T, right)
    if rows < 2:
        raise InterpganError(
            f"components need 2 samples at least, and many more to mean anything; not {rows}"
        )
    return Moments(
        mean=right_origin + right_sum / rows,
        covariance=(products - left_sum.outer(right_sum) / rows) / (rows - 1),
        variance=(squares - left_sum.square().sum() / rows) / (rows - 1),
    )
