"""The operator `inversion.encoder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from interpgan_core import FeatureNet, Generator, ImageSet, Input, InterpganError, Operator, Progress
from interpgan_inversion.base import Count, Rate, Weight
from interpgan_inversion.encoder import Encoder


class TrainEncoder(Operator):
    """Train an encoder, pictures to codes, on samples of the generator, whose codes are known, and on pictures.

    Source: Zhu et al., In-Domain GAN Inversion for Real Image Editing, ECCV 2020, section 3.1. Deviations: it
        learns from the codes of samples too, and without a discriminator.
    """

    version: ClassVar[int] = 2

    space: str | None = None
    """Of the codes: z, w, w+, s; when left out, that of a code a layer (w+) where there is one, else the first."""
    steps: Count = 2000
    batch_size: Count = 16
    """Samples a step; no sample comes twice."""
    rate: Rate = 1e-3
    """Highest training rate."""
    width: Annotated[int, Field(ge=8, multiple_of=8)] = 32
    """Channels of the first layer; they double with each halving of the size, up to eight times as many."""
    picture_weight: Weight = 1.0
    """Of how unlike a picture and that of its code are, beside the mean squared difference of the samples' codes."""
    pictures: Input[ImageSet] | None = None
    """A set of pictures, such as one wants to invert, that have to be like those of their codes; the samples are when
    it is left out. The last few test the encoder."""
    perceptual: Input[FeatureNet] | None = None
    """A net for the perceptual term: `$step`; without one it is left out."""
    perceptual_weight: Weight = 0.1
    """Of the squared distance of its features, as a share of the squared length of the picture's."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the network's first weights; the samples are drawn from seeds above those that recipes use."""

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> Encoder:
        """Train.

        Raises:
            InterpganError: if the generator has no such space, or the pictures are of another size.
        """
        from interpgan_inversion.encoder_training import EncoderTraining, finished, new_network
        from interpgan_inversion.loss import Likeness
        from interpgan_inversion.scale import Scale
        from interpgan_inversion.search import Schedule
        from interpgan_inversion.sources import of_size, size_of
        from interpgan_inversion.starts import layered_space

        side, width = size_of(generator)
        if side != width:
            raise InterpganError(
                f"this generator draws {side} x {width} pixels, and the encoder is a network of square pictures; "
                "invert without one"
            )
        pictures = None if self.pictures is None else of_size(self.pictures, (side, width))
        scale = Scale.of(generator, self.space or layered_space(generator))
        training = EncoderTraining(
            new_network(scale, side, self.width, generator.classes, self.seed).to(generator.device),
            generator,
            scale,
            Schedule(self.steps, self.rate),
            self.batch_size,
            Likeness(self.perceptual, None, self.perceptual_weight),
            self.picture_weight,
            pictures,
            self.seed,
        )
        return finished(training, scratch, progress)
