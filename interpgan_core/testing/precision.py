"""How far what was computed in a lower precision is from the same in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def roundings(found: Tensor, expected: Tensor, precision: str) -> float:
    """The root of the mean square of what lies between them, in standard deviations and roundings of the precision.

    Values rounded once are 0.4 off. A generator rounds in every layer, and machines add up in different orders: two to
    seven are usual, while single pixels may be off by a hundred.

    Args:
        found: what was computed in the lower precision, of any shape, in any dtype.
        expected: the same in float32.
        precision: `bfloat16` or `float16`, whose rounding is half a unit in the last place of 1.
    """
    import torch

    far = (found.float() - expected).square().mean().sqrt() / expected.std()
    return float(far / (torch.finfo(getattr(torch, precision)).eps / 2))
