"""The loss of an inversion: pixels, features of a perceptual net, and features of an identity net.

Letters in shapes: n pictures, m others, d features, h w pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interpgan_core import FeatureNet

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Features:
    """Images, and their features by the nets.

    Args:
        images: (n, 3, h, w) float32 in [-1, 1].
        perceptual: (n, d) float32, or None.
        identity: (n, d) float32, or None.
    """

    images: Tensor
    perceptual: Tensor | None
    identity: Tensor | None

    def __getitem__(self, rows: Any) -> Features:
        """Some of them."""
        perceptual = None if self.perceptual is None else self.perceptual[rows]
        identity = None if self.identity is None else self.identity[rows]
        return Features(self.images[rows], perceptual, identity)


@dataclass(frozen=True, eq=False)
class Likeness:
    """The loss of an inversion, a number for each picture: no picture weighs on another.

    Squared difference of pixels, which run from -1 to 1, plus the weighted terms of the nets that are given: the
    squared distance of perceptual features, as a share of the squared length of the target's, and 1 minus the cosine
    of those of identity.

    Args:
        perceptual: or None, for no such term.
        identity: or None, for no such term.
        perceptual_weight: of that term.
        identity_weight: of that term.
    """

    perceptual: FeatureNet | None = None
    identity: FeatureNet | None = None
    perceptual_weight: float = 0.0
    identity_weight: float = 0.0

    def features_of(self, images: Tensor) -> Features:
        """Features of images, (n, 3, h, w) float32 in [-1, 1]."""
        perceptual = None if self.perceptual is None else self.perceptual.features(images)
        if self.identity is None:
            return Features(images, perceptual, None)
        same = self.identity is self.perceptual  # one pass serves both
        return Features(images, perceptual, perceptual if same else self.identity.features(images))

    def loss(self, found: Features, target: Features, mask: Tensor | None = None) -> Tensor:
        """The whole of it.

        Args:
            found: n pictures.
            target: n pictures, or one for all.
            mask: (n or 1, 1, h, w) weights of the pixels, or None; the nets see whole pictures all the same.

        Returns:
            (n,) float32.
        """
        apart = (found.images - target.images).square()
        if mask is None:
            total = apart.mean((1, 2, 3))
        else:
            total = (apart * mask).mean(1).sum((1, 2)) / mask.sum((1, 2, 3)).clamp(min=1)
        if found.perceptual is not None and self.perceptual_weight:
            # Nets have units of their own: a share suits one weight to all of them.
            share = distance(found.perceptual, target.perceptual) / length(target.perceptual)
            total = total + self.perceptual_weight * share
        if found.identity is not None and self.identity_weight:
            total = total + self.identity_weight * (1 - alike(found.identity, target.identity))
        return total

    def in_words(self) -> str:
        """The terms of the loss, for the report."""
        words = "The loss: mean squared difference of pixels, from -1 to 1"
        if self.perceptual is None:
            words += "; no perceptual term"
        else:
            words += f"; {self.perceptual_weight:g} times the perceptual distance by {self.perceptual.name}, as a share"
        if self.identity is None:
            words += "; no identity term."
        else:
            words += f"; {self.identity_weight:g} times the identity term, 1 minus the cosine, by {self.identity.name}."
        return words


def distance(found: Tensor, target: Tensor | None) -> Tensor:
    """(n,) squared distance of (n, d) features."""
    assert target is not None
    return (found - target).square().sum(1)


def length(target: Tensor | None) -> Tensor:
    """(n,) squared length of (n, d) features."""
    assert target is not None
    return target.square().sum(1).clamp(min=1e-12)


def alike(found: Tensor, target: Tensor | None) -> Tensor:
    """(n,) cosine of (n, d) features."""
    from torch.nn import functional

    assert target is not None
    return functional.cosine_similarity(found, target, dim=1)
