"""EfficientNet-Lite0: a net of ImageNet whose maps `faces.encoder` and `faces.regions` read.

Source:
    Tan & Le, EfficientNet, ICML 2019; Lite0: no squeeze-and-excitation, ReLU6 in place of swish.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_faces.wheels import EFFICIENTNET

BODY = ("_conv_stem", "_bn0", "_blocks")  # names of the published file that are not of its classifier
# kernel, stride, expansion, channels, repetitions
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
NAMES = {  # of a block's tensors, in the published file: here
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


class ConvNorm(nn.Module):
    """A convolution with TensorFlow's padding, and its normalisation.

    Args:
        taken, given: channels.
        kernel, stride, groups: of the convolution.
    """

    def __init__(self, taken: int, given: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(given, eps=1e-3, momentum=0.01)
        more = kernel - stride  # all that is added; of an odd number the larger part comes behind
        self.padding = [more // 2, more - more // 2] * 2

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, taken, h, w). Returns: (n, given, h / stride, w / stride)."""
        found: Tensor = self.norm(self.conv(functional.pad(x, self.padding)))
        return found


class Block(nn.Module):
    """A mobile inverted bottleneck.

    Args:
        taken, given: channels.
        kernel, stride: of the depthwise convolution.
        expansion: how many times as many channels there are within.
    """

    def __init__(self, taken: int, given: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        within = taken * expansion
        self.expand = ConvNorm(taken, within, 1) if expansion > 1 else None
        self.depthwise = ConvNorm(within, within, kernel, stride, groups=within)
        self.project = ConvNorm(within, given, 1)
        self.adds = stride == 1 and taken == given

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, taken, h, w). Returns: (n, given, h / stride, w / stride)."""
        within = x if self.expand is None else functional.relu6(self.expand(x))
        found: Tensor = self.project(functional.relu6(self.depthwise(within)))
        return found + x if self.adds else found


class EfficientNetLite0(nn.Module):
    """The net without its classifier.

    Args:
        state: tensors of the published file, by their names there.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, 2)
        blocks, taken = [], 32
        for kernel, stride, expansion, given, count in STAGES:
            for i in range(count):
                blocks.append(Block(taken, given, kernel, stride if i == 0 else 1, expansion))
                taken = given
        self.blocks = nn.ModuleList(blocks)
        self.load_state_dict({_renamed(name): t for name, t in state.items() if name.startswith(BODY)})
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, device: str = "cpu") -> EfficientNetLite0:
        """The published net, from the cache or fetched into it."""
        (data,) = EFFICIENTNET.files().values()
        return cls(torch.load(io.BytesIO(data), weights_only=True)).to(device)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The last maps of each size, the largest first.

        Args:
            images: (n, 3, s, s) float32 in [-1, 1]; s a multiple of 32.

        Returns:
            (n, c, t, t) each: 16, 24, 40, 112 and 320 channels; t = s / 2, s / 4, s / 8, s / 16, s / 32.
        """
        x, maps = functional.relu6(self.stem(images.contiguous(memory_format=torch.channels_last))), []
        for block in self.blocks:
            after = block(x)
            if after.shape[2] < x.shape[2]:
                maps.append(x)
            x = after
        return [*maps, x]


def _renamed(name: str) -> str:
    """The name here of a tensor of the published file."""
    first, *rest = name.split(".")
    if first == "_blocks":
        number, part, kind = rest
        return f"blocks.{number}.{NAMES[part]}.{kind}"
    return ".".join(["stem", "conv" if first == "_conv_stem" else "norm", *rest])
