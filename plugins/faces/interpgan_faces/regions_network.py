"""The head of `faces.regions`, which tells hair from skin by the maps of EfficientNet-Lite0.

Source:
    It was trained on samples of mobilestylegan.ffhq, whose own feature maps
    say what is where (Zhang et al., DatasetGAN, CVPR 2021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 256  # of its pictures, in pixels
COARSE = 64  # of its answers
CLASSES = ("background", "hair", "skin", "neck", "clothes")
SEEN = (16, 24, 40, 112, 320)  # channels of the maps, which are of 128, 64, 32, 16 and 8 pixels a side
WIDTH = 32


class Head(nn.Module):
    """Logits of the classes, from the maps and from where a pixel is."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, WIDTH, 1)) for channels in SEEN
        )
        self.place = nn.Conv2d(2, WIDTH, 1)
        self.joined = nn.Sequential(
            nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, len(CLASSES), 1)
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Args: maps: as of `EfficientNetLite0`. Returns: (n, 5, 64, 64)."""
        at = torch.linspace(-1, 1, COARSE, device=maps[0].device)
        x = self.place(torch.stack(torch.meshgrid(at, at, indexing="ij"))[None])
        for given, layer in zip(maps, self.taken, strict=True):
            small = functional.adaptive_avg_pool2d(given, COARSE) if given.shape[2] > COARSE else given
            x = x + functional.interpolate(layer(small), size=COARSE, mode="bilinear")
        found: Tensor = self.joined(x)
        return found
