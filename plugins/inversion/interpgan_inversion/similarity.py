"""How near a picture comes to another: PSNR and SSIM."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SIGMA, REACH = 1.5, 5  # of the window of SSIM, in pixels
C1, C2 = 0.01**2, 0.03**2


def psnr(found: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio.

    Args:
        found, target: (n, 3, h, w) float32 in [-1, 1].

    Returns:
        (n,) float32, in dB; 100 at most, for equal pictures.
    """
    return -10 * ((found - target) / 2).square().mean((1, 2, 3)).clamp(min=1e-10).log10()


def ssim(found: Tensor, target: Tensor) -> Tensor:
    """Structural similarity.

    Args:
        found, target: (n, 3, h, w) float32 in [-1, 1], h and w at least 11.

    Returns:
        (n,) float32, 1 for equal pictures; mean over colours and places.

    Source:
        Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP 2004, with
        its Gaussian window of 11 pixels, where the window lies inside the picture.
    """
    at = torch.arange(-REACH, REACH + 1, device=found.device)
    line = (-(at**2) / (2 * SIGMA**2)).exp()
    line = line / line.sum()
    window = (line[:, None] * line).expand(3, 1, -1, -1)

    def blurred(x: Tensor) -> Tensor:
        return functional.conv2d(x, window, groups=3)

    a, b = (found + 1) / 2, (target + 1) / 2
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    both = blurred(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + C1) * (2 * both + C2)
    return (alike / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))).mean((1, 2, 3))
