"""The networks of pSp, e4e and ReStyle: a body, and what makes codes of its maps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_inversion.published.bodies import IR_SE50, RESNET34, ir_se50, resnet34
from interpgan_inversion.published.layers import EqualLinear, Norm

COARSE, MIDDLE = 3, 7  # numbers of the first codes that are read from finer maps
SLOPE = 0.01  # of the leaky ReLU in the heads
POOLED = 7  # side of the map that a code for each layer is read from all at once


@dataclass(frozen=True)
class Plan:
    """What a network is made of.

    Args:
        body: "IR-SE50" or "ResNet-34".
        inputs: channels: 3 of a picture, 6 of a picture and what its codes draw, 1 of a sketch.
        widths: channels of the stem and of every unit of the body.
        narrow: of every unit, channels of its squeeze; () where there is none.
        codes: how many it gives; 1 = one for all layers.
        size: numbers of a code.
        heads: of every code, how many convolutions read it; () where one map reads all of them.
        pyramid: are the finer codes read from finer maps?
        between: numbers between the pooled map and the codes, where one map reads a code for each layer; else 0.
        added: is every code added to the first?
    """

    body: str
    inputs: int
    widths: tuple[int, ...]
    narrow: tuple[int, ...]
    codes: int
    size: int
    heads: tuple[int, ...] = ()
    pyramid: bool = False
    between: int = 0
    added: bool = False


class Head(nn.Module):
    """Reads a code from a map by convolutions that halve it down to one place.

    Args:
        inputs: channels of the map.
        size: numbers of a code.
        depth: convolutions.
    """

    def __init__(self, inputs: int, size: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((inputs, *[size] * depth)):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.LeakyReLU(SLOPE)]
        self.convs = nn.Sequential(*layers)
        self.linear = EqualLinear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, inputs, h, w). Returns: (n, size)."""
        code: Tensor = self.linear(self.convs(x).flatten(1))
        return code


class StyleEncoder(nn.Module):
    """Maps pictures to codes, which a mean code is yet to be added to.

    Args:
        plan: see there.

    Source:
        Richardson et al., Encoding in Style (pSp), CVPR 2021; Tov et al., Designing an Encoder for StyleGAN Image
        Manipulation (e4e), SIGGRAPH 2021; Alaluf et al., ReStyle, ICCV 2021.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        irse = plan.body == "IR-SE50"
        parts = ir_se50(plan.inputs, plan.widths, plan.narrow) if irse else resnet34(plan.inputs, plan.widths)
        for name, part in parts:
            self.add_module(name, part)
        *_, c1, c2, c3 = (plan.widths[1:][i] for i in (IR_SE50 if irse else RESNET34).taken)
        if plan.heads:
            self.styles = nn.ModuleList(Head(c3, plan.size, depth) for depth in plan.heads)
        if plan.pyramid:
            self.latlayer1, self.latlayer2 = nn.Conv2d(c2, c3, 1), nn.Conv2d(c1, c3, 1)
        if plan.between:
            pool, flat = nn.AdaptiveAvgPool2d(POOLED), nn.Flatten()
            self.output_layer_2 = nn.Sequential(Norm(c3), pool, flat, nn.Linear(c3 * POOLED**2, plan.between))
        if not plan.heads:
            self.linear = EqualLinear(plan.between or c3, plan.codes * plan.size)

    def forward(self, pictures: Tensor) -> Tensor:
        """Codes.

        Args:
            pictures: (n, inputs, h, w) in [-1, 1], 256 x 256, of cars 192 x 256.

        Returns:
            (n, codes, size).
        """
        maps = self.maps(pictures)
        if not self.plan.heads:
            last = self.output_layer_2(maps[0]) if self.plan.between else maps[0].mean((2, 3))
            codes: Tensor = self.linear(last)
            return codes.view(-1, self.plan.codes, self.plan.size)
        if self.plan.pyramid:
            c3, c2, c1 = maps
            middle = _enlarged(c3, c2) + self.latlayer1(c2)
            maps = [c3, middle, _enlarged(middle, c1) + self.latlayer2(c1)]
        each = torch.stack([head(maps[self._map_of(i)]) for i, head in enumerate(self.styles)], 1)
        return torch.cat([each[:, :1], each[:, :1] + each[:, 1:]], 1) if self.plan.added else each

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """What the body makes of pictures: maps of three sizes, the smallest first."""
        if self.plan.body == "IR-SE50":
            x, taken = self.get_submodule("input_layer")(pictures), IR_SE50.taken
        else:
            x, taken = pictures, RESNET34.taken
            for name in ("conv1", "bn1", "relu"):
                x = self.get_submodule(name)(x)
        kept = []
        for i, unit in enumerate(self.get_submodule("body").children()):
            x = unit(x)
            if i in taken:
                kept.append(x)
        return kept[::-1]

    def _map_of(self, code: int) -> int:
        return 0 if not self.plan.pyramid or code < COARSE else 1 if code < MIDDLE else 2


def _enlarged(small: Tensor, large: Tensor) -> Tensor:
    """A map in the size of another, corner on corner."""
    return functional.interpolate(small, large.shape[2:], mode="bilinear", align_corners=True)
