"""The energy model as a module, which training states and generators' files keep: W, groups, and scales of filters."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import Generator, InterpganError
from interpgan_interpretable.training.energy import energy, group_maps, group_members

NAMES = ("weights", "groups", "rms")
PREFIX = "interpretable."  # of the tensors that are attached to a generator
OLD = {"rms": "loudness"}  # the words of files of earlier versions
RMS_FLOOR = 0.1  # of the layer's mean square: a weaker filter is not scaled up to the others


class EnergyModel(nn.Module):
    """W, the groups of the filters, and the root mean square of each filter.

    Shape symbols: n samples, m filters, h w = k positions, c groups.

    Args:
        filters: m.
        concepts: c; groups that are not in use have no filter.
        positions: k.
    """

    weights: nn.Parameter
    groups: Tensor
    rms: Tensor

    def __init__(self, filters: int, concepts: int, positions: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(filters, concepts, positions))
        self.register_buffer("groups", torch.full((filters,), -1))
        self.register_buffer("rms", torch.ones(filters))

    @property
    def concepts(self) -> int:
        """c."""
        return self.weights.shape[1]

    @property
    def members(self) -> Tensor:
        """(m, c) bool."""
        return group_members(self.groups, self.concepts)

    def scaled(self, maps: Tensor) -> Tensor:
        """Maps of filters of one root mean square, such that g is a sum over filters.

        Args:
            maps: (n, m, h, w), none below 0.

        Returns:
            (n, m, k), a mean square over the samples of 1 / k each, or less for a weak filter.
        """
        flat = maps.flatten(2)
        root_k: float = flat.shape[2] ** 0.5
        return flat / (self.rms[:, None] * root_k)

    def strongest_group(self, maps: Tensor) -> Tensor:
        """The most active group at each position.

        Args:
            maps: (n, m, h, w), none below 0.

        Returns:
            (n, h, w) int64, numbers of groups.
        """
        strongest = group_maps(self.scaled(maps), self.members).argmax(1)
        return strongest.reshape(len(maps), *maps.shape[2:])

    def energy(self, maps: Tensor) -> Tensor:
        """g of maps (n, m, h, w), (n,), with W constant."""
        return energy(self.scaled(maps), self.weights.detach(), self.members)

    def attach(self, generator: Generator) -> None:
        """Attach W, groups and scales to a generator, whose file keeps them."""
        own = {PREFIX + name: getattr(self, name).detach().clone() for name in NAMES}
        generator.attached = {**generator.attached, **own}

    @classmethod
    def attached_to(cls, generator: Generator) -> Self | None:
        """The model that `attach` attached, with frozen weights; None if there is none."""
        own = {}
        for name in NAMES:
            for known in (OLD.get(name, name), name):
                if PREFIX + known in generator.attached:
                    own[name] = generator.attached[PREFIX + known]
        if len(own) < len(NAMES):
            return None
        made = cls(*own["weights"].shape)
        made.load_state_dict(own)
        return made.to(own["weights"].device).requires_grad_(False)

    @classmethod
    def of(cls, generator: Generator) -> Self:
        """The model that `attach` attached, with frozen weights.

        Raises:
            InterpganError: if the generator has none.
        """
        found = cls.attached_to(generator)
        if found is None:
            raise InterpganError(
                "this generator has no energy model: interpretable.train makes generators with one, such as "
                "avatars.pggan-interpretable; train this one, or load one of them"
            )
        return found


def filter_rms(maps: Tensor) -> Tensor:
    """The root mean square of each filter; differentiable, so that no filter can raise g by growing.

    Args:
        maps: (n, m, k).

    Returns:
        (m,); raised for weak filters by that of the whole layer, which counts as constant.
    """
    squares = maps.square().mean((0, 2))
    return (squares + RMS_FLOOR * squares.mean().detach()).sqrt().clamp(min=1e-12)


def group_metrics(maps: Tensor, model: EnergyModel) -> dict[str, float]:
    """How far filters keep to their groups.

    Args:
        maps: (n, m, k), from `EnergyModel.scaled`.
        model: has the groups.

    Returns:
        "own": mean cosine of a filter's map and its group's; "other": of its map and those of the other groups;
        "at home": share of the squares of all maps at positions where the filter's own group is the most active.
    """
    groups, used = model.groups, model.members.any(0)
    means = group_maps(maps, model.members)
    cosines = functional.normalize(maps, dim=2) @ functional.normalize(means, dim=2).transpose(1, 2)
    own = model.members & used
    other = ~model.members & used & (groups >= 0)[:, None]
    is_own_strongest = means.argmax(1)[:, None] == groups[:, None]
    squares = maps.square()
    return {
        "own": float(cosines[:, own].mean()),
        "other": float(cosines[:, other].mean()),
        "at home": float((squares * is_own_strongest).sum() / squares.sum().clamp(min=1e-12)),
    }
