"""The operator `training`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from interpgan_core import Generator, ImageSet, Input, InterpganError, Operator, Progress
from interpgan_training.settings import Architecture, BatchSize


class Train(Operator):
    """Train a generator, with its discriminator, on pictures.

    What it has done so far is saved every minute: a run that was stopped goes on where it was, and on a CPU
    ends in the very same weights. Losses, and pictures as they became better, are in the report.

    Source: the papers of the families, see their settings.
    """

    data: Input[ImageSet]
    architecture: Architecture
    """stylegan2, pggan or biggan; or a mapping, such as {family: stylegan2, widths: [64, 64, 32]}. With `start`, what
    is left out is read off that generator."""
    start: Input[Generator] | None = None
    """A generator with its discriminator, of this family, to go on from; new weights when left out."""
    kimg: float = Field(gt=0)
    """For how many thousands of real pictures to train."""
    batch_size: BatchSize = 16
    """Images of a step."""
    seed: Annotated[int, Field(ge=0)] = 0
    ema_kimg: float = Field(default=10.0, gt=0)
    """The result is an average of the weights, half of which is younger than so many thousands of pictures."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions while training; bfloat16 is up to twice as fast where the processor has it."""
    augment: bool = False
    """Adaptive augmentation, for a few hundred or thousand pictures. It also mirrors them."""
    processes: Annotated[int, Field(ge=1)] = 1
    """How many processes train together, each on a GPU of its own where there are any."""
    licence: str = ""
    """Terms of use of the weights, kept in their file."""

    def check(self) -> None:
        from interpgan_training.families.start import architecture_from

        architecture_from(self.architecture, self.start)
        if self.start is not None and self.start.discriminator is None:
            raise InterpganError(
                "training goes on from a generator with its discriminator, and this has none"
            )

    def run(self, device: str, folder: Path, scratch: Path, progress: Progress) -> Generator:
        """Train.

        Raises:
            InterpganError: if the data does not fit the architecture, or training diverges.
        """
        from interpgan_training.card import write_card
        from interpgan_training.families.start import architecture_from
        from interpgan_training.job import TrainingJob
        from interpgan_training.processes import run_job
        from interpgan_training.trainer import Settings

        job = TrainingJob(
            architecture_from(self.architecture, self.start),
            Settings(self.seed, self.batch_size, self.ema_kimg, self.precision, self.augment),
            math.ceil(1000 * self.kimg),
        )
        made = run_job(job, self.data, self.start, self.processes, device, folder, scratch, progress)
        made.licence = self.licence
        write_card(made, folder)
        return made
