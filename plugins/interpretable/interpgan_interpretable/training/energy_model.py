"""The energy model of an interpretable layer: a module that checkpoints and generators keep."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from interpgan_core import Generator, InterpganError
from interpgan_interpretable.training.energy import energy, group_maps, members

NAMES = ("weights", "groups", "loudness")
PREFIX = "interpretable."  # of what a generator keeps attached
FLOOR = 0.1  # of the layer's mean square; below it a filter is quiet, and not scaled up to the others


class EnergyModel(nn.Module):
    """W, the groups of the filters, and the root mean square of each filter.

    Letters in shapes: n samples, m filters, h w = k positions, c groups.

    Args:
        filters: m.
        concepts: c; groups that are not in use have no filter.
        positions: k.
    """

    weights: nn.Parameter
    groups: Tensor
    loudness: Tensor

    def __init__(self, filters: int, concepts: int, positions: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(filters, concepts, positions))
        self.register_buffer("groups", torch.full((filters,), -1))
        self.register_buffer("loudness", torch.ones(filters))

    @property
    def concepts(self) -> int:
        """c."""
        return int(self.weights.shape[1])

    @property
    def belongs(self) -> Tensor:
        """(m, c) bool."""
        return members(self.groups, self.concepts)

    def scaled(self, maps: Tensor) -> Tensor:
        """Maps as the model sees them: of filters as loud as one another, and so that g is a sum over filters.

        Args:
            maps: (n, m, h, w), none below 0.

        Returns:
            (n, m, k), a mean square over the samples of 1 / k each, or less for a quiet filter.
        """
        flat = maps.flatten(2)
        scaled: Tensor = flat / (self.loudness[:, None] * flat.shape[2] ** 0.5)
        return scaled

    def home(self, maps: Tensor, across: int = 1) -> Tensor:
        """Which group answers most at each position.

        Args:
            maps: (n, m, h, w), none below 0.
            across: answers are averaged over squares of so many positions' side, an odd number, so that no position
                stands alone.

        Returns:
            (n, h, w) int64, numbers of groups.
        """
        answers = group_maps(self.scaled(maps), self.belongs).view(*maps.shape[:1], -1, *maps.shape[2:])
        smooth = nn.functional.avg_pool2d(answers, across, 1, across // 2, count_include_pad=False)
        return smooth.argmax(1)

    def goodness(self, maps: Tensor) -> Tensor:
        """g of maps (n, m, h, w), (n,), with W held."""
        return energy(self.scaled(maps), self.weights.detach(), self.belongs)

    def attach(self, generator: Generator) -> None:
        """Attach the model to a generator, which keeps it in its file."""
        own = {PREFIX + name: getattr(self, name).detach().clone() for name in NAMES}
        generator.attached = {**generator.attached, **own}

    @classmethod
    def left_in(cls, generator: Generator) -> Self | None:
        """The model that `attach` left, with frozen weights; None if there is none."""
        if not all(PREFIX + name in generator.attached for name in NAMES):
            return None
        own = {name: generator.attached[PREFIX + name] for name in NAMES}
        made = cls(*own["weights"].shape)
        made.load_state_dict({name: t if name == "groups" else t.float() for name, t in own.items()})
        return made.to(own["weights"].device).requires_grad_(False)

    @classmethod
    def of(cls, generator: Generator) -> Self:
        """The model that `attach` left, with frozen weights.

        Raises:
            InterpganError: if the generator has none.
        """
        found = cls.left_in(generator)
        if found is None:
            raise InterpganError(
                "this generator has no energy model: it comes with those that interpretable.train made, such as "
                "avatars.pggan-interpretable; train this one, or load one of them"
            )
        return found


def loudness(maps: Tensor) -> Tensor:
    """How loud each filter is; differentiable, for a filter must not gain by being loud.

    Args:
        maps: (n, m, k).

    Returns:
        (m,); root mean square, raised for quiet filters by that of the whole layer, which is held.
    """
    squares = maps.square().mean((0, 2))
    return (squares + FLOOR * squares.mean().detach()).sqrt().clamp(min=1e-12)
