"""How unlike two pictures are: pixels, what a perceptual net sees, and whom an identity net sees.

Letters in shapes: n pictures, m others, d features, h w pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class PerceptualNet(Protocol):
    """Pictures in, what they show out; the further apart two rows, the less alike two pictures look.

    It brings pictures to its own size and device, treats each without regard to the others, and lets gradients
    through. Any extractor of `interpgan-metrics` is one.
    """

    name: str
    """What it is, for reports: distances compare only within one net."""

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, d) float32."""


@runtime_checkable
class IdentityNet(Protocol):
    """Pictures in, who they show out: the smaller the angle between two rows, the more it is the same person.

    Otherwise as `PerceptualNet`.
    """

    name: str
    """What it is, for reports."""

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, d) float32."""


@dataclass(frozen=True, eq=False)
class Look:
    """Pictures, and what the nets make of them.

    Args:
        images: (n, 3, h, w) float32 in [-1, 1].
        perceived: (n, d) float32, or None.
        identity: (n, d) float32, or None.
    """

    images: Tensor
    perceived: Tensor | None
    identity: Tensor | None

    def __getitem__(self, rows: Any) -> Look:
        """Some of them."""
        perceived = None if self.perceived is None else self.perceived[rows]
        identity = None if self.identity is None else self.identity[rows]
        return Look(self.images[rows], perceived, identity)


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

    perceptual: PerceptualNet | None = None
    identity: IdentityNet | None = None
    perceptual_weight: float = 0.0
    identity_weight: float = 0.0

    def look(self, images: Tensor) -> Look:
        """Show pictures, (n, 3, h, w) float32 in [-1, 1], to the nets."""
        perceived = None if self.perceptual is None else self.perceptual.features(images)
        if self.identity is None:
            return Look(images, perceived, None)
        same = self.identity is self.perceptual  # and need not look twice
        return Look(images, perceived, perceived if same else self.identity.features(images))

    def loss(self, found: Look, target: Look, mask: Tensor | None = None) -> Tensor:
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
        if found.perceived is not None and self.perceptual_weight:
            # Nets have units of their own: a share suits one weight to all of them.
            share = distance(found.perceived, target.perceived) / length(target.perceived)
            total = total + self.perceptual_weight * share
        if found.identity is not None and self.identity_weight:
            total = total + self.identity_weight * (1 - alike(found.identity, target.identity))
        return total

    def said(self) -> str:
        """In words, for the report: which terms there were, and which not."""
        words = "The loss: mean squared difference of pixels, from -1 to 1"
        if self.perceptual is None:
            words += "; no perceptual term"
        else:
            words += f"; {self.perceptual_weight:g} times the perceptual distance by {self.perceptual.name}, as a share"
        if self.identity is None:
            words += "; no identity term."
        else:
            words += f"; {self.identity_weight:g} times 1 - cosine of the identity by {self.identity.name}."
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
