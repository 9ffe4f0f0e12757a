"""The operator `inversion.compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentBatch, Progress, Report, Scorer
from interpgan_inversion.base import WithNets


class Compare(WithNets):
    """Show pictures beside those of their codes, before and after edits, with PSNR, SSIM and distances of nets."""

    batches: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """Codes, one a picture, by the caption that they get."""
    scorer: Input[Scorer] | None = None
    """Its scores of the codes' pictures stand beside the other figures."""

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> Report:
        """Compare.

        Raises:
            InterpganError: if pictures cannot be read, or there is not one code a picture.
        """
        from interpgan_inversion.loss import Likeness
        from interpgan_inversion.measures import compared

        originals = self.originals(generator, scratch, progress)
        for caption, batch in self.batches.items():
            if len(batch) != len(originals):
                raise InterpganError(
                    f"'{caption}' has {len(batch)} codes, and there are {len(originals)} pictures; compare batches of "
                    "one code a picture, such as shift makes"
                )
        return compared(
            folder,
            generator,
            self.batches,
            originals,
            Likeness(self.perceptual, self.identity),
            scorer=self.scorer,
        )
