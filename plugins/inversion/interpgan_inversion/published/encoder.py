"""A published encoder as one of a generator: whether it fits, and codes in the generator's own numbering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, Report, Table
from interpgan_inversion.published.fitting import fitting

if TYPE_CHECKING:
    from interpgan_inversion.published.files import Found

SIDE = 256  # pixels in which a picture of codes is shown to ReStyle
GREY = (0.299, 0.587, 0.114)  # shares of the colours in a sketch


@dataclass(frozen=True, eq=False)
class PublishedEncoder:
    """Maps pictures to codes of a generator that its authors' file was trained for.

    Args:
        found: what the file holds.
        net: its network; codes come of it as deviations from `mean`.
        generator: whose codes they are.
        mean: (size,) or (codes, size), or a zero.
        space: of the codes: w where there is one for all layers, else w+.
        layers: for each code of `space`, the number of the encoder's that it is; None where there is one.
        iterations: how often ReStyle looks at the picture and at what its codes draw; 1 for others.
    """

    found: Found
    net: nn.Module
    generator: Generator
    mean: Tensor
    space: LatentSpace
    layers: Tensor | None
    iterations: int

    @classmethod
    def of(
        cls, found: Found, generator: Generator, iterations: int | None = None, ready: bool = True
    ) -> PublishedEncoder:
        """An encoder for a generator.

        Args:
            found: what a file holds.
            generator: whose codes it is to give.
            iterations: of ReStyle; None = as the file says.
            ready: read the weights out of the file, onto the generator's device; False = see whether that would work.

        Raises:
            InterpganError: if it does not fit the generator, it is damaged, or iterations are given and it looks once.
        """
        if iterations is not None and not found.looks_again:
            raise InterpganError(
                f"{found.checkpoint.path} holds an encoder of {found.name}, which looks at a picture once; leave "
                "iterations out"
            )
        layers = fitting(found, generator)
        mean = torch.zeros(())
        if found.adds_mean:
            own = generator.spaces["w"].mean if found.mean is None else found.mean
            assert own is not None  # `fitting` has seen to it
            mean = own
        space = generator.spaces["w" if layers is None else "w+"]
        device = generator.device
        net = found.network().to(device) if ready else found.built()
        numbers = None if layers is None else layers.to(device)
        return cls(found, net, generator, mean.to(device), space, numbers, iterations or found.iterations)

    def encode(self, images: Tensor) -> LatentBatch:
        """Codes of pictures.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1], square, of any size; see `found.pictures`.

        Returns:
            n codes, without seeds.

        Raises:
            InterpganError: if the numbers of the file bring about codes that are not finite.
        """
        codes = self.raw(self.seen(images))[-1]
        if not codes.isfinite().all():
            raise InterpganError(
                f"the encoder of {self.found.checkpoint.path} gives codes that are not finite; its file is damaged"
            )
        return self.batch(codes)

    def raw(self, pictures: Tensor) -> list[Tensor]:
        """Codes in the encoder's own numbering, of every iteration.

        Args:
            pictures: (n, channels, h, w) as the network sees them.

        Returns:
            (n, codes, size) or (n, 1, size), each.
        """
        if not self.found.looks_again:
            return [self.net(pictures) + self.mean]
        mean = self.mean.expand(1, self.found.codes, self.found.size)
        codes, drawn = mean.expand(len(pictures), -1, -1), self.drawn(mean).expand(len(pictures), -1, -1, -1)
        found: list[Tensor] = []
        for i in range(self.iterations):
            if i:
                drawn = self.drawn(codes)
            codes = codes + self.net(torch.cat([pictures, drawn], 1))
            found.append(codes)
        return found

    def drawn(self, codes: Tensor) -> Tensor:
        """What codes in the encoder's numbering draw, (n, 3, h, w), as the encoder sees it."""
        parts = self.batch(codes).split(1)
        images = torch.cat([self.generator.forward(part) for part in parts])
        return self._cut(functional.adaptive_avg_pool2d(images.to(codes.dtype), SIDE))

    def batch(self, codes: Tensor) -> LatentBatch:
        """Codes in the encoder's own numbering as codes of the generator."""
        return LatentBatch(codes[:, 0] if self.layers is None else codes[:, self.layers], self.space)

    def seen(self, images: Tensor) -> Tensor:
        """Pictures as the network sees them: of its size, of cars the middle, of sketches grey from 0 to 1."""
        height, width = self.found.picture
        side = max(height, width)
        x = functional.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        x = self._cut(x).to(next(self.net.parameters()).dtype)
        if self.found.inputs > 1:
            return x
        shares = torch.tensor(GREY, dtype=x.dtype, device=x.device)[:, None, None]
        return ((x + 1) / 2 * shares).sum(1, keepdim=True)

    def _cut(self, square: Tensor) -> Tensor:
        """The rows of square pictures that the network sees."""
        height, width = self.found.picture
        return square if height == width else square[:, :, (width - height) // 2 : (width + height) // 2]

    def check(self, generator: Generator) -> None:
        """Check that it fits a generator, and that it was loaded for one with these layers.

        Raises:
            InterpganError: if not.
        """
        layers = fitting(self.found, generator)
        numbers = [None if n is None else n.tolist() for n in (layers, self.layers)]
        if numbers[0] != numbers[1]:
            raise InterpganError(
                f"the encoder of {self.found.checkpoint.path} was loaded for a generator with other layers; load it "
                "behind this one"
            )

    @property
    def in_words(self) -> str:
        """What it is, and what its pictures must be."""
        return f"{self.found.in_words}; its pictures: {self.found.pictures}"

    def summary(self) -> Report:
        """What it is."""
        return Report(tables=(Table("The encoder", ("what", "it is"), tuple(self.found.facts().items())),))
