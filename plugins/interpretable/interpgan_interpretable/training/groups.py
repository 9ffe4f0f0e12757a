"""Groups of filters that keep their numbers as they are found again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from interpgan_interpretable.partition import mixture
from interpgan_interpretable.partition.moments import moments

if TYPE_CHECKING:
    from torch import Tensor

SILENT = 1e-6  # of the layer's mean square: a filter of less never answers


def regrouped(
    blocks: Iterable[Tensor], concepts: int, before: Tensor, seed: int, restarts: int = 20
) -> Tensor:
    """Sort filters into groups; where there are some already, go on from these, and number them as they were.

    Args:
        blocks: maps of samples, (b, m, h, w), none below 0.
        concepts: how many groups there may be.
        before: (m,) int64; the groups so far, -1 for a filter of none.
        seed: of the starts of the first fits.
        restarts: of these the likeliest is taken.

    Returns:
        (m,) int64, below `concepts`; -1 for a filter that never answers. The numbers are those that have most filters
        stay where they were: W is kept by number.
    """
    import torch

    statistics = moments(blocks)
    answers = statistics.squares > SILENT * statistics.squares.mean()
    found = torch.full_like(before, -1)
    able = int(answers.sum()) // mixture.SMALLEST
    if able == 0:
        return found
    scaled = statistics.of(answers).normalised()
    known = before[answers.to(before.device)].cpu()
    has_groups = bool((known >= 0).any())
    fit = (
        mixture.refit(scaled, known)
        if has_groups
        else mixture.fit(scaled, min(concepts, able), restarts, seed)
    )
    new = found.masked_scatter(answers.to(found.device), fit.groups.to(found.device))
    return renumbered(new, before, concepts)


def renumbered(new: Tensor, before: Tensor, concepts: int) -> Tensor:
    """Numbers of groups so that most filters keep theirs.

    Args:
        new, before: (m,) int64; -1 is in none.
        concepts: how many numbers there are.

    Returns:
        (m,) int64; the groups of `new`.
    """
    import torch
    from scipy.optimize import linear_sum_assignment

    both = (new >= 0) & (before >= 0)
    shared = torch.zeros(concepts, concepts, dtype=torch.long)
    pairs = (new[both].cpu(), before[both].cpu())
    shared.index_put_(pairs, torch.ones(len(pairs[0]), dtype=torch.long), accumulate=True)
    _, numbers = linear_sum_assignment(shared.numpy(), maximize=True)
    numbers = torch.from_numpy(numbers).to(new.device)
    return torch.where(new >= 0, numbers[new.clamp(min=0)], new)
