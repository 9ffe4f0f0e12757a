"""Pictures that a generator does not draw: said after a search, for edits of their codes are worth little."""

from __future__ import annotations

import torch
from torch import Tensor

from interpgan_core import Generator, ImageSet, LatentBatch
from interpgan_core.plugin import remark
from interpgan_inversion.sources import names_of

# Of the variance of a picture, what its code leaves: with `mobilestylegan.ffhq`, after 41 steps, at most 0.2 of aligned
# faces, and 0.4 to 1.1 of a cat, a cup and a rocket.
MOST = 0.25
ENOUGH = 50  # steps; after fewer, faces too can be far from their codes
USUAL = 0.2  # variance of a photograph, of pixels from -1 to 1; one with less contrast is measured by it


@torch.no_grad()
def missed(found: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
    """The share of a picture's variance, and at least of `USUAL`, that another one leaves unexplained.

    Args:
        found, targets: (n, 3, h, w) float32 in [-1, 1].
        mask: (n, 1, h, w) weights of the pixels, or None.

    Returns:
        (n,): 0 for equal pictures, 1 for one no nearer than the target's mean colour.
    """
    weights = torch.ones_like(targets[:, :1]) if mask is None else mask
    total = weights.sum((2, 3), keepdim=True).clamp(min=1e-6)
    mean = (targets * weights).sum((2, 3), keepdim=True) / total
    left, whole = (((x - targets).square() * weights).sum((1, 2, 3)) for x in (found, mean))
    return left / torch.maximum(whole, USUAL * 3 * total.flatten())


def say_unlike(generator: Generator, batch: LatentBatch, originals: ImageSet, mask: Tensor | None) -> None:
    """A remark, where the search has not met pictures.

    Args:
        generator: that the codes belong to.
        batch: the codes found.
        originals: a picture each.
        mask: (n, 1, h, w) weights of the pixels, or None.
    """
    said = []
    for i, (found, name) in enumerate(zip(generator.iter_images(batch), names_of(originals), strict=True)):
        weights = None if mask is None else mask[i : i + 1].to(found)
        share = float(missed(found, originals.images([i]).to(found), weights))
        if share > MOST:
            said.append(f"{name} ({min(share, 1):.0%})")
    if said:
        remark(
            f"The search has not met {', '.join(said)}: the share is the variance of the picture that its code leaves, "
            f"and of what this generator draws it is below {MOST:.0%}; cut faces out with inversion.align, take a "
            "generator of such pictures, or search longer"
        )
