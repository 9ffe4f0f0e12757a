"""The operator `inversion.editability`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from interpgan_core import (
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Progress,
    Report,
    Scorer,
    did_you_mean,
)
from interpgan_inversion.base import Count, WithNets
from interpgan_inversion.loss import Likeness


class Editability(WithNets):
    """Edit inverted pictures, and measure how far each edit goes and how well identity is kept.

    For each way of inversion, how near its pictures come to the originals; then every picture is moved towards the
    other side of every attribute, by the same strength for all. An edit takes where the scorer sees the picture of the
    code on the side of the original, and the edited one on the other: what inversion has lost counts as failed.

    Source: the edits of Shen et al., InterFaceGAN, CVPR 2020; that likeness and editability are measured side by side
        follows Tov et al., Designing an Encoder for StyleGAN Image Manipulation, SIGGRAPH 2021, section 3.
    """

    batches: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """Codes, one a picture, by the caption of the way in which they were found."""
    generators: Annotated[dict[str, Input[Generator]], Field(default_factory=dict)]
    """By caption, those that draw in place of the one that flows in, such as that of `inversion.pivotal`."""
    directions: Input[DirectionSet]
    scorer: Input[Scorer]
    attributes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names that both directions and scorer know; all of these when left out."""
    strength: Annotated[float, Field(gt=0)] = 3.0
    """How far every code is moved, in standard deviations of the samples' codes along the direction."""
    threshold: float | dict[str, float] = 0.0
    """The score that parts the two sides, 0 for logits, 0.5 for probabilities; or one an attribute: {age: 40}, and 0
    for the others."""
    shown: Annotated[int, Field(ge=0)] = 4
    """How many pictures the report shows."""
    batch_size: Count = 8
    """Pictures at once."""

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if pictures cannot be read, there is not one code a picture, a caption of `generators` is
                none of `batches`, or an attribute is unknown.
        """
        from interpgan_inversion.edits import Edits, measured

        originals = self.originals(generator, scratch, progress)
        for caption, batch in self.batches.items():
            if len(batch) != len(originals):
                raise InterpganError(
                    f"'{caption}' has {len(batch)} codes, and there are {len(originals)} pictures; name codes of these "
                    "very pictures"
                )
        if extra := set(self.generators) - set(self.batches):
            raise InterpganError(
                f"generators names {', '.join(sorted(extra))}, and batches does not; use the same captions"
            )
        names = self.asked()
        edits = Edits(
            self.directions, self.scorer, names, self.strength, self.thresholds(names), self.batch_size
        )
        inverted = {
            caption: (batch, self.generators.get(caption, generator))
            for caption, batch in self.batches.items()
        }
        likeness = Likeness(self.perceptual, self.identity)
        return measured(edits, inverted, originals, likeness, self.shown, folder, progress)

    def asked(self) -> tuple[str, ...]:
        """The attributes.

        Raises:
            InterpganError: if one is unknown to the directions or the scorer, or they have none in common.
        """
        known = tuple(name for name in self.scorer.names if name in self.directions)
        names = known if self.attributes is None else self.attributes
        if not names or (unknown := set(names) - set(known)):
            what = f"{', '.join(sorted(unknown))} is not" if names else "there is none"
            raise InterpganError(
                f"attributes must be known to both: {what} among the directions ({', '.join(self.directions)}) and the "
                f"scores ({', '.join(self.scorer.names)})"
            )
        return names

    def thresholds(self, names: tuple[str, ...]) -> tuple[float, ...]:
        """Those of the attributes.

        Raises:
            InterpganError: if there is one of an attribute that is not edited.
        """
        if not isinstance(self.threshold, dict):
            return (self.threshold,) * len(names)
        for name in self.threshold:
            if name not in names:
                raise InterpganError(
                    f"threshold names '{name}', which is not edited" + did_you_mean(name, names)
                )
        return tuple(self.threshold.get(name, 0.0) for name in names)
