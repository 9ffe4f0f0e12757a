"""Nearest vectors by Euclidean distance, with constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 2048  # rows and columns of distances in memory at once: 32 MB


def nearest(queries: Tensor, references: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest references of each query.

    Args:
        queries: (n, d) float32.
        references: (m, d) float32; m at least k.
        k: how many.

    Returns:
        distances: (n, k) float64, ascending.
        positions: (n, k) int64; among the references.
    """
    import torch

    best = torch.full((len(queries), k), torch.inf, dtype=torch.float64)
    positions = torch.zeros((len(queries), k), dtype=torch.int64)
    for rows, columns, distances in blocks(queries, references):
        numbers = torch.arange(columns.start, columns.stop).expand(len(distances), -1)
        candidates = torch.cat([best[rows], distances], 1)
        best[rows], order = candidates.topk(k, largest=False)
        positions[rows] = torch.cat([positions[rows], numbers], 1).gather(1, order)
    return best, positions


def blocks(queries: Tensor, references: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """All distances between two sets, with constant memory.

    Args:
        queries: (n, d) float32.
        references: (m, d) float32.

    Returns:
        Rows, columns, and (rows, columns) float64 Euclidean distances of each block; row by row of blocks.
    """
    for rows in _slices(len(queries)):
        a = queries[rows].double()
        for columns in _slices(len(references)):
            b = references[columns].double()
            squares = a.square().sum(1)[:, None] + b.square().sum(1)
            distances = squares - 2 * a @ b.T
            # What is left of equal vectors is rounding, of float32 features and of this difference.
            yield rows, columns, distances.where(distances > 1e-12 * squares, 0).sqrt()


def _slices(count: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
