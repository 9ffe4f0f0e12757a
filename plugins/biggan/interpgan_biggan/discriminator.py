"""The discriminator of BigGAN, with the parameter names of ajbrock's files."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from interpgan_biggan.layers import Attention, Conv, Spectral, Vectors
from interpgan_core.plugin import as_channels


class DiscriminatorBlock(nn.Module):
    """Two 3x3 convolutions and a 1x1 shortcut, which is absent where nothing changes.

    Args:
        widths: channels in, between and out.
        first: is its input an image? Then no ReLU comes before it.
        down: does it halve the size?
        vectors: see `Spectral`.
    """

    def __init__(self, widths: tuple[int, int, int], first: bool, down: bool, vectors: Vectors) -> None:
        super().__init__()
        inputs, between, outputs = widths
        self.first, self.down = first, down
        self.conv1 = Conv(between, inputs, 3, 3, vectors=vectors)
        self.conv2 = Conv(outputs, between, 3, 3, vectors=vectors)
        changes = down or inputs != outputs
        self.conv_sc = Conv(outputs, inputs, 1, 1, vectors=vectors) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, o, h, w), or (n, o, h/2, w/2)."""
        maps = _convolve(self.conv1, x if self.first else x.relu())
        maps = _convolve(self.conv2, maps.relu())
        if self.down:
            x, maps = functional.avg_pool2d(x, 2), functional.avg_pool2d(maps, 2)
        return maps + (x if self.conv_sc is None else _convolve(self.conv_sc, x))


class Discriminator(nn.Module):
    """Maps images and classes to logits.

    Args:
        widths: channels in, between and out of each block.
        attention: numbers of the blocks that self-attention follows.
        classes: how many.
        vectors: see `Spectral`.

    Attributes:
        shape: the arguments that it was made with, but for the vectors.

    Source:
        Brock et al., ICLR 2019, appendix B; the projection of the class by Miyato & Koyama, ICLR 2018.
    """

    def __init__(
        self,
        widths: Sequence[tuple[int, int, int]],
        attention: Sequence[int],
        classes: int,
        vectors: Vectors = "u",
    ) -> None:
        super().__init__()
        self.shape = {"widths": list(widths), "attention": list(attention), "classes": classes}
        # At 32 pixels the first two of four blocks halve the size, at others all but the last.
        downs = 2 if len(widths) == 4 else len(widths) - 1
        self.blocks = nn.ModuleList()
        for i, width in enumerate(widths):
            block = [DiscriminatorBlock(width, first=i == 0, down=i < downs, vectors=vectors)]
            self.blocks.append(nn.ModuleList(block + [Attention(width[2], vectors)] * (i in attention)))
        self.channels = widths[0][0]
        self.linear = Spectral(1, widths[-1][2], vectors=vectors)
        self.embed = Spectral(classes, widths[-1][2], bias=False, vectors=vectors)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            images: (n, 3, h, w) in [-1, 1], or of 1 or 4 channels.
            labels: (n, classes) class weights; None: without the term of the class.

        Returns:
            (n, 1); higher is more real.
        """
        x = as_channels(images, self.channels)
        for block in self.blocks:
            for part in block.children():
                x = part(x)
        x = x.relu().sum((2, 3))
        logits = self.linear.dense(x)
        if labels is None:
            return logits
        # f(x, y) = yᵀ V φ(x) + ψ(φ(x)), the projection discriminator of Miyato & Koyama: φ(x) are the summed maps.
        embedded = labels.to(x) @ self.embed.weight * self.embed.factor
        return logits + (embedded * x).sum(1, keepdim=True)


def _convolve(conv: Conv, x: Tensor) -> Tensor:
    return functional.conv2d(x, conv.weight * conv.factor, conv.bias, padding=conv.weight.shape[2] // 2)
