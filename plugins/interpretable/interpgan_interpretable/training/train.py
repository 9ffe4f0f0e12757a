"""The operator `interpretable.train`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from interpgan_core import Generator, ImageSet, Input, InterpganError, Operator, Progress
from interpgan_interpretable.training.parameters import Count, LayerParameters
from interpgan_training.settings import Architecture, BatchSize

TRAINER = "interpgan_interpretable.training.trainer:LayerTrainer"
PLOTS = {
    "losses": ("discriminator", "generator"),
    "difference of pixels": ("from the parent", "from the exchange"),
    "mean logits": ("real", "fake"),
    "cosine of a filter's map and those of groups": ("own", "other"),
    "share of the maps' squares at home": ("at home",),
    "g": ("g plain", "g langevin"),
    "groups in use, silent filters": ("groups", "silent"),
}


class TrainInterpretable(LayerParameters, Operator):
    """Have the filters of a layer draw one concept each: fine-tune the generator with the energy model.

    The steps of the GAN go on as its family has them; between them the layer learns that filters of a group answer
    together, and where no other group does. What was done is saved every few minutes: a run that was stopped goes on,
    and on a CPU ends in the very same weights.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022; deviations: see `LayerTrainer`.
    """

    data: Input[ImageSet]
    """The pictures that the generator was trained on."""
    layer: str
    """Name of a synthesis layer; a ReLU is put behind it. The paper takes one of 32 x 32 positions."""
    kimg: float = Field(gt=0)
    """For how many thousands of real pictures to train."""
    discriminator: Literal["kept", "new"] = "kept"
    """new: it begins anew, as the paper's BigGAN has it."""
    architecture: Architecture | None = None
    """As of `training`; left out: as the generator's file says that it was trained."""
    batch_size: BatchSize = 16
    seed: Annotated[int, Field(ge=0, lt=2**30, strict=True)] = 0
    ema_kimg: float = Field(default=10.0, gt=0)
    """The result is an average of the weights, half of which is younger than so many thousands of pictures."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions while training."""
    processes: Count = 1
    """How many processes train together, each on a GPU of its own where there are any."""
    licence: str = ""
    """Terms of use of the weights, kept in their file; left out: the generator's own."""

    def run(
        self, generator: Generator, device: str, folder: Path, scratch: Path, progress: Progress
    ) -> Generator:
        """Train.

        Raises:
            InterpganError: if the generator cannot be trained, the data does not fit it, or training diverges.
        """
        from interpgan_training.job import TrainingJob
        from interpgan_training.processes import run_job
        from interpgan_training.trainer import Settings

        generator.require_layer(self.layer)
        if self.discriminator == "kept" and generator.discriminator is None:
            raise InterpganError("this generator has no discriminator to go on with; set discriminator: new")
        job = TrainingJob(
            self._family(generator),
            Settings(self.seed, self.batch_size, self.ema_kimg, self.precision),
            math.ceil(1000 * self.kimg),
            rectified=(self.layer,),
            trainer=TRAINER,
            more={
                "new_discriminator": self.discriminator == "new",
                "total": math.ceil(1000 * self.kimg),
                "given": {name: getattr(self, name) for name in LayerParameters.model_fields},
            },
        )
        made = run_job(job, self.data, generator, self.processes, device, folder, scratch, progress, PLOTS)
        made.licence = self.licence or generator.licence
        return made

    def _family(self, generator: Generator) -> Architecture:
        """Settings of the family; the anchor stands in place of an autoencoder."""
        from pydantic import TypeAdapter

        without = {"reconstruction": 0.0, "reconstruction_kimg": 0.0}
        if self.architecture is not None:
            return self.architecture.model_copy(update=without)
        known = generator.notes.get("training")
        if not isinstance(known, dict) or "family" not in known:
            raise InterpganError(
                "the generator's file does not say how it was trained; give the architecture, as the step "
                "`training` takes it"
            )
        made: Architecture = TypeAdapter(Architecture).validate_python({**known["family"], **without})
        return made
