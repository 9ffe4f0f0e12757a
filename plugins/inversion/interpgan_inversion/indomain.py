"""The operator `inversion.indomain`: codes that the encoder would find again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import Generator, Input, LatentBatch, Progress
from interpgan_inversion.base import Count, Rate, Weight, WithLikeness
from interpgan_inversion.encoder import ImageEncoder, encoder_for, predicted, scale_of, shipped_files
from interpgan_inversion.masks import Mask, in_words, mask_of
from interpgan_inversion.sources import names_of

if TYPE_CHECKING:
    from torch import Tensor


class InvertInDomain(WithLikeness):
    """Find codes that reproduce given pictures and that the encoder would predict from them: easier to edit.

    The search starts from the encoder's code. With a mask only what is white in it has to be like the picture: paste a
    part into a picture, mask it, and the generator blends it in (semantic diffusion).

    Source: Zhu et al., In-Domain GAN Inversion for Real Image Editing, ECCV 2020, section 3.2. Deviations: codes
        and steps are in standard deviations of the samples' codes.
    """

    encoder: Input[ImageEncoder] | None = None
    """Of the step `inversion.encoder` or `inversion.load-encoder`, or of another plugin; when left out, that which
    comes with interpgan for the generator."""
    mask: Mask | None = None
    """A picture of the same shape: white where they are to be reproduced, black where not; or face, see `inversion`."""
    domain_weight: Weight = 0.05
    """Weight of the mean squared difference between a code and the one that the encoder predicts from its picture."""
    steps: Count = 100
    rate: Rate = 0.05
    """Highest training rate, in standard deviations of the samples' codes."""
    batch_size: Count = 8
    """Pictures at once."""

    def sources(self) -> Iterable[Path]:
        return shipped_files() if self.encoder is None else ()

    def check(self, generator: Generator) -> LatentBatch:
        self.check_pictures(generator)
        encoder = encoder_for(generator, self.encoder)
        return replace(generator.to_space(generator.sample([0]), encoder.space.name), seeds=None)

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Search.

        Raises:
            InterpganError: if the encoder is another generator's, pictures cannot be read, or the mask is black.
        """
        import torch

        from interpgan_inversion.goal import Goal
        from interpgan_inversion.measures import compared
        from interpgan_inversion.resume import search_all
        from interpgan_inversion.search import Schedule, Search

        encoder = encoder_for(generator, self.encoder)
        scale = scale_of(encoder, generator)
        originals = self.originals(generator, scratch, progress)
        likeness, schedule = self.likeness(), Schedule(self.steps, self.rate)
        mask = mask_of(self.mask, originals, self.fit, scratch, progress)

        def domain_term(apart: Tensor, images: Tensor) -> Tensor:
            """Mean squared difference from the codes that the encoder predicts; the last term of equation 4."""
            again = predicted(encoder, scale, images)
            return (apart - again).square().flatten(1).mean(1) * self.domain_weight

        def begin(rows: slice) -> Search:
            goal = Goal.of(generator, likeness, originals, rows, mask)
            with torch.no_grad():
                start = encoder.encode(originals.images(rows).to(generator.device))
            return Search(generator, scale, start, likeness, goal, schedule, domain_term)

        batch, curves = search_all(begin, names_of(originals), self.batch_size, scratch, progress)
        notes = [
            likeness.in_words(),
            f"{self.domain_weight:g} times the mean squared difference between a code and the encoder's of its "
            "picture was added.",
        ]
        notes += in_words(self.mask, originals)
        compared(folder, generator, {"inverted": batch}, originals, likeness, curves, notes).save(folder)
        return batch
