"""The bodies of pSp, e4e and ReStyle: IR-SE50 and ResNet-34, from a picture to maps of three sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from interpgan_inversion.published.layers import Norm


class Body(NamedTuple):
    """How units stand one after the other.

    Args:
        units: how many.
        halving: numbers of those that halve the size of the map.
        taken: numbers of those whose maps are taken: of an eighth, or a quarter, and so on of the picture's side.
    """

    units: int
    halving: tuple[int, ...]
    taken: tuple[int, int, int]


IR_SE50 = Body(24, (0, 3, 7, 21), (6, 20, 23))
RESNET34 = Body(16, (3, 7, 13), (6, 12, 15))


class Squeeze(nn.Module):
    """Squeeze and excitation: every channel times a share that depends on the means of all.

    Args:
        width: channels.
        narrow: channels between.

    Source:
        Hu et al., Squeeze-and-Excitation Networks, CVPR 2018.
    """

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, narrow, 1, bias=False)
        self.fc2 = nn.Conv2d(narrow, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: of the same shape."""
        shares: Tensor = self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return x * shares


class Unit(nn.Module):
    """A unit of IR-SE50.

    Args:
        before, after: channels.
        narrow: channels of its squeeze.
        stride: 2 = it halves the size.
    """

    def __init__(self, before: int, after: int, narrow: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut_layer = None
        if before != after:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), Norm(after))
        self.res_layer = nn.Sequential(
            Norm(before),
            nn.Conv2d(before, after, 3, 1, 1, bias=False),
            nn.PReLU(after),
            nn.Conv2d(after, after, 3, stride, 1, bias=False),
            Norm(after),
            Squeeze(after, narrow),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, before, h, w). Returns: (n, after, h / stride, w / stride)."""
        beside = (
            x[:, :, :: self.stride, :: self.stride] if self.shortcut_layer is None else self.shortcut_layer(x)
        )
        added: Tensor = self.res_layer(x) + beside
        return added


class Block(nn.Module):
    """A block of ResNet-34, as torchvision names it.

    Args:
        before, after: channels.
        stride: 2 = it halves the size.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = Norm(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = Norm(after)
        self.downsample = None
        if before != after or stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), Norm(after))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, before, h, w). Returns: (n, after, h / stride, w / stride)."""
        beside = x if self.downsample is None else self.downsample(x)
        added: Tensor = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + beside
        return functional.relu(added)


def ir_se50(inputs: int, widths: Sequence[int], narrow: Sequence[int]) -> Iterator[tuple[str, nn.Module]]:
    """The parts of IR-SE50, by the names that they have in files.

    Args:
        inputs: channels of the pictures.
        widths: channels of the stem and of every unit.
        narrow: of every unit, of its squeeze.

    Source:
        Deng et al., ArcFace, CVPR 2019, with the squeeze of Hu et al., CVPR 2018.
    """
    stem = nn.Conv2d(inputs, widths[0], 3, 1, 1, bias=False)
    yield "input_layer", nn.Sequential(stem, Norm(widths[0]), nn.PReLU(widths[0]))
    yield (
        "body",
        nn.Sequential(
            *(
                Unit(before, after, between, 2 if i in IR_SE50.halving else 1)
                for i, ((before, after), between) in enumerate(zip(pairwise(widths), narrow, strict=True))
            )
        ),
    )


def resnet34(inputs: int, widths: Sequence[int]) -> Iterator[tuple[str, nn.Module]]:
    """The parts of ResNet-34 without its pooling, by the names that they have in files.

    Args:
        inputs: channels of the pictures.
        widths: channels of the stem and of every block.

    Source:
        He et al., Deep Residual Learning, CVPR 2016; as of ReStyle, with a PReLU behind the stem.
    """
    yield "conv1", nn.Conv2d(inputs, widths[0], 7, 2, 3, bias=False)
    yield "bn1", Norm(widths[0])
    yield "relu", nn.PReLU(widths[0])
    yield (
        "body",
        nn.Sequential(
            *(
                Block(before, after, 2 if i in RESNET34.halving else 1)
                for i, (before, after) in enumerate(pairwise(widths))
            )
        ),
    )
