"""Langevin sampling of the energy model (Li et al., AAAI 2022, equation 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def log_density_gradient(codes: Tensor, energy: Callable[[Tensor], Tensor], sigma: float = 1.0) -> Tensor:
    """∂/∂z of g(f(z)) - |z|² / 2σ², the model's log density up to a constant.

    Args:
        codes: (n, d); z.
        energy: codes -> (n,), g of their maps; each of its own sample alone.
        sigma: of the normal distribution that codes are drawn from.

    Returns:
        (n, d), without gradients.
    """
    with torch.enable_grad():
        z = codes.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(energy(z).sum(), z)
    return gradient - codes.detach() / sigma**2


def langevin(
    codes: Tensor,
    energy: Callable[[Tensor], Tensor],
    noise: Iterable[Tensor],
    step: float,
    sigma: float = 1.0,
) -> Tensor:
    """Draw codes from the model: z ← z + δ²/2 ∂_z log P_W(z) + δ U, once for each U.

    Args:
        codes: (n, d); initial ones.
        energy: codes -> (n,), g of their maps.
        noise: (n, d) standard normal numbers, one tensor a step.
        step: δ.
        sigma: of the normal distribution that codes are drawn from.

    Returns:
        (n, d), without gradients.

    Source:
        Li et al., AAAI 2022, equation 9. Deviation: it prints the gradient of the density P, and means that of its
        logarithm, as in Gao et al., Learning Generative ConvNets via Multi-grid Modeling and Sampling, CVPR 2018.
    """
    for normal in noise:
        codes = codes + step**2 / 2 * log_density_gradient(codes, energy, sigma) + step * normal
    return codes.detach()
