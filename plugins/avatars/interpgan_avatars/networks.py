"""The networks of the scorer and the segmenter. Letters in shapes: n pictures, c channels, h w pixels."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_avatars.drawing import PARTS, SIDE
from interpgan_avatars.person import ATTRIBUTES, HAIR_COLOURS, HAIR_STYLES, SKIN_TONES

FEATURES = 256
GROUPS = {"hair": HAIR_COLOURS, "skin": SKIN_TONES, "style": HAIR_STYLES}
"""Attributes with one value of several."""


class ScorerNet(nn.Module):
    """Images to features, and features to attributes."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        self.body = nn.Sequential(
            *(_conv(a, b, stride=2) for a, b in pairwise(widths)),
            nn.Flatten(),
            nn.Linear(16 * widths[-1], FEATURES),
            nn.ReLU(),
        )
        self.attributes = nn.Linear(FEATURES, len(ATTRIBUTES))
        self.groups = nn.ModuleDict({name: nn.Linear(FEATURES, len(of)) for name, of in GROUPS.items()})

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) in [-1, 1]; Returns: (n, 256), none below 0."""
        features: Tensor = self.body(resized(images))
        return features

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Logits of everything.

        Args:
            images: (n, 3, h, w) in [-1, 1].

        Returns:
            "attributes": (n, 6), of which the first is the pose itself; and (n, choices) by group.
        """
        found = self.features(images)
        return {"attributes": self.attributes(found)} | {
            name: head(found) for name, head in self.groups.items()
        }


class SegmenterNet(nn.Module):
    """A U-Net: pictures to a logit of every part at every pixel.

    Source:
        Ronneberger et al., U-Net, MICCAI 2015, with a quarter of its depth and a thirtieth of its channels.
    """

    widths = (24, 32, 48, 64)

    def __init__(self) -> None:
        super().__init__()
        before = (3, *self.widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(_conv(a, b), _conv(b, b)) for a, b in zip(before, self.widths, strict=True)
        )
        self.up = nn.ModuleList(_conv(a + b, a) for a, b in pairwise(self.widths))
        self.last = nn.Conv2d(self.widths[0], len(PARTS), 1)

    def forward(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) in [-1, 1]; Returns: (n, 10, 64, 64)."""
        x, kept = resized(images), []
        for i, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if i else x)
            kept.append(x)
        for i in reversed(range(len(self.up))):
            large = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.up[i](torch.cat([kept[i], large], 1))
        logits: Tensor = self.last(x)
        return logits


def resized(images: Tensor) -> Tensor:
    """At 64 pixels, whatever size they come in."""
    if images.shape[-2:] == (SIDE, SIDE):
        return images
    return functional.interpolate(images, size=(SIDE, SIDE), mode="bilinear", antialias=True)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
