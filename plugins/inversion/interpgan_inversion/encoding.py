"""The operators `inversion.encoder`, `inversion.encode` and `inversion.indomain`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from interpgan_core import Generator, ImageSet, Input, InputFile, LatentBatch, Operator, Progress
from interpgan_inversion.encoder import Encoder
from interpgan_inversion.likeness import PerceptualNet
from interpgan_inversion.operators import Count, OnPictures, Weight, WithLikeness
from interpgan_inversion.trained import shipped, trained

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
    """Highest learning rate."""
    width: Annotated[int, Field(ge=8, multiple_of=8, strict=True)] = 32
    """Channels of the first layer; they double with each halving of the size, up to eight times as many."""
    picture_weight: Weight = 1.0
    """Of how unlike a picture and that of its code are, beside the mean squared difference of the samples' codes."""
    pictures: Input[ImageSet] | None = None
    """A set of pictures, such as one wants to invert, that have to be like those of their codes; the samples are when
    it is left out. The last few test the encoder."""
    perceptual: Input[PerceptualNet] | None = None
    """A net that sees what pixels do not say: `$step`."""
    perceptual_weight: Weight = 0.1
    """Of the squared distance of its features, as a share of the squared length of the picture's."""
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    """Of the network's first weights; the samples are drawn from seeds above those that recipes use."""

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> Encoder:
        from interpgan_inversion.learning import train

        return train(self, generator, scratch, progress)


class LoadEncoder(Operator):
    """An encoder that is trained already: from a file, or that which comes with interpgan for the generator."""

    keep: ClassVar[bool] = False

    file: InputFile | None = None
    """`encoder.safetensors`, from the folder of a step `inversion.encoder`."""

    def sources(self) -> Iterable[Path]:
        return shipped() if self.file is None else ()

    def run(self, generator: Generator) -> Encoder:
        """Load.

        Raises:
            InterpganError: if the file is no encoder, it is another generator's, or none comes with this one.
        """
        return trained(generator) if self.file is None else Encoder.load(self.file, generator)


class Encode(OnPictures):
    """The codes of pictures by an encoder: at once, and only near; a good start for `inversion`."""

    encoder: Input[Encoder] | None = None
    """Of the step `inversion.encoder`; when left out, the generator's own, or that which comes with interpgan."""

    def sources(self) -> Iterable[Path]:
        return shipped() if self.encoder is None else ()

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Encode.

        Raises:
            InterpganError: if there is no encoder, or it is another generator's.
        """
        from interpgan_inversion.domain import encode

        return encode(self, generator, folder, scratch, progress)


class InvertInDomain(WithLikeness):
    """Find codes whose pictures are like given ones, and which the encoder would find again: easier to edit.

    The search starts from the encoder's code. With a mask only what is white in it has to be like the picture: paste a
    part into a picture, mask it, and the generator blends it in (semantic diffusion).

    Source: Zhu et al., In-Domain GAN Inversion for Real Image Editing, ECCV 2020, section 3.2. Deviations: codes
        and steps are in standard deviations of the samples' codes.
    """

    encoder: Input[Encoder] | None = None
    """Of the step `inversion.encoder`; when left out, that which comes with interpgan for the generator."""
    mask: InputFile | None = None
    """A picture of the same form as the others: what is white has to be like them, what is black need not."""
    domain_weight: Weight = 0.05
    """Of the mean squared difference between a code and the encoder's of its picture."""
    steps: Count = 100
    rate: Rate = 0.05
    """Highest learning rate, in standard deviations of the samples' codes."""
    batch_size: Count = 8
    """Pictures at once."""

    def sources(self) -> Iterable[Path]:
        return shipped() if self.encoder is None else ()

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Search.

        Raises:
            InterpganError: if the encoder is another generator's, pictures cannot be read, or the mask is black.
        """
        from interpgan_inversion.domain import invert

        return invert(self, generator, folder, scratch, progress)
