"""The operator `inversion`, and what the operators of this plugin have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from interpgan_core import (
    Generator,
    ImageSet,
    Input,
    InputFile,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Report,
)
from interpgan_inversion.likeness import IdentityNet, PerceptualNet
from interpgan_inversion.perceptual import EfficientNetLite, Lpips
from interpgan_inversion.sources import Fit, Pictures, read, side_of

if TYPE_CHECKING:
    from interpgan_inversion.likeness import Likeness

Count = Annotated[int, Field(ge=1, strict=True)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LoadEfficientNet(Operator):
    """The perceptual net EfficientNet-Lite0, which comes from packages: extra `perceptual`; no licence is known."""

    keep: ClassVar[bool] = False

    def run(self, device: str) -> EfficientNetLite:
        return EfficientNetLite(device)


class LoadLpips(Operator):
    """The perceptual net LPIPS, from files that you have.

    Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018.
    """

    keep: ClassVar[bool] = False

    vgg: InputFile
    """VGG-16 trained on ImageNet, as torchvision publishes it."""
    linear: InputFile
    """The weights of the channels: weights/v0.1/vgg.pth of the paper's repository."""

    def run(self, device: str) -> Lpips:
        return Lpips(self.vgg, self.linear, device)


class OnPictures(Operator):
    """Works on pictures of the user's."""

    pictures: Pictures
    """A picture, a folder, a .zip or an .npz of pictures, several of these, or the set of another step."""
    fit: Fit = "crop"
    """How files become square: crop, the middle of each; pad, all of it, on white."""
    unreadable: Annotated[int, Field(ge=0, strict=True)] = 0
    """How many files that cannot be read are left out, before the step refuses them all."""

    def originals(self, generator: Generator, scratch: Path, progress: Progress) -> ImageSet:
        """The pictures, at the size of the generator's."""
        folder = scratch / "originals"
        return read(self.pictures, side_of(generator), self.fit, self.unreadable, folder, progress)


class WithNets(OnPictures):
    """Says how like the user's pictures are to others."""

    perceptual: Input[PerceptualNet] | None = None
    """A net that sees what pixels do not say: `$step`; without one there is no such term, and no such figure."""
    identity: Input[IdentityNet] | None = None
    """A net that tells people apart: `$step`; likewise."""


class WithLikeness(WithNets):
    """Makes pictures like the user's."""

    perceptual_weight: Weight = 0.1
    """Of the squared distance of its features, as a share of the squared length of the original's."""
    identity_weight: Weight = 0.1
    """Of 1 minus the cosine of its features."""

    def likeness(self) -> Likeness:
        """The loss that the fields ask for."""
        from interpgan_inversion.likeness import Likeness

        return Likeness(self.perceptual, self.identity, self.perceptual_weight, self.identity_weight)


class Compare(WithNets):
    """Show pictures beside those of their codes, before and after edits, with PSNR, SSIM and what the nets say."""

    batches: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """Codes, one a picture, by the caption that they get."""

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> Report:
        """Compare.

        Raises:
            InterpganError: if pictures cannot be read, or there is not one code a picture.
        """
        from interpgan_inversion.likeness import Likeness
        from interpgan_inversion.measures import compared

        originals = self.originals(generator, scratch, progress)
        for caption, batch in self.batches.items():
            if len(batch) != len(originals):
                raise InterpganError(
                    f"'{caption}' has {len(batch)} codes, and there are {len(originals)} pictures; compare batches of "
                    "one code a picture, such as shift makes"
                )
        return compared(folder, generator, self.batches, originals, Likeness(self.perceptual, self.identity))


class Invert(WithLikeness):
    """Find codes whose pictures are like given ones, by optimisation, so that a person's own picture can be edited.

    Every generator, in any of its spaces; with classes, class weights are searched for too. All pictures of a batch run
    together, the best code of each is kept, and a run that was stopped goes on where it was.

    Source: Shen et al., InterFaceGAN, CVPR 2020, section 3.5; schedules of Karras et al., CVPR 2020, appendix D.
        Deviations: steps are in standard deviations of the samples' codes, which suits every space; a search starts
        from the sample most like the picture. Maps of noise stay as they are, for codes do not hold them.
    """

    space: str | None = None
    """Where to search: z, w, w+, s; when left out, that of a code a layer (w+) where there is one, else the first."""
    start: Literal["samples", "mean"] | Input[LatentBatch] = "samples"
    """The sample most like each picture, the mean code, or codes of a step, one a picture."""
    candidates: Count = 128
    """How many samples to choose from."""
    steps: Count = 300
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    """Highest learning rate, in standard deviations of the samples' codes."""
    noise: Weight = 0.05
    """How far codes are shaken at first, in the same unit; it fades in the first three quarters of the steps."""
    pull: Weight = 0.0
    """Weight of the mean squared deviation from the mean code: less alike, easier to edit."""
    batch_size: Count = 8
    """Pictures at once."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of the noise."""

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Search.

        Raises:
            InterpganError: if pictures cannot be read, the space or the start does not fit, or no loss is finite.
        """
        from interpgan_inversion.inverting import invert

        return invert(self, generator, folder, scratch, progress)
