"""What the operators of this plugin share: the user's pictures, the nets, the weights of the loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import FeatureNet, Generator, ImageSet, Input, Operator, Progress
from interpgan_inversion.sources import Fit, Pictures, look, read, size_of

if TYPE_CHECKING:
    from interpgan_inversion.loss import Likeness

Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


class OnPictures(Operator):
    """Works on pictures of the user's."""

    pictures: Pictures
    """A picture, a folder, a .zip or an .npz of pictures, several of these, or the set of another step."""
    fit: Fit = "crop"
    """How files become square: crop, the middle of each; pad, all of it, on white."""
    unreadable: Annotated[int, Field(ge=0)] = 0
    """How many files that cannot be read are left out, before the step refuses them all."""

    def check_pictures(self, generator: Generator) -> None:
        """Find out before they are read whether the pictures are there, and of the right size.

        Raises:
            InterpganError: if they are not.
        """
        if not self.unreadable:
            look(self.pictures, size_of(generator))

    def originals(self, generator: Generator, scratch: Path, progress: Progress) -> ImageSet:
        """The pictures, at the size of the generator's."""
        folder = scratch / "originals"
        return read(self.pictures, size_of(generator), self.fit, self.unreadable, folder, progress)


class WithNets(OnPictures):
    """Measures the similarity of the user's pictures and others."""

    perceptual: Input[FeatureNet] | None = None
    """A net for the perceptual term and distance: `$step`; without one both are left out."""
    identity: Input[FeatureNet] | None = None
    """A net for the identity term and similarity: `$step`; without one both are left out."""


class WithLikeness(WithNets):
    """Reproduces the user's pictures."""

    perceptual_weight: Weight = 0.1
    """Weight of the perceptual term: squared distance of features over the squared length of the original's."""
    identity_weight: Weight = 0.1
    """Weight of the identity term: 1 minus the cosine of features."""

    def likeness(self) -> Likeness:
        """The loss that the fields ask for."""
        from interpgan_inversion.loss import Likeness

        return Likeness(self.perceptual, self.identity, self.perceptual_weight, self.identity_weight)
