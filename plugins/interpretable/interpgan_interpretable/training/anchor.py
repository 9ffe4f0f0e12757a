"""The anchor: holds images near the parent's of the same codes, or near what an exchange of concepts should make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_interpretable.training.energy_model import EnergyModel
from interpgan_training.trainer import CONTRAST


@dataclass(eq=False)
class NeighbourExchange:
    """One concept of each sample of a batch, taken from the sample before it.

    Shape symbols: n samples, h w positions of the layer.

    Args:
        model: has the groups.
        groups: (n,) int64; which is exchanged in each sample.

    Attributes:
        here, there: (n, h, w) bool; where the exchanged group is the most active in the sample itself, and in its
            source; set by a forward pass.
    """

    model: EnergyModel
    groups: Tensor

    @classmethod
    def random(cls, model: EnergyModel, count: int, random: torch.Generator) -> NeighbourExchange:
        """Of a random group for each sample, from those that have filters."""
        used = model.members.any(0).nonzero().flatten()
        return cls(model, used[torch.randint(len(used), (count,), generator=random).to(used.device)])

    @contextmanager
    def at(self, module: nn.Module) -> Iterator[None]:
        """Within the context, the concepts are exchanged in the output of that module."""
        handle = module.register_forward_hook(lambda _module, _inputs, maps: self._exchanged(maps))
        try:
            yield
        finally:
            handle.remove()

    def _exchanged(self, maps: Tensor) -> Tensor:
        strongest = self.model.strongest_group(maps.detach().float())
        self.here, self.there = (
            each == self.groups[:, None, None] for each in (strongest, strongest.roll(1, 0))
        )
        taken = self.model.members.T[self.groups][:, :, None, None]
        return torch.where(taken, maps.roll(1, 0), maps)

    def target(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What should be drawn: the source's image where its concept is, and the sample's own elsewhere.

        Args:
            images: (n, 3, H, W), without the exchange.

        Returns:
            Images (n, 3, H, W), and where they count (n, 1, H, W) bool: what is behind the concept that the sample
            gave up is unknown.
        """
        here, there = (
            functional.interpolate(each[:, None].float(), images.shape[2:]) > 0
            for each in (self.here, self.there)
        )
        return torch.where(there, images.roll(1, 0), images), there | ~here


def anchor_loss(images: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, float]:
    """The difference of images from what they should be.

    Args:
        images, target: (n, 3, H, W).
        valid: (n, 1, H, W) bool or float32; where pixels count.

    Returns:
        The mean of |d| + CONTRAST d² over the differences d of pixels that count, and the mean of |d|, for the log.
    """
    difference = (images - target).abs() * valid
    share = valid.float().mean()
    mean = float(difference.detach().mean() / share)
    return (difference + CONTRAST * difference.square()).mean() / share, mean
