"""The operator `text.edit`: codes moved to a text by a mapper."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core import EditOperator, Generator, Input, LatentBatch, Layers
from interpgan_text.mapper import Mapper
from interpgan_text.net import Text, TextImageNet, of_images, toward

if TYPE_CHECKING:
    from torch import Tensor


class EditByText(EditOperator):
    """Move codes from a neutral text toward another, by a mapper: milliseconds a sample, and each on its own way.

    The change depends on the sample. The difference of the two texts is multiplied by the root of the covariance of the
    pictures' embeddings: along some numbers of an embedding pictures hardly vary, and texts do.

    Source: Lyu et al., DeltaEdit, CVPR 2023.
    """

    net: Input[TextImageNet]
    """The mapper's own, or one that sees pictures as it does, such as `text.sentences` of it."""
    mapper: Input[Mapper]
    """Of `text.mapper`."""
    text: Text
    """Such as "a smiling old man"."""
    neutral: Text = "a person"
    """What is the same before and after."""
    strength: float = 0.75
    """How far: 1 is as far as two samples lie apart; below 0 away from the text."""
    layers: Layers = "all"
    """Which layers move, in a space that has them."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        self.mapper.check(generator, self.net)
        self._toward()
        moved = generator.to_space(batch, self.mapper.space)
        moved.space.mask(self.layers)
        return moved

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        self.mapper.check(generator, self.net)
        start = generator.to_space(batch, self.mapper.space)
        text, mask = self._toward(), start.space.mask(self.layers).to(start.codes.device)
        # One by one, so that each is edited to the bit as it is alone.
        moved = []
        with torch.no_grad():
            for part in start.split(1):
                seen = of_images(self.net, generator.images(part).clamp(-1, 1)).to(part.codes)
                change = self.mapper.change(part.codes, seen, text, self.strength)
                moved.append(part.codes + change * mask)
        return replace(start, codes=torch.cat(moved)) if moved else start

    def _toward(self) -> Tensor:
        """(e,): from the neutral text to the other."""
        return toward(self.net, [self.text], self.neutral)[0]
