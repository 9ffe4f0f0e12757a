"""The information term: what some entries of a code say must be read from the picture."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional


def information(codes: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """How much a picture tells of the codes that it was painted from: a lower bound of their mutual information.

    Args:
        codes: (n, k); standard normal numbers.
        mean, spread: (n, k); the Gaussian that a reader says of each, with the logarithm of its variance.

    Returns:
        (n,) in nats: the entropy of the codes, less the reader's surprise at what they are; 0 for a reader that says
        nothing but the prior.

    Source:
        Chen et al., InfoGAN, NeurIPS 2016, equation 5, with a Gaussian for continuous codes.
    """
    entropy = 0.5 * (1 + math.log(2 * math.pi))
    surprise = 0.5 * (math.log(2 * math.pi) + spread + (codes - mean).square() / spread.exp())
    return (entropy - surprise).sum(1)


def enlarged(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures of a generator that still grows, at the full size, which the reader takes."""
    if tuple(pictures.shape[2:]) == tuple(size):
        return pictures
    return functional.interpolate(pictures, size=list(size), mode="nearest")
