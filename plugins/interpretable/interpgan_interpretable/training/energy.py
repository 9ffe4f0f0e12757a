"""The energy model of an interpretable layer: trains a filter to be active with its own group, and with no other.

Shape symbols: n samples, m filters, k = h w positions, c groups. Maps are none below 0, and of one root mean square,
as `EnergyModel.scaled` makes them, so that the model's constants mean the same on every layer. Everything is
differentiable by maps and weights alike; callers detach what is to be constant.
"""

from __future__ import annotations

import torch
from torch import Tensor


def group_members(groups: Tensor, count: int) -> Tensor:
    """Which filter is in which group.

    Args:
        groups: (m,) int64; -1 is in none.
        count: c.

    Returns:
        (m, c) bool.
    """
    return groups[:, None] == torch.arange(count, device=groups.device)


def group_maps(maps: Tensor, members: Tensor) -> Tensor:
    """The mean map of each group's filters, in each sample.

    Args:
        maps: (n, m, k).
        members: (m, c) bool, from `group_members`.

    Returns:
        (n, c, k); zeros for a group without filters.
    """
    shares = members.to(maps.dtype)
    shares = shares / shares.sum(0).clamp(min=1)
    return shares.T @ maps


def energy(maps: Tensor, weights: Tensor, members: Tensor) -> Tensor:
    """g = Σ_j Σ_c Σ_k W_jck f_k^j f̄_k^c: high where filters are active together with groups that W ties them to.

    Args:
        maps: (n, m, k).
        weights: (m, c, k); W.
        members: (m, c) bool.

    Returns:
        (n,); the negative of an energy: the model's density is that of a normal code times exp(g), up to a factor.

    Source:
        Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equation 4.
    """
    return (torch.einsum("njk,jck->nck", maps, weights) * group_maps(maps, members)).sum((1, 2))


def weight_moments(maps: Tensor, members: Tensor) -> Tensor:
    """(m, c, k); ∂g/∂W = f_k^j f̄_k^c, averaged over the samples. Arguments as of `energy`."""
    return torch.einsum("njk,nck->jck", maps, group_maps(maps, members)) / len(maps)


def weight_gradient(plain: Tensor, langevin: Tensor, members: Tensor) -> Tensor:
    """The gradient by W of the negative log likelihood of plain samples' codes, to be descended.

    Args:
        plain: (n, m, k); maps of samples of the prior.
        langevin: (n', m, k); maps of samples of the model itself, as `langevin` draws them.
        members: (m, c) bool.

    Returns:
        (m, c, k).

    Source:
        Li et al., AAAI 2022, equation 8, with the generator constant.
    """
    return weight_moments(langevin, members) - weight_moments(plain, members)


def realism_loss(maps: Tensor, weights: Tensor, members: Tensor) -> Tensor:
    """-mean g, the loss of the generator, with W constant; arguments as of `energy`.

    Returns:
        A number. The model's factor Z(W) depends on the previous generator alone, and is constant here.

    Source:
        Li et al., AAAI 2022, L_real in equation 7.
    """
    return -energy(maps, weights.detach(), members).mean()


def interpretability_loss(weights: Tensor, members: Tensor, other_penalty: float = 2 / 3) -> Tensor:
    """-Σ W_jck over each filter's own group, plus `other_penalty` times the sum over the other groups.

    Args:
        weights: (m, c, k).
        members: (m, c) bool; a filter of no group does not count.
        other_penalty: λ_1.

    Returns:
        A number.

    Source:
        Li et al., AAAI 2022, equation 5.
    """
    own = members.to(weights.dtype)
    grouped = own.sum(1, keepdim=True)
    return (weights.sum(2) * (other_penalty * (grouped - own) - own)).sum()
