"""What perceptual nets are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

VGG_WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Of the pictures that LPIPS was fitted on, which ran from -1 to 1.
LPIPS_MEAN, LPIPS_STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


def stacked(maps: Sequence[Tensor], weights: Sequence[Tensor | float]) -> Tensor:
    """Feature maps as rows whose squared distance is LPIPS: of unit vectors, a mean over places, a sum over layers.

    Args:
        maps: (n, c, h, w) each.
        weights: (c,) each, or one for all channels; not below 0.

    Returns:
        (n, d) float32.

    Source:
        Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018, equation 1.
    """
    rows = []
    for each, weight in zip(maps, weights, strict=True):
        root = torch.as_tensor(weight, device=each.device).sqrt().view(-1, 1, 1)
        unit = functional.normalize(each.float(), dim=1, eps=1e-10)
        rows.append((unit * root).flatten(1) / (each.shape[2] * each.shape[3]) ** 0.5)
    return torch.cat(rows, 1)


class Vgg(nn.Module):
    """The convolutions of VGG-16, as torchvision numbers them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = [3]
        for widths in VGG_WIDTHS:
            channels += widths
            for before, after in pairwise(channels[-len(widths) - 1 :]):
                self.features.append(nn.Conv2d(before, after, 3, padding=1)).append(nn.ReLU())
            self.features.append(nn.MaxPool2d(2))

    def forward(self, images: Tensor) -> list[Tensor]:
        """The maps before each pooling; (n, 3, h, w) in [-1, 1], h and w at least 16."""
        mean, std = (images.new_tensor(v).view(3, 1, 1) for v in (LPIPS_MEAN, LPIPS_STD))
        x, maps = (images - mean) / std, []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            x = layer(x)
        return maps


def resized(images: Tensor, side: int) -> Tensor:
    """(n, 3, side, side), averaged over what is left out."""
    if tuple(images.shape[2:]) == (side, side):
        return images
    return functional.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
