"""The maps of a layer while it is trained: got, traded between samples, and looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_interpretable import energy
from interpgan_interpretable.model import EnergyModel


@dataclass(eq=False)
class Trade:
    """One concept of each sample of a batch, drawn as the sample before it draws it.

    Letters in shapes: n samples, h w positions of the layer.

    Args:
        model: has the groups.
        groups: (n,) int64; which is traded in each sample.

    Attributes:
        own, lent: (n, h, w) bool; where of all groups the traded one answers most in the sample itself, and in its
            lender; known when the network has drawn.
    """

    model: EnergyModel
    groups: Tensor

    @classmethod
    def drawn(cls, model: EnergyModel, count: int, random: torch.Generator) -> Trade:
        """Of a group for each sample, by lot from those that have filters."""
        used = model.belongs.any(0).nonzero().flatten()
        return cls(model, used[torch.randint(len(used), (count,), generator=random).to(used.device)])

    @contextmanager
    def at(self, module: nn.Module) -> Iterator[None]:
        """Meanwhile, what a network draws has the concepts traded at that module."""
        handle = module.register_forward_hook(lambda _module, _inputs, maps: self._traded(maps))
        try:
            yield
        finally:
            handle.remove()

    def _traded(self, maps: Tensor) -> Tensor:
        home = self.model.home(maps.detach().float())
        self.own, self.lent = (each == self.groups[:, None, None] for each in (home, home.roll(1, 0)))
        mine = self.model.belongs.T[self.groups][:, :, None, None]
        return torch.where(mine, maps.roll(1, 0), maps)

    def wanted(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """What should be drawn: the lender's where its concept is at home, and elsewhere what the sample had.

        Args:
            pictures: (n, 3, H, W), without the trade.

        Returns:
            Pictures (n, 3, H, W), and where they count (n, 1, H, W) bool: what lies behind the concept that the sample
            gave away, nobody knows.
        """
        own, lent = (
            functional.interpolate(each[:, None].float(), pictures.shape[2:]) > 0
            for each in (self.own, self.lent)
        )
        return torch.where(lent, pictures.roll(1, 0), pictures), lent | ~own


class _Reached(Exception):
    """Ends a pass when the maps are there."""


def maps_at(module: nn.Module, draw: Callable[[], Tensor]) -> Tensor:
    """What a module of a network gives, and nothing after it.

    Args:
        module: the layer, with the ReLU behind it.
        draw: has the network draw.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        kept.append(output)
        raise _Reached

    handle = module.register_forward_hook(keep)
    try:
        draw()
    except _Reached:
        pass
    finally:
        handle.remove()
    return kept[0]


def diagnosis(maps: Tensor, model: EnergyModel) -> dict[str, float]:
    """How far filters keep to their groups.

    Args:
        maps: (n, m, k), of one loudness.
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
