"""The arithmetic of GANSpace: principal components in a stream, and the way back to codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError, seeded_normal

if TYPE_CHECKING:
    from torch import Tensor

EXACT = 2048
"""Up to so many numbers the whole covariance is kept (32 MB); of more, that of their leading subspace."""
SPARE = 100  # dimensions of the subspace beyond the components asked for
ROUNDS = 2  # of subspace iteration
NOTHING = 1e-6  # of the greatest variance: a component of less is rounding noise, even of bfloat16

Pairs = Iterable[tuple["Tensor", "Tensor"]]
"""Codes (b, d), and what they make (b, m), block after block."""


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of m numbers that codes of d numbers make; all float64, on the CPU.

    Args:
        moves: (k, d); how a code changes as a component grows by one standard deviation.
        shares: (k,); of the variance of the m numbers, descending.
        mean: (d,); of the codes.
    """

    moves: Tensor
    shares: Tensor
    mean: Tensor


@dataclass(frozen=True, eq=False)
class Moments:
    """What two streams have in common.

    Args:
        mean: (q,); of the right one.
        covariance: (p, q); of left and right.
        variance: of the left one, summed over its p numbers.
    """

    mean: Tensor
    covariance: Tensor
    variance: Tensor


def components(draw: Callable[[str], Pairs], count: int) -> Components:
    """The principal components of what codes make, and the least-squares way from each back to codes.

    Args:
        draw: the same samples at each call; its argument says what for. They are seen once where m is at
            most `EXACT`, else `ROUNDS` times more.
        count: how many components; fewer come where the samples vary in fewer ways.

    Raises:
        InterpganError: if there are fewer than two samples, or all are equal.

    Source:
        Härkönen et al., GANSpace, NeurIPS 2020, sections 2.1 and 2.2. Deviations: not incremental PCA,
        but the eigenvectors of the exact covariance, or where that would not fit into memory, of its
        projection on a subspace found by iteration (Halko et al., SIAM Review 2011, algorithm 4.4). What is
        regressed on coordinates are the very codes that they were found on.
    """
    import torch

    _, first = next(iter(draw("looking at")))
    subspace, total = (None, None) if first.shape[1] <= EXACT else _leading(draw, first, count + SPARE)

    def pairs() -> Pairs:
        for codes, made in draw("measuring"):
            kept = made.double() if subspace is None else made.double() @ subspace
            yield kept, torch.cat([kept, codes.double()], 1)

    found = moments(pairs())
    covariance, mean = found.covariance.cpu(), found.mean.cpu()
    size = len(covariance)
    values, columns = torch.linalg.eigh(covariance[:, :size])
    values, vectors = values.flip(0)[:count], columns.T.flip(0)[:count]
    if not values[0] > 0:
        raise InterpganError("all samples are equal, so that they have no components; draw other seeds")
    real = values > values[0] * NOTHING
    values, vectors = values[real], vectors[real]
    # Coordinates are uncorrelated: least squares takes each by itself.
    moves = vectors @ covariance[:, size:] / values.sqrt()[:, None]
    return Components(moves, values / (found.variance if total is None else total).cpu(), mean[size:])


def _leading(draw: Callable[[str], Pairs], like: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """(m, rank), an orthonormal basis of where the samples vary most; and their whole variance."""
    import torch

    start = seeded_normal(range(rank), like.shape[1:]).T.double()
    basis = torch.linalg.qr(start.to(like.device)).Q
    for _ in range(ROUNDS):
        found = moments((made, made.double() @ basis) for _, made in draw("sketching"))
        basis = torch.linalg.qr(found.covariance).Q
    return basis, found.variance


def moments(blocks: Pairs) -> Moments:
    """The covariance of two streams, of any length, in memory for one block.

    Args:
        blocks: (b, p) and (b, q), block after block.

    Raises:
        InterpganError: if there are fewer than two rows.
    """
    rows = 0
    for left, right in blocks:
        left, right = left.double(), right.double()
        if not rows:
            # Near the mean already, so that little cancels.
            origin, other = left.mean(0), right.mean(0)
            sums, others = origin.new_zeros(len(origin)), other.new_zeros(len(other))
            products, squares = origin.new_zeros(len(origin), len(other)), origin.new_zeros(())
        left, right = left - origin, right - other
        rows += len(left)
        sums, others = sums + left.sum(0), others + right.sum(0)
        squares += left.square().sum()
        products.addmm_(left.T, right)
    if rows < 2:
        raise InterpganError(
            f"components need 2 samples at least, and many more to mean anything; not {rows}"
        )
    return Moments(
        mean=other + others / rows,
        covariance=(products - sums.outer(others) / rows) / (rows - 1),
        variance=(squares - sums.square().sum() / rows) / (rows - 1),
    )
