"""The generator of BigGAN and BigGAN-deep: one network, with the shape of an `Architecture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_biggan.layers import Attention, Conv, Norm, NormReLUConv, Spectral, Vectors, add_upsampled
from interpgan_core.plugin import channels_last

SQUARE = (4, 4)  # height and width of the first maps, of nearly every network


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
    """The shape of a BigGAN: all that differs between networks of the family.

    Names and order of the fields are in fingerprints and in saved files, so they stay.

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
        vectors: see `Spectral`.
        rgb: outputs of the last convolution, of which the first three are the image.
        shares: weights of the rows of statistics that each batch norm blends.
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

    def size(self, base: Sequence[int] = SQUARE) -> tuple[int, int]:
        """Height and width of the images, from those of the first maps."""
        doubled = 2 ** sum(block.up for block in self.blocks)
        return base[0] * doubled, base[1] * doubled

    @property
    def class_size(self) -> int:
        """Size of the class's part of a condition."""
        return self.embedding or self.classes

    def sizes(self, condition: str) -> list[int]:
        """Of the parts of a condition such as "zy"."""
        return [{"z": self.z, "y": self.class_size}[part] for part in condition]


def saved_architecture(settings: Mapping[str, Any]) -> Architecture:
    """The architecture whose `asdict` was written as JSON, which has no tuples."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    fields["blocks"] = tuple(Block(**block) for block in settings["blocks"])
    return Architecture(**fields)


class Stem(nn.Module):
    """The first layer: maps a condition to the first maps."""

    def __init__(self, architecture: Architecture, base: Sequence[int]) -> None:
        super().__init__()
        self.channels_last, self.base = architecture.channels_last, tuple(base)
        outputs = base[0] * base[1] * architecture.blocks[0].inputs
        condition = sum(architecture.sizes(architecture.stem))
        self.linear = Spectral(outputs, condition, vectors=architecture.vectors)

    def forward(self, condition: Tensor) -> Tensor:
        """Args: condition: (n, d). Returns: (n, c, h, w)."""
        x = self.linear.dense(condition)
        if self.channels_last:
            return x.view(len(x), *self.base, -1).permute(0, 3, 1, 2)
        return x.view(len(x), -1, *self.base).contiguous(memory_format=torch.channels_last)


class PlainBlock(nn.Module):
    """A block of BigGAN: two 3x3 convolutions, the first at twice the size, and a 1x1 shortcut."""

    def __init__(self, shape: Block, architecture: Architecture) -> None:
        super().__init__()
        widths = (shape.inputs, shape.outputs, shape.outputs)
        self.steps = _steps(widths, (3, 3), architecture)
        self.shortcut = Conv(shape.outputs, shape.inputs, 1, 1, vectors=architecture.vectors)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); condition: (n, d). Returns: (n, o, 2h, 2w)."""
        first, second = self.steps
        maps = second(first(x, condition, up=True), condition)
        # A 1x1 convolution before the upsampling is the one after it, at a quarter of the cost.
        return add_upsampled(maps, self.shortcut.dense(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class DeepBlock(nn.Module):
    """A block of BigGAN-deep: 1x1, 3x3, 3x3 and 1x1 convolutions; the shortcut drops channels."""

    def __init__(self, shape: Block, architecture: Architecture) -> None:
        super().__init__()
        narrow = shape.inputs // 4
        self.up, self.outputs = shape.up, shape.outputs
        self.steps = _steps((shape.inputs, narrow, narrow, narrow, shape.outputs), (1, 3, 3, 1), architecture)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); condition: (n, d). Returns: (n, o, h, w), or (n, o, 2h, 2w)."""
        maps = x
        for i, layer in enumerate(self.steps):
            maps = layer(maps, condition, up=self.up and i == 1)
        shortcut = x[:, : self.outputs]
        return add_upsampled(maps, shortcut) if self.up else maps + shortcut


class Network(nn.Module):
    """The generator: `embed` maps class weights to the class's part of a condition, `forward` conditions to images.

    Source:
        Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, ICLR 2019,
        appendix B; spectral norms and statistics as the original repositories keep them.

    Args:
        architecture: its shape.
        base: height and width of the first maps.
    """

    def __init__(self, architecture: Architecture, base: Sequence[int] = SQUARE) -> None:
        super().__init__()
        self.architecture, self.base = architecture, tuple(base)
        # The last convolution of BigGAN-deep has more outputs than the image.
        self.channels = 3 if architecture.channels_last else architecture.rgb
        block, vectors = DeepBlock if architecture.deep else PlainBlock, architecture.vectors
        if architecture.embedding:
            self.embedding = nn.Parameter(torch.empty(architecture.classes, architecture.embedding))
        self.stem = Stem(architecture, base)
        self.blocks = nn.ModuleList(block(shape, architecture) for shape in architecture.blocks)
        self.attention = nn.ModuleDict(
            {str(i): Attention(architecture.blocks[i].outputs, vectors) for i in architecture.attention}
        )
        width = architecture.blocks[-1].outputs
        self.last = NormReLUConv(
            Norm(width, None, architecture.shares, vectors, architecture.last_eps),
            Conv(architecture.rgb, width, 3, 3, vectors=vectors),
        )

    @property
    def layers(self) -> list[str]:
        """Paths of the layers' modules, in forward order."""
        names = ["stem"]
        for i in range(len(self.blocks)):
            names += [f"blocks.{i}"] + [f"attention.{i}"] * (str(i) in self.attention)
        return names

    def embed(self, labels: Tensor) -> Tensor:
        """Args: labels: (n, classes) class weights. Returns: (n, e)."""
        if self.architecture.embedding is None:
            return labels.to(self.stem.linear.weight)
        return labels.to(self.embedding) @ self.embedding

    def forward(self, conditions: Tensor) -> Tensor:
        """Images.

        Args:
            conditions: (n, l, z + e); z and class of the first layer and of each block.

        Returns:
            (n, channels, h, w) in [-1, 1], in the precision of the convolutions.
        """
        first, *others = conditions.unbind(1)
        x = self.stem(self._condition(first, self.architecture.stem)).to(self.last.conv.weight.dtype)
        for i, (block, condition) in enumerate(zip(self.blocks, others, strict=True)):
            x = block(x, self._condition(condition, self.architecture.told))
            if str(i) in self.attention:
                x = self.attention[str(i)](x)
        return torch.tanh(self.last(x, first, outputs=self.channels))

    def style_weight(self, layer: int) -> Tensor:
        """The matrix by which z and class enter the first layer (0) or a block's batch norms: (o, z + e)."""
        if layer == 0:
            linears, condition = [self.stem.linear], self.architecture.stem
        else:
            norms = [part for part in self.blocks[layer - 1].modules() if isinstance(part, Norm)]
            both = [part for norm in norms for part in (norm.gain, norm.bias)]
            linears, condition = [part for part in both if isinstance(part, Spectral)], self.architecture.told
        rows = torch.cat([linear.weight * linear.factor for linear in linears])
        columns = dict(zip(condition, torch.split(rows, self.architecture.sizes(condition), 1), strict=True))
        zeros = [rows.new_zeros(len(rows), size) for size in self.architecture.sizes("zy")]
        return torch.cat([columns.get(part, zero) for part, zero in zip("zy", zeros, strict=True)], 1)

    def _condition(self, z_and_class: Tensor, parts: str) -> Tensor:
        """(n, z + e) -> (n, d), the condition of a layer, in the file's order."""
        z, y = torch.split(z_and_class, self.architecture.sizes("zy"), 1)
        return torch.cat([{"z": z, "y": y}[part] for part in parts], 1)

    def set_precision(self, dtype: torch.dtype) -> None:
        """Cast the convolutions, and lay their weights out channels-last for speed; the rest stays float32."""
        for part in self.modules():
            if isinstance(part, Conv | Attention):
                channels_last(part, dtype)


def _steps(widths: Sequence[int], kernels: Sequence[int], architecture: Architecture) -> nn.ModuleList:
    condition = sum(architecture.sizes(architecture.told))
    vectors: Vectors = architecture.vectors if architecture.embedding else ""
    return nn.ModuleList(
        NormReLUConv(
            Norm(widths[i], condition, architecture.shares, vectors, architecture.eps),
            Conv(widths[i + 1], widths[i], kernel, kernel, vectors=architecture.vectors),
        )
        for i, kernel in enumerate(kernels)
    )
