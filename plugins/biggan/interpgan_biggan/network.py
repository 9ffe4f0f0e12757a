"""BigGAN and BigGAN-deep: one network, whose shape an `Architecture` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_biggan.layers import Attention, Conv, Norm, Spectral, Step, Vectors, add_upsampled
from interpgan_core.plugin import channels_last

SIDE = 4  # pixels of the first map


@dataclass(frozen=True)
class Block:
    """The shape of a block.

    Args:
        inputs: channels in.
        outputs: channels out.
        up: does it double the size?
    """

    inputs: int
    outputs: int
    up: bool


@dataclass(frozen=True)
class Architecture:
    """Everything that makes one BigGAN another than the next.

    Args:
        deep: blocks of BigGAN-deep, with a bottleneck; else those of BigGAN.
        blocks: in forward order.
        attention: numbers of the blocks that self-attention follows.
        z: size of one layer's z: of a chunk where z is split among the layers, else of the whole.
        chunked: has each layer a chunk of z to itself?
        classes: how many.
        embedding: size of a class embedding; None: the class weights themselves are the condition.
        stem: the condition of the first layer, in the file's order: "z", or "yz" or "zy" with the class.
        told: the condition of the blocks, likewise, or "y".
        channels_last: does the first layer give maps in (h, w, c) order?
        vectors: what the file keeps for spectral norms.
        rgb: outputs of the last convolution, of which the first three are the picture.
        shares: of the rows of statistics that each batch norm blends.
        eps: of the conditional batch norms.
        last_eps: of the last one.
    """

    deep: bool
    blocks: tuple[Block, ...]
    attention: tuple[int, ...]
    z: int
    chunked: bool
    classes: int
    embedding: int | None
    stem: str
    told: str
    channels_last: bool
    vectors: Vectors
    rgb: int
    shares: tuple[float, ...]
    eps: float
    last_eps: float

    @property
    def resolution(self) -> int:
        """Of the images, in pixels."""
        return SIDE << sum(block.up for block in self.blocks)

    @property
    def class_size(self) -> int:
        """Size of what stands for the class."""
        return self.embedding or self.classes

    def size(self, told: str) -> int:
        """Of a condition such as "zy"."""
        return sum({"z": self.z, "y": self.class_size}[part] for part in told)


def architecture_of(settings: Mapping[str, Any]) -> Architecture:
    """The architecture whose `asdict` went through JSON, which knows no tuples."""
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return Architecture(**{**known, "blocks": tuple(Block(**block) for block in settings["blocks"])})


class Stem(nn.Module):
    """The first layer: a condition becomes a 4 x 4 map."""

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        self.channels_last = made.channels_last
        outputs = SIDE * SIDE * made.blocks[0].inputs
        self.linear = Spectral(outputs, made.size(made.stem), vectors=made.vectors)

    def forward(self, condition: Tensor) -> Tensor:
        """Args: condition: (n, d). Returns: (n, c, 4, 4)."""
        x = self.linear.flat(condition)
        if self.channels_last:
            return x.view(len(x), SIDE, SIDE, -1).permute(0, 3, 1, 2)
        return x.view(len(x), -1, SIDE, SIDE).contiguous(memory_format=torch.channels_last)


class PlainBlock(nn.Module):
    """A block of BigGAN: two 3x3 convolutions, the first at twice the size, and a 1x1 shortcut."""

    def __init__(self, shape: Block, made: Architecture) -> None:
        super().__init__()
        widths = (shape.inputs, shape.outputs, shape.outputs)
        self.steps = _steps(widths, (3, 3), made)
        self.shortcut = Conv(shape.outputs, shape.inputs, 1, 1, vectors=made.vectors)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); condition: (n, d). Returns: (n, o, 2h, 2w)."""
        first, second = self.steps
        maps = second(first(x, condition, up=True), condition)
        # A 1x1 convolution before the upsampling is the one after it, at a quarter of the cost.
        return add_upsampled(maps, self.shortcut.flat(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class DeepBlock(nn.Module):
    """A block of BigGAN-deep: 1x1, 3x3, 3x3 and 1x1 convolutions; the shortcut drops channels."""

    def __init__(self, shape: Block, made: Architecture) -> None:
        super().__init__()
        narrow = shape.inputs // 4
        self.up, self.outputs = shape.up, shape.outputs
        self.steps = _steps((shape.inputs, narrow, narrow, narrow, shape.outputs), (1, 3, 3, 1), made)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); condition: (n, d). Returns: (n, o, h, w), or (n, o, 2h, 2w)."""
        maps = x
        for i, step in enumerate(self.steps):
            maps = step(maps, condition, up=self.up and i == 1)
        shortcut = x[:, : self.outputs]
        return add_upsampled(maps, shortcut) if self.up else maps + shortcut


class Network(nn.Module):
    """The generator: `embed` (class weights -> what stands for the class), `forward` (conditions -> pictures).

    Source:
        Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, ICLR 2019,
        appendix B; spectral norms and statistics as the original repositories keep them.
    """

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        self.made = made
        block = DeepBlock if made.deep else PlainBlock
        if made.embedding:
            self.embedding = nn.Parameter(torch.empty(made.classes, made.embedding))
        self.stem = Stem(made)
        self.blocks = nn.ModuleList(block(shape, made) for shape in made.blocks)
        self.attention = nn.ModuleDict(
            {str(i): Attention(made.blocks[i].outputs, made.vectors) for i in made.attention}
        )
        width = made.blocks[-1].outputs
        self.last = Step(
            Norm(width, None, made.shares, made.vectors, made.last_eps),
            Conv(made.rgb, width, 3, 3, vectors=made.vectors),
        )

    @property
    def layers(self) -> list[str]:
        """Paths of the layers' modules, in forward order."""
        names = ["stem"]
        for i in range(len(self.blocks)):
            names.append(f"blocks.{i}")
            if str(i) in self.attention:
                names.append(f"attention.{i}")
        return names

    def embed(self, labels: Tensor) -> Tensor:
        """Args: labels: (n, classes) class weights. Returns: (n, e)."""
        if self.made.embedding is None:
            return labels.to(self.stem.linear.weight)
        return labels.to(self.embedding) @ self.embedding

    def forward(self, conditions: Tensor) -> Tensor:
        """Pictures.

        Args:
            conditions: (n, l, z + e); for the first layer and each block its z and the class.

        Returns:
            (n, 3, h, w) in [-1, 1], in the precision of the convolutions.
        """
        first, *others = conditions.unbind(1)
        x = self.stem(self._in_order(first, self.made.stem)).to(self.last.conv.weight.dtype)
        for i, (block, condition) in enumerate(zip(self.blocks, others, strict=True)):
            x = block(x, self._in_order(condition, self.made.told))
            if str(i) in self.attention:
                x = self.attention[str(i)](x)
        return torch.tanh(self.last(x, first, outputs=3))

    def style_weight(self, layer: int) -> Tensor:
        """What the first layer (0) or a block makes of its z and the class: (o, z + e)."""
        if layer == 0:
            parts, told = [self.stem.linear], self.made.stem
        else:
            steps = [part for part in self.blocks[layer - 1].modules() if isinstance(part, Step)]
            both = [part for step in steps for part in (step.norm.gain, step.norm.bias)]
            parts, told = [part for part in both if isinstance(part, Spectral)], self.made.told
        rows = torch.cat([part.weight * part.factor for part in parts])
        said = dict(zip(told, torch.split(rows, [self.made.size(part) for part in told], 1), strict=True))
        return torch.cat([said.get(p, rows.new_zeros(len(rows), self.made.size(p))) for p in "zy"], 1)

    def _in_order(self, condition: Tensor, told: str) -> Tensor:
        """[z, class] -> the condition of a layer, in the file's order."""
        z, y = torch.split(condition, [self.made.z, self.made.class_size], 1)
        return torch.cat([{"z": z, "y": y}[part] for part in told], 1)

    def ready(self, dtype: torch.dtype) -> None:
        """Lay the weights of the convolutions out for speed, in a precision; the rest stays as it is."""
        for part in self.modules():
            if isinstance(part, Conv | Attention):
                channels_last(part, dtype)


def _steps(widths: Sequence[int], kernels: Sequence[int], made: Architecture) -> nn.ModuleList:
    told = made.size(made.told)
    vectors: Vectors = made.vectors if made.embedding else ""
    return nn.ModuleList(
        Step(
            Norm(widths[i], told, made.shares, vectors, made.eps),
            Conv(widths[i + 1], widths[i], kernel, kernel, vectors=made.vectors),
        )
        for i, kernel in enumerate(kernels)
    )
