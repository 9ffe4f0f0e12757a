"""The planes halfway between the means of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from interpgan_interfacegan.solvers.solve import Plane, unit_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Subset = tuple[NDArray[np.int64], NDArray[np.float64]]
    """Positions of samples, (t,), and the targets of all samples, (n,)."""


def means_planes(
    blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]],
    subsets: Iterable[Sequence[Subset]],
    count: int,
) -> list[list[Plane]]:
    """The planes halfway between the means of both sides, of many subsets of samples in one pass.

    Args:
        blocks: positions and codes, (b,) and (b, d), of all samples in the subsets.
        subsets: groups of subsets.
        count: n, number of positions there are.

    Returns:
        One plane for each subset, in their groups.
    """
    sides: list[NDArray[np.int8]] = []
    sizes: list[int] = []
    for group in subsets:
        sizes.append(len(group))
        for rows, targets in group:
            sides.append(np.zeros(count, np.int8))
            sides[-1][rows] = np.where(targets[rows] >= 0, 1, -1)
    side = np.array(sides)
    positive = negative = np.zeros((len(side), 1))
    for rows, codes in blocks:
        wide = codes.astype(np.float64)
        positive = positive + (side[:, rows] == 1) @ wide
        negative = negative + (side[:, rows] == -1) @ wide
    positive = positive / (side == 1).sum(1)[:, None]
    negative = negative / (side == -1).sum(1)[:, None]
    # The codes c with (a - b) . c = (|a|² - |b|²) / 2 are as far from a as from b.
    means = zip(positive, negative, strict=True)
    planes = iter([unit_plane(a - b, float((b - a) @ (a + b)) / 2) for a, b in means])
    return [[next(planes) for _ in range(size)] for size in sizes]
