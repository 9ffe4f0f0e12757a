"""The operator `inversion.pivotal`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from interpgan_core import Generator, InterpganError, LatentBatch, Progress
from interpgan_inversion.base import Count, Rate, Weight, WithLikeness
from interpgan_inversion.masks import Mask, in_words, mask_of


class Tune(WithLikeness):
    """Fine-tune the generator until codes that are near draw the very pictures; returns the tuned generator.

    The batch that flows in holds the codes, the pivots, such as `inversion` finds them in W; they stay as they are, and
    edits of them go through the tuned generator. It is kept as safetensors, and knows its parent's fingerprint.

    Source: Roich et al., Pivotal Tuning for Latent-based Editing of Real Images, TOG 2022. Deviations: the training
        rate rises and falls as in `inversion`; the steps are not cut short; locality looks halfway to a sample.
    """

    perceptual_weight: Weight = 1.0
    """Weight of the perceptual term: squared distance of features over the squared length of the original's."""
    steps: Count = 350
    rate: Rate = 3e-4
    """Highest training rate of the weights."""
    draft_steps: Annotated[int, Field(ge=0)] = 0
    """For pictures of 256 pixels and more: how many of the steps, the first ones and at most five sixths, see drafts of
    the pictures, at a third of the time; they tune the layers up to the one that drafts are read from."""
    locality: Weight = 0.0
    """Weight of the change, in squared pixels, of pictures halfway between a pivot and a sample; above 0, a step takes
    half as long again."""
    mask: Mask | None = None
    """Where pictures have to be like the originals: a picture, white where they have to, black where not; or face, as
    of `inversion`."""
    batch_size: Count = 8
    """Pictures a step."""

    def check(self, generator: Generator) -> Generator:
        self.check_pictures(generator)
        return generator

    def run(
        self, generator: Generator, batch: LatentBatch, folder: Path, scratch: Path, progress: Progress
    ) -> Generator:
        """Tune.

        Raises:
            InterpganError: if there is not one code a picture, or generators of this family cannot be saved.
        """
        from interpgan_inversion.draft import Draft
        from interpgan_inversion.scale import Scale
        from interpgan_inversion.search import Schedule
        from interpgan_inversion.tuning import Tuning, tuned_generator

        originals = self.originals(generator, scratch, progress)
        mask = mask_of(self.mask, originals, self.fit, scratch, progress)
        if len(originals) != len(batch):
            raise InterpganError(
                f"{len(batch)} codes are no pivots of {len(originals)} pictures; invert the same pictures first"
            )
        drafted, draft = min(self.draft_steps, self.steps * 5 // 6), None
        if drafted:
            draft = Draft.of(generator, Scale.of(generator, batch.space.name), originals.size, progress)
        schedule = Schedule(self.steps, self.rate, draft_steps=drafted if draft else 0)
        likeness, size = self.likeness(), self.batch_size
        tuning = Tuning(
            generator, batch, originals, mask, likeness, schedule, size, self.locality, scratch, draft
        )
        return tuned_generator(tuning, in_words(self.mask, originals), folder, scratch, progress)
