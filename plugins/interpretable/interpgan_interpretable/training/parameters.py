"""The parameters of an interpretable layer's training: those of `interpretable.train`, and what the trainer reads."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interpgan_core import InterpganError

Count = Annotated[int, Field(ge=1, strict=True)]


class LayerParameters(BaseModel):
    """How a layer is made interpretable.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022; symbols are those of the paper.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concepts: Annotated[int, Field(ge=2, strict=True)] = 24
    """C, how many there may be."""
    interval: Count = 50
    """T, steps of the GAN for one of the layer; the paper: 50 for BigGAN, 100 for StyleGAN."""
    rate: float = Field(default=3e-4, gt=0)
    """Learning rate of the generator in a step of the layer."""
    fade: float = Field(default=0.0, ge=0, le=1)
    """Share of the training, at its end, in which that falls to 0, so that the images recover."""
    anchor: float = Field(default=0.0, ge=0)
    """Weight of the mean difference of pixels from the parent's images of the same codes, in every step of the GAN:
    quality is kept in a short training, and codes keep their meaning. 0: none, as the paper has it."""
    anchor_kimg: float = Field(default=0.0, ge=0)
    """For this many thousands of images the generator's steps are by the anchor alone, without the discriminator."""
    exchange: Annotated[bool, Field(strict=True)] = False
    """Exchange a concept between two samples in every other step that has an anchor: the image is held near the
    source's where that concept answers most, and near the sample's own elsewhere. Not in the paper."""
    langevin_steps: Annotated[int, Field(ge=0, strict=True)] = 4
    """Steps of Langevin sampling in a step of the layer; 0: the energy model is not sampled."""
    langevin_step: float = Field(default=0.1, gt=0)
    """δ, the size of a Langevin step."""
    group_penalty: float = Field(default=3e-2, ge=0)
    """λ_3 at first: how strongly the weights W are drawn to each filter's own group; 0: not at all."""
    last_group_penalty: float = Field(default=3e-6, gt=0)
    """λ_3 in the end."""
    group_penalty_steps: Count = 500
    """Steps of the layer in which it falls from the one to the other."""
    other_penalty: float = Field(default=2 / 3, ge=0)
    """λ_1: how strongly W is pushed away from the other groups, as a share of that."""
    weight_rate: float = Field(default=10.0, gt=0)
    """Learning rate of W."""
    realism: Annotated[bool, Field(strict=True)] = True
    """Does the generator learn from the energy? Otherwise W learns alone; for ablations."""
    regroup: Count = 20
    """In how many steps of the layer the groups are found again."""
    group_samples: Count = 256
    """Samples that the groups are found from."""

    @model_validator(mode="after")
    def _exchange_has_an_anchor(self) -> Self:
        if self.exchange and not self.anchor:
            raise InterpganError(
                "an exchange is held near the parent's images by the anchor; give it a weight"
            )
        return self

    def rate_at(self, seen: int, total: int) -> float:
        """Learning rate of the generator in a step of the layer.

        Args:
            seen: real images shown so far.
            total: real images that the whole training shows.
        """
        left = (total - seen) / max(self.fade * total, 1)
        return self.rate * min(max(left, 0.0), 1.0) if self.fade else self.rate

    def group_penalty_at(self, step: int) -> float:
        """λ_3 at a step of the layer."""
        if not self.group_penalty:
            return 0.0
        fallen = min(step / self.group_penalty_steps, 1.0)
        return float(self.group_penalty * (self.last_group_penalty / self.group_penalty) ** fallen)
