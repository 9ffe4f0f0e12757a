"""The arithmetic of SeFa."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def factorise(weights: Tensor, normalize: bool = True) -> tuple[Tensor, Tensor]:
    """The unit directions n that maximise |A n|, in descending order.

    Args:
        weights: (o, d); A, the affine weights into the chosen layers, stacked by rows.
        normalize: give every row of A length 1 first.

    Returns:
        values: (d,) float64, descending; |A n|² of each direction.
        vectors: (d, d) float64; a direction a row, its entry of largest magnitude positive.

    Source:
        Shen & Zhou, CVPR 2021, equations 4 and 7: eigenvectors of AᵀA.
    """
    import torch

    a = weights.detach().cpu().double()
    if normalize:
        a = a / torch.linalg.vector_norm(a, dim=1, keepdim=True).clamp_min(1e-300)
    # AᵀA is symmetric: the solver reads its upper triangle, so only that is computed, block by block.
    gram = a.new_zeros(a.shape[1], a.shape[1])
    for block in torch.arange(a.shape[1]).chunk(4):
        first, last = int(block[0]), int(block[-1]) + 1
        torch.mm(a[:, first:last].T, a[:, first:], out=gram[first:last, first:])
    values, columns = torch.linalg.eigh(gram, UPLO="U")
    values, vectors = values.flip(0), columns.T.flip(0)
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return values, vectors * largest.sign()
