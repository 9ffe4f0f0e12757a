"""Derivatives of pictures along chosen offsets of a code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

STEP = 1e-2
"""Of central differences, as a share of the code's root mean square or of 1, whichever is larger."""


def derivatives(
    draw: Callable[[Tensor], Tensor],
    code: Tensor,
    offsets: Tensor,
    batch_size: int,
    differences: bool = False,
) -> Tensor:
    """How what is drawn changes as a code moves along each of some offsets.

    In forward mode, exact to rounding; where an operation of the network has no forward mode, by central differences.

    Args:
        draw: codes (b, *shape) to (b, *drawn), each row by itself.
        code: (1, *shape).
        offsets: (k, *shape), of the dtype of the code.
        batch_size: offsets at once.
        differences: use central differences, whatever the network can do.

    Returns:
        (k, *drawn), of the dtype of the drawn.
    """
    import torch

    parts = offsets.split(batch_size)
    if not differences:
        try:
            return torch.cat([_forward_mode(draw, code, some) for some in parts])
        except (NotImplementedError, RuntimeError):  # the network has an operation without forward mode
            pass
    return torch.cat([_central(draw, code, some) for some in parts])


def _forward_mode(draw: Callable[[Tensor], Tensor], code: Tensor, offsets: Tensor) -> Tensor:
    import torch
    from torch.autograd import forward_ad

    # Families choose operations that write in place where no gradient is asked for; those have no forward mode.
    repeated = code.expand(offsets.shape).clone().requires_grad_(True)
    with torch.enable_grad(), forward_ad.dual_level():
        drawn = draw(forward_ad.make_dual(repeated, offsets))
        tangent = forward_ad.unpack_dual(drawn).tangent
        return torch.zeros_like(drawn).detach() if tangent is None else tangent.detach()


def _central(draw: Callable[[Tensor], Tensor], code: Tensor, offsets: Tensor) -> Tensor:
    import torch

    step = STEP * max(1.0, float(code.square().mean().sqrt()))
    with torch.no_grad():
        return (draw(code + step * offsets) - draw(code - step * offsets)) / (2 * step)
