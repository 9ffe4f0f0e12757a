"""The energy of an interpretable layer (equations 4 to 9), which trains a filter to answer with its group alone.

Letters in shapes: n samples, m filters, k = h w positions, c groups. Maps are none below 0, and as
scaled as by `EnergyModel.scaled`, so that the model's constants mean the same on every layer. Everything is
differentiable by maps and weights alike; what is held fixed is detached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def members(groups: Tensor, count: int) -> Tensor:
    """Which filter is in which group.

    Args:
        groups: (m,) int64; -1 is in none.
        count: c.

    Returns:
        (m, c) bool.
    """
    import torch

    return groups[:, None] == torch.arange(count, device=groups.device)


def group_maps(maps: Tensor, belongs: Tensor) -> Tensor:
    """The mean map of each group's filters, in each sample.

    Args:
        maps: (n, m, k).
        belongs: (m, c) bool, from `members`.

    Returns:
        (n, c, k); zeros for a group without filters.
    """
    shares = belongs.to(maps.dtype)
    shares = shares / shares.sum(0).clamp(min=1)
    return shares.T @ maps


def energy(maps: Tensor, weights: Tensor, belongs: Tensor) -> Tensor:
    """g = Σ_j Σ_c Σ_k W_jck f_k^j f̄_k^c: large where filters answer together with the groups they are tied to.

    Args:
        maps: (n, m, k).
        weights: (m, c, k); W.
        belongs: (m, c) bool.

    Returns:
        (n,); minus an energy: exp(g) times the density of a normal code is the model's, but for a factor.

    Source:
        Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equation 4.
    """
    import torch

    return (torch.einsum("njk,jck->nck", maps, weights) * group_maps(maps, belongs)).sum((1, 2))


def weight_moments(maps: Tensor, belongs: Tensor) -> Tensor:
    """(m, c, k); ∂g/∂W = f_k^j f̄_k^c, averaged over the samples. Arguments as of `energy`."""
    import torch

    return torch.einsum("njk,nck->jck", maps, group_maps(maps, belongs)) / len(maps)


def weight_gradient(plain: Tensor, langevin: Tensor, belongs: Tensor) -> Tensor:
    """The gradient by W of -log likelihood of plain samples' codes, which is to be descended.

    Args:
        plain: (n, m, k); maps of samples as they are drawn.
        langevin: (n', m, k); maps of samples of the model itself, as `langevin` draws them.
        belongs: (m, c) bool.

    Returns:
        (m, c, k).

    Source:
        Li et al., AAAI 2022, equation 8, the generator held.
    """
    return weight_moments(langevin, belongs) - weight_moments(plain, belongs)


def realism_loss(maps: Tensor, weights: Tensor, belongs: Tensor) -> Tensor:
    """-mean g, of which the generator learns, with W held; arguments as of `energy`.

    Returns:
        A number. The model's factor Z(W) is a matter of the generator as it was, and so constant here.

    Source:
        Li et al., AAAI 2022, L_real in equation 7.
    """
    return -energy(maps, weights.detach(), belongs).mean()


def interpretability_loss(weights: Tensor, belongs: Tensor, others: float = 2 / 3) -> Tensor:
    """-Σ W_jck over each filter's own group, plus `others` times the sum over the other groups.

    Args:
        weights: (m, c, k).
        belongs: (m, c) bool; a filter of no group does not count.
        others: λ_1.

    Returns:
        A number.

    Source:
        Li et al., AAAI 2022, equation 5.
    """
    own = belongs.to(weights.dtype)
    grouped = own.sum(1, keepdim=True)
    return (weights.sum(2) * (others * (grouped - own) - own)).sum()


def log_density_gradient(codes: Tensor, goodness: Callable[[Tensor], Tensor], sigma: float = 1.0) -> Tensor:
    """∂/∂z of g(f(z)) - |z|² / 2σ², the model's log density but for a constant.

    Args:
        codes: (n, d); z.
        goodness: codes -> (n,), g of their maps; each sample's own alone.
        sigma: of the normal distribution that codes are drawn from.

    Returns:
        (n, d), without gradients.
    """
    import torch

    with torch.enable_grad():
        z = codes.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(goodness(z).sum(), z)
    return slope - codes.detach() / sigma**2


def langevin(
    codes: Tensor,
    goodness: Callable[[Tensor], Tensor],
    noise: Iterable[Tensor],
    step: float,
    sigma: float = 1.0,
) -> Tensor:
    """Draw codes from the model: z ← z + δ²/2 ∂_z log P_W(z) + δ U, once for each U.

    Args:
        codes: (n, d); where to begin.
        goodness: codes -> (n,), g of their maps.
        noise: (n, d) standard normal numbers, one tensor for each step.
        step: δ.
        sigma: of the normal distribution that codes are drawn from.

    Returns:
        (n, d), without gradients.

    Source:
        Li et al., AAAI 2022, equation 9. Deviation: it prints the gradient of the density P, and means that of its
        logarithm, as in Gao et al., Learning Generative ConvNets via Multi-grid Modeling and Sampling, CVPR 2018.
    """
    for drawn in noise:
        codes = codes + step**2 / 2 * log_density_gradient(codes, goodness, sigma) + step * drawn
    return codes.detach()
