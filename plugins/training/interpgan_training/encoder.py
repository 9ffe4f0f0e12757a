"""The encoder of the autoencoder loss, against mode collapse: every kind of picture must be reproduced."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from interpgan_core.plugin import channels_last

SLOPE = 0.2
RANGE = 6.0  # of the logarithm of a variance; keeps the first steps finite


class Encoder(nn.Module):
    """Maps images to a Gaussian over codes for each.

    Args:
        widths: channels at half the size, a quarter … 4 pixels.
        classes: given with the pictures; 0 = none.
        z: entries of a code.
    """

    def __init__(self, widths: Sequence[int], classes: int, z: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.GroupNorm(1, b), nn.LeakyReLU(SLOPE))
                for a, b in pairwise((3, *widths))
            )
        )
        self.last = nn.Linear(16 * widths[-1] + classes, 2 * z)
        channels_last(self)

    def forward(self, images: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Forward pass.

        Args:
            images: (n, 3, r, r).
            labels: (n, classes), or None.

        Returns:
            Means and logarithms of variances, (n, z) each.
        """
        found = self.body(images).flatten(1)
        if labels is not None:
            found = torch.cat([found, labels.to(found)], 1)
        mean, spread = self.last(found).float().chunk(2, 1)
        return mean, RANGE * torch.tanh(spread / RANGE)


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """Kullback-Leibler divergence of those Gaussians from the prior of the codes, in nats.

    Args:
        mean, spread: (n, z), from `Encoder`.

    Returns:
        (n,).

    Source:
        Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014, appendix B.
    """
    return (mean.square() + spread.exp() - spread - 1).sum(1) / 2
