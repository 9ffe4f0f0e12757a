"""The network of `faces.regions`: maps of EfficientNet-Lite0, and a small head that tells hair from skin.

Source:
    Tan & Le, EfficientNet, ICML 2019. The head was trained on samples of mobilestylegan.ffhq, whose own feature maps
    say what is where (Zhang et al., DatasetGAN, CVPR 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_faces.encoder_network import STAGES, Block, ConvNorm

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDE = 256  # of its pictures, in pixels
COARSE = 64  # of its answers
CLASSES = ("background", "hair", "skin", "neck", "clothes")
# Stage of the body -> channels of its last maps. They are of 128, 64, 32, 16 and 8 pixels a side.
SEEN = {0: 16, 1: 24, 2: 40, 4: 112, 6: 320}
WIDTH = 32
NAMES = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}  # of the parts of a block in the published file


class Body(nn.Module):
    """EfficientNet-Lite0 without its head; frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, 2)
        stages, taken = [], 32
        for kernel, stride, expansion, given, count in STAGES:
            blocks = []
            for i in range(count):
                blocks.append(Block(taken, given, kernel, stride if i == 0 else 1, expansion))
                taken = given
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Args: pictures: (n, 3, 256, 256) float32 in [-1, 1]. Returns: (n, c, h, w) each, as `SEEN` says."""
        x, maps = functional.relu6(self.stem(pictures)), []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in SEEN:
                maps.append(x)
        return maps


class Head(nn.Module):
    """Logits of the classes, from the maps and from where a pixel is."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, WIDTH, 1))
            for channels in SEEN.values()
        )
        self.place = nn.Conv2d(2, WIDTH, 1)
        self.joined = nn.Sequential(
            nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, len(CLASSES), 1)
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Args: maps: as of `Body`. Returns: (n, 5, 64, 64)."""
        at = torch.linspace(-1, 1, COARSE, device=maps[0].device)
        x = self.place(torch.stack(torch.meshgrid(at, at, indexing="ij"))[None])
        for given, layer in zip(maps, self.taken, strict=True):
            small = functional.adaptive_avg_pool2d(given, COARSE) if given.shape[2] > COARSE else given
            x = x + functional.interpolate(layer(small), size=COARSE, mode="bilinear")
        found: Tensor = self.joined(x)
        return found


def renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights by the names of `Body`; those of the classifier are left out."""
    first = [sum(count for *_, count in STAGES[:i]) for i in range(len(STAGES))]
    state = {}
    for name, tensor in published.items():
        head, *rest = name.split(".")
        if head == "_blocks":
            number = int(rest[0])
            stage = max(i for i, start in enumerate(first) if start <= number)
            state[f"stages.{stage}.{number - first[stage]}.{NAMES[rest[1]]}.{rest[2]}"] = tensor
        elif head in ("_conv_stem", "_bn0"):
            state[".".join(["stem", "conv" if head == "_conv_stem" else "norm", *rest])] = tensor
    return state
