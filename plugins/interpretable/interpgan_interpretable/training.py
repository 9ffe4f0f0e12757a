"""The operator `interpretable.train`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from interpgan_core import Generator, ImageSet, Input, InterpganError, Operator, Progress
from interpgan_interpretable.maps import check_layer
from interpgan_training.settings import Architecture, BatchSize, FamilySettings

Count = Annotated[int, Field(ge=1, strict=True)]
TRAINER = "interpgan_interpretable.learning:LayerTrainer"
PLANNED = (
    "concepts",
    "interval",
    "rate",
    "fade",
    "realism",
    "exchange",
    "pull",
    "last_pull",
    "pull_steps",
    "others",
    "weight_rate",
    "stride",
    "regroup",
    "looks",
)
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
    concepts: Annotated[int, Field(ge=2, strict=True)] = 24
    """How many there may be."""
    interval: Count = 50
    """Steps of the GAN for one of the layer; the paper: 50 for BigGAN, 100 for StyleGAN."""
    rate: float = Field(default=3e-4, gt=0)
    """Learning rate of the generator in a step of the layer."""
    fade: float = Field(default=0.0, ge=0, le=1)
    """Share of the training, at its end, in which that falls to 0, so that pictures recover."""
    discriminator: Literal["kept", "new"] = "kept"
    """new: it begins anew, as the paper's BigGAN has it."""
    architecture: Architecture | None = None
    """As of `training`; left out: as the generator's file says that it was trained."""
    anchor: float = Field(default=0.0, ge=0)
    """Weight of the mean difference of pixels from the parent's pictures of the same codes, in every step of the GAN:
    quality is kept in a short training, and codes keep their meaning. 0: none, as the paper has it."""
    anchor_kimg: float = Field(default=0.0, ge=0)
    """For so many thousands of pictures the generator's steps are by that alone, without the discriminator."""
    exchange: Annotated[bool, Field(strict=True)] = False
    """Exchange a concept between two samples in every other step that has an anchor: the picture is held near the
    lender's where that concept answers most, and near the sample's own elsewhere. Not in the paper."""
    langevin: Annotated[int, Field(ge=0, strict=True)] = 4
    """Rounds of Langevin sampling in a step of the layer; 0: the energy model is not sampled."""
    stride: float = Field(default=0.1, gt=0)
    """δ, of a round."""
    pull: float = Field(default=3e-2, ge=0)
    """λ_3 at first: how strongly the weights W are drawn to each filter's own group; 0: not at all."""
    last_pull: float = Field(default=3e-6, gt=0)
    """λ_3 in the end."""
    pull_steps: Count = 500
    """Steps of the layer in which it falls from the one to the other."""
    others: float = Field(default=2 / 3, ge=0)
    """λ_1: how strongly W is pushed away from the other groups, as a share of that."""
    weight_rate: float = Field(default=10.0, gt=0)
    """Learning rate of W."""
    realism: Annotated[bool, Field(strict=True)] = True
    """Does the generator learn from the energy? Otherwise W learns alone; for ablations."""
    regroup: Count = 20
    """In how many steps of the layer the groups are found again."""
    looks: Count = 256
    """Samples that they are found from."""
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

        check_layer(generator, self.layer)
        if self.exchange and not self.anchor:
            raise InterpganError(
                "an exchange is held near the parent's pictures by the anchor; give it a weight"
            )
        if self.discriminator == "kept" and generator.discriminator is None:
            raise InterpganError("this generator has no discriminator to go on with; set discriminator: new")
        job = TrainingJob(
            self._family(generator),
            Settings(self.seed, self.batch_size, self.ema_kimg, self.precision),
            self._pictures,
            rectified=(self.layer,),
            trainer=TRAINER,
            more={"new_discriminator": self.discriminator == "new", "given": self.plan()},
        )
        made = run_job(job, self.data, generator, self.processes, device, folder, scratch, progress, PLOTS)
        made.licence = self.licence or generator.licence
        return made

    def _family(self, generator: Generator) -> FamilySettings:
        """Settings of the family; where they have an encoder, the parent takes its place."""
        anchored = {"reconstruction": self.anchor, "reconstruction_kimg": self.anchor_kimg}
        if self.architecture is not None:
            return self.architecture.model_copy(update=anchored)
        known = generator.notes.get("training")
        if not isinstance(known, dict) or "family" not in known:
            raise InterpganError(
                "the generator's file does not say how it was trained; give the architecture, as the step "
                "`training` takes it"
            )
        from pydantic import TypeAdapter

        made: FamilySettings = TypeAdapter(Architecture).validate_python({**known["family"], **anchored})
        return made

    @property
    def _pictures(self) -> int:
        return math.ceil(1000 * self.kimg)

    def plan(self) -> dict[str, Any]:
        """Fields of the trainer's `Plan`."""
        renamed = {"rounds": self.langevin, "pictures": self._pictures}
        return renamed | {name: getattr(self, name) for name in PLANNED}
