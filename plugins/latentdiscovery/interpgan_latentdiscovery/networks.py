"""The two things that are learnt: orthonormal directions, and a network that tells them apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interpgan_core import seeded_normal

_STREAM = 7  # of the random numbers of the first rotation
_FIRST, _MOST = 32, 128  # channels
_GROUPS = 8


class Rotation(nn.Module):
    """Orthonormal directions: the first rows of a rotation, which is the exponential of a skew matrix.

    Args:
        size: d, of a code.
        count: how many directions, d at most.
        seed: of the random rotation that it starts from.
    """

    start: Tensor

    def __init__(self, size: int, count: int, seed: int) -> None:
        super().__init__()
        self.count = count
        self.lower = nn.Parameter(torch.zeros(size, size))
        random = seeded_normal([seed], (size, size), stream=_STREAM)[0].double()
        self.register_buffer("start", torch.linalg.qr(random).Q.float(), persistent=False)

    def forward(self) -> Tensor:
        """(count, d); rows of length 1, orthogonal to each other."""
        rotation = torch.linalg.matrix_exp(self.lower - self.lower.T)
        rows: Tensor = (rotation @ self.start)[: self.count]
        return rows


class Reconstructor(nn.Module):
    """Which direction a sample was moved along, and how far, from its pictures before and after.

    Convolutions of stride 2 as long as the picture is larger than 4 pixels, so that it is as deep as pictures need.

    Args:
        count: of directions.
        side: shorter side of the pictures.
    """

    def __init__(self, count: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, width = 6, _FIRST
        while side > 4 or not layers:
            layers += [
                nn.Conv2d(channels, width, 3, stride=2, padding=1),
                nn.GroupNorm(_GROUPS, width),
                nn.LeakyReLU(0.2),
            ]
            channels, width, side = width, min(2 * width, _MOST), -(-side // 2)
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.which = nn.Linear(4 * channels, count)
        self.how_far = nn.Linear(4 * channels, 1)

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the directions and strengths.

        Args:
            before, after: (n, 3, h, w).

        Returns:
            (n, count) and (n,).
        """
        features = self.features(torch.cat([before, after - before], 1))
        return self.which(features), self.how_far(features)[:, 0]


class Model(nn.Module):
    """Both together, as they are trained and kept."""

    def __init__(self, size: int, count: int, side: int, seed: int) -> None:
        super().__init__()
        self.rotation = Rotation(size, count, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.reconstructor = Reconstructor(count, side)
