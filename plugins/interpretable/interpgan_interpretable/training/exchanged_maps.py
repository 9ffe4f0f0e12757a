"""The maps of a layer while it is trained: exchanged between samples, and diagnosed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_interpretable.training import energy
from interpgan_interpretable.training.energy_model import EnergyModel


@dataclass(eq=False)
class ConceptExchange:
    """One concept of each sample of a batch, drawn as the sample before it draws it (its source).

    Letters in shapes: n samples, h w positions of the layer.

    Args:
        model: has the groups.
        groups: (n,) int64; which is exchanged in each sample.

    Attributes:
        own, source: (n, h, w) bool; where the exchanged group answers most of all groups in the sample itself, and
            in its source; known after the network has run.
    """

    model: EnergyModel
    groups: Tensor

    @classmethod
    def random(cls, model: EnergyModel, count: int, generator: torch.Generator) -> ConceptExchange:
        """A random group for each sample, of those that have filters."""
        used = model.belongs.any(0).nonzero().flatten()
        return cls(model, used[torch.randint(len(used), (count,), generator=generator).to(used.device)])

    @contextmanager
    def at(self, module: nn.Module) -> Iterator[None]:
        """Inside the block, a network's maps at that module have the concepts exchanged."""
        handle = module.register_forward_hook(lambda _module, _inputs, maps: self._exchanged(maps))
        try:
            yield
        finally:
            handle.remove()

    def _exchanged(self, maps: Tensor) -> Tensor:
        home = self.model.home(maps.detach().float())
        self.own, self.source = (each == self.groups[:, None, None] for each in (home, home.roll(1, 0)))
        mine = self.model.belongs.T[self.groups][:, :, None, None]
        return torch.where(mine, maps.roll(1, 0), maps)

    def target(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What should be drawn: the source's image where its concept answers most, and elsewhere the sample's own.

        Args:
            images: (n, 3, H, W), without the exchange.

        Returns:
            Images (n, 3, H, W), and where they count (n, 1, H, W) bool: what lies behind the concept that the sample
            lost is unknown.
        """
        own, source = (
            functional.interpolate(each[:, None].float(), images.shape[2:]) > 0
            for each in (self.own, self.source)
        )
        return torch.where(source, images.roll(1, 0), images), source | ~own


def diagnosis(maps: Tensor, model: EnergyModel) -> dict[str, float]:
    """How far filters keep to their groups.

    Args:
        maps: (n, m, k), scaled to equal root mean squares.
        model: has the groups.

    Returns:
        "own": mean cosine of a filter's map and its group's; "other": of its map and that of the other groups;
        "at home": share of the squares of all maps where the filter's own group answers most.
    """
    groups, used = model.groups, model.belongs.any(0)
    means = energy.group_maps(maps, model.belongs)
    cosines = functional.normalize(maps, dim=2) @ functional.normalize(means, dim=2).transpose(1, 2)
    own = model.belongs & used
    other = ~model.belongs & used & (groups >= 0)[:, None]
    home = means.argmax(1)[:, None] == groups[:, None]
    squares = maps.square()
    return {
        "own": float(cosines[:, own].mean()),
        "other": float(cosines[:, other].mean()),
        "at home": float((squares * home).sum() / squares.sum().clamp(min=1e-12)),
    }
