"""The groups of filters found again as the layer learns; they keep their numbers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from interpgan_interpretable.partition import mixture
from interpgan_interpretable.partition.moments import moments

SILENT = 1e-6  # of the layer's mean square: a filter of less counts as never active


def regrouped(
    blocks: Iterable[Tensor], concepts: int, before: Tensor, seed: int, restarts: int = 20
) -> Tensor:
    """Sort filters into groups, from the groups so far where there are any.

    Args:
        blocks: maps of samples, (b, m, h, w), none below 0.
        concepts: how many groups there may be.
        before: (m,) int64; the groups so far, -1 for a filter of none.
        seed: of the initial groups of the first fits.
        restarts: number of these fits, of which the most likely is taken.

    Returns:
        (m,) int64, below `concepts`; -1 for a filter that is never active. The numbers are those by which most filters
        keep their number, since W is kept by number.
    """
    sums = moments(blocks)
    active = sums.squares > SILENT * sums.squares.mean()
    found = torch.full_like(before, -1)
    most = int(active.sum()) // mixture.MIN_FILTERS
    if most == 0:
        return found
    normalised = sums.of(active).normalised()
    known = before[active.to(before.device)].cpu()
    if bool((known >= 0).any()):
        fit = mixture.refit(normalised, known)
    else:
        fit = mixture.fit(normalised, min(concepts, most), restarts, seed)
    new = found.masked_scatter(active.to(found.device), fit.groups.to(found.device))
    return renumbered(new, before, concepts)


def renumbered(new: Tensor, before: Tensor, concepts: int) -> Tensor:
    """Groups numbered such that most filters keep their number.

    Args:
        new, before: (m,) int64; -1 is in none.
        concepts: how many numbers there are.

    Returns:
        (m,) int64; the groups of `new`.
    """
    both = (new >= 0) & (before >= 0)
    shared = torch.zeros(concepts, concepts, dtype=torch.long)
    pairs = (new[both].cpu(), before[both].cpu())
    shared.index_put_(pairs, torch.ones(len(pairs[0]), dtype=torch.long), accumulate=True)
    _, assigned = linear_sum_assignment(shared.numpy(), maximize=True)
    numbers = torch.from_numpy(assigned).to(new.device)
    return torch.where(new >= 0, numbers[new.clamp(min=0)], new)
