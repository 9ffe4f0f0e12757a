"""The operator `interpretable.train`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from interpgan_core import Generator, ImageSet, Input, InterpganError, Operator, Progress
from interpgan_interpretable.training.settings import Count, LayerSettings
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


class TrainInterpretable(Operator):
    """Fine-tune a generator with the energy model, so that each filter of a layer draws one concept.

    The family's GAN training continues. At intervals the layer is trained so that filters of a group are active
    together, and where no other group is. The state is saved every minute: a run that was stopped continues, and
    on a CPU ends with the same weights, bit for bit.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022; deviations: see `LayerTrainer`.
    """

    data: Input[ImageSet]
    """The pictures that the generator was trained on."""
    layer: str
    """Name of a synthesis layer; a ReLU is put behind it. The paper takes one of 32 x 32 positions."""
    kimg: float = Field(gt=0)
    """For how many thousands of real pictures to train."""
    training: LayerSettings = LayerSettings()
    """How the layer is trained: the concepts, the energy model, the anchor."""
    discriminator: Literal["kept", "new"] = "kept"
    """new: it starts from new weights, as for the paper's BigGAN."""
    architecture: Architecture | None = None
    """As of `training`; left out: as the generator's file says that it was trained."""
    batch_size: BatchSize = 16
    seed: Annotated[int, Field(ge=0, lt=2**30)] = 0
    ema_kimg: float = Field(default=10.0, gt=0)
    """The result is an average of the weights, half of which is younger than so many thousands of pictures."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions while training."""
    processes: Count = 1
    """How many processes train together, each on a GPU of its own where there are any."""
    licence: str = ""
    """Terms of use of the weights, kept in their file; left out: the generator's own."""

    def check(self, generator: Generator) -> None:
        generator.require_layer(self.layer)
        if generator.added:
            raise InterpganError(
                f"{', '.join(generator.added)} was put behind a layer of a generator that stays as it is; train that "
                "generator, in a step before"
            )
        if self.training.exchange and not self.training.anchor:
            raise InterpganError(
                "an exchange is held near the parent's pictures by the anchor; give it a weight"
            )
        if self.discriminator == "kept" and generator.discriminator is None:
            raise InterpganError(
                "this generator has no discriminator to continue with; set discriminator: new"
            )
        self.family_of(generator)

    def run(
        self, generator: Generator, device: str, folder: Path, scratch: Path, progress: Progress
    ) -> Generator:
        """Train.

        Raises:
            InterpganError: if the generator cannot be trained, the data does not fit it, or training diverges.
        """
        from interpgan_training.card import write_card
        from interpgan_training.job import TrainingJob
        from interpgan_training.processes import run_job
        from interpgan_training.trainer import Settings

        self.check(generator)
        pictures = math.ceil(1000 * self.kimg)
        job = TrainingJob(
            self.family_of(generator),
            Settings(self.seed, self.batch_size, self.ema_kimg, self.precision),
            pictures,
            rectified=(self.layer,),
            trainer=TRAINER,
            more={
                "new_discriminator": self.discriminator == "new",
                "pictures": pictures,
                "training": self.training.model_dump(mode="json"),
            },
        )
        made = run_job(job, self.data, generator, self.processes, device, folder, scratch, progress, PLOTS)
        made.licence = self.licence or generator.licence
        write_card(made, folder)
        return made

    def family_of(self, generator: Generator) -> Architecture:
        """The settings of the generator's family, without an autoencoder: the anchor takes its place.

        Raises:
            InterpganError: if neither the operator nor the generator's file says them.
        """
        found = self.architecture
        if found is None:
            known = generator.notes.get("training")
            if not isinstance(known, dict) or "family" not in known:
                raise InterpganError(
                    "the generator's file does not say how it was trained; give the architecture, as the step "
                    "`training` takes it"
                )
            found = TypeAdapter[Any](Architecture).validate_python(known["family"])
        settings: Architecture = found.model_copy(update={"reconstruction": 0.0, "reconstruction_kimg": 0.0})
        return settings
