"""BigGAN's discriminator, in the files' own names."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from interpgan_biggan.files import Shapes
from interpgan_biggan.layers import Attention, Conv, Spectral, Vectors


class DiscriminatorBlock(nn.Module):
    """Two 3x3 convolutions and a 1x1 shortcut, which is absent where nothing changes.

    Args:
        widths: channels in, between and out.
        first: it takes a picture, which no ReLU comes before.
        down: it halves the size.
        vectors: what the file keeps of its spectral norms.
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
    """Pictures and classes in, logits out.

    Args:
        widths: channels in, between and out of each block.
        attention: numbers of the blocks that self-attention follows.
        classes: how many.
        vectors: what the file keeps of its spectral norms.

    Attributes:
        shape: the first three of these.

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
        self.linear = Spectral(1, widths[-1][2], vectors=vectors)
        self.embed = Spectral(classes, widths[-1][2], bias=False, vectors=vectors)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            images: (n, 3, h, w) in [-1, 1].
            labels: (n, classes) class weights; None: the part that knows no class alone.

        Returns:
            (n, 1); higher is more real.
        """
        x = images
        for block in self.blocks:
            for part in block.children():
                x = part(x)
        x = x.relu().sum((2, 3))
        logits = self.linear.flat(x)
        if labels is None:
            return logits
        embedded = labels.to(x) @ self.embed.weight * self.embed.factor
        return logits + (embedded * x).sum(1, keepdim=True)


def shape_of(shapes: Shapes) -> tuple[list[tuple[int, int, int]], list[int], int]:
    """What the names and shapes of a file say: the arguments of `Discriminator`.

    Raises:
        InterpganError: if it is no discriminator of that code.
    """
    count = shapes.count(r"blocks\.(\d+)\.0\.conv1\.weight")
    widths = []
    for i in range(count):
        between, inputs = shapes.of(f"blocks.{i}.0.conv1.weight", 4)[:2]
        widths.append((inputs, between, shapes.of(f"blocks.{i}.0.conv2.weight", 4)[0]))
    attention = [i for i in range(count) if f"blocks.{i}.1.gamma" in shapes]
    return widths, attention, shapes.of("embed.weight", 2)[0]


def _convolve(conv: Conv, x: Tensor) -> Tensor:
    return functional.conv2d(x, conv.weight * conv.factor, conv.bias, padding=conv.weight.shape[2] // 2)
