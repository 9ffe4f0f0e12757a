"""What generators and discriminators are trained to minimise. Logits are (n,), higher is more real."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_training.settings import Loss


def discriminator_loss(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """Of a discriminator.

    Args:
        loss: which.
        real: (n,) logits of real pictures.
        fake: (n,) logits of generated ones.

    Returns:
        A number.
    """
    if loss == "logistic":
        return functional.softplus(fake).mean() + functional.softplus(-real).mean()
    if loss == "hinge":
        return functional.relu(1 + fake).mean() + functional.relu(1 - real).mean()
    # The last term keeps logits near 0: Karras et al., ICLR 2018, appendix A.1.
    return fake.mean() - real.mean() + 0.001 * real.square().mean()


def generator_loss(loss: Loss, fake: Tensor) -> Tensor:
    """Of a generator; as `discriminator_loss`."""
    return functional.softplus(-fake).mean() if loss == "logistic" else -fake.mean()


def r1_penalty(logits: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Half the mean squared gradient of the logits at real pictures.

    Args:
        logits: pictures -> logits.
        real: (n, 3, h, w).

    Source:
        Mescheder et al., Which Training Methods for GANs do actually Converge, ICML 2018, equation 9.
    """
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(logits(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


def gradient_penalty(
    logits: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, random: torch.Generator
) -> Tensor:
    """How far the gradient is from length 1 between real and generated pictures.

    Args:
        logits: pictures -> logits.
        real, fake: (n, 3, h, w).
        random: where between them.

    Source:
        Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017, equation 3.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=random).to(real)
    between = real.detach().lerp(fake.detach(), share).requires_grad_(True)
    (gradient,) = torch.autograd.grad(logits(between).sum(), between, create_graph=True)
    lengths: Tensor = gradient.flatten(1).norm(dim=1)
    return (lengths - 1).square().mean()


def path_length(pictures: Tensor, codes: Tensor, random: torch.Generator) -> Tensor:
    """How far a picture moves as its code moves, in a random direction.

    Args:
        pictures: (n, 3, h, w), made of the codes.
        codes: (n, l, d) of w+.
        random: of the direction.

    Returns:
        (n,) lengths, which are to be all alike.

    Source:
        Karras et al., StyleGAN 2, CVPR 2020, section 3.2 and appendix B.
    """
    noise = torch.randn(pictures.shape, generator=random).to(pictures) / pictures[0, 0].numel() ** 0.5
    (gradient,) = torch.autograd.grad((pictures * noise).sum(), codes, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def orthogonality(weights: Sequence[Tensor]) -> Tensor:
    """How far filters are from being at right angles to one another; their lengths are free.

    Args:
        weights: (o, …) each.

    Source:
        Brock et al., BigGAN, ICLR 2019, equation 3.
    """
    total = weights[0].new_zeros(())
    for weight in weights:
        rows = weight.flatten(1)
        products = rows @ rows.t()
        total = total + (products - products.diag().diag()).square().sum()
    return total
