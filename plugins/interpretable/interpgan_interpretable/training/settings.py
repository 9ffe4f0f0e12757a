"""The parameters of how a layer is trained; the operator's YAML and the trainer take the same ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

Count = Annotated[int, Field(ge=1, strict=True)]


class LayerSettings(BaseModel):
    """How a layer is made interpretable.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equations 1, 4, 5 and 7 to 9.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concepts: Annotated[int, Field(ge=2, strict=True)] = 24
    """C, the largest number of concepts."""
    interval: Count = 50
    """T, steps of the GAN for one of the layer; the paper: 50 for BigGAN, 100 for StyleGAN."""
    rate: float = Field(default=3e-4, gt=0)
    """Learning rate of the generator in a step of the layer."""
    fade: float = Field(default=0.0, ge=0, le=1)
    """Share of the training, at its end, in which that falls to 0, so that pictures recover."""
    realism: StrictBool = True
    """Train the generator with the energy (L_real)? Otherwise W is trained alone; for ablations."""
    langevin_steps: Annotated[int, Field(ge=0, strict=True)] = 4
    """Langevin steps in a step of the layer; 0: the energy model is not sampled."""
    langevin_step: float = Field(default=0.1, gt=0)
    """δ, the size of a Langevin step."""
    group_penalty: float = Field(default=3e-2, ge=0)
    """λ_3 at first: weight of the loss that ties W to each filter's own group (L_interp); 0: none."""
    last_group_penalty: float = Field(default=3e-6, gt=0)
    """λ_3 in the end."""
    group_penalty_steps: Count = 500
    """Steps of the layer in which it falls from the one to the other, exponentially."""
    other_penalty: float = Field(default=2 / 3, ge=0)
    """λ_1: weight of the other groups in that loss, relative to the own."""
    weight_rate: float = Field(default=10.0, gt=0)
    """Learning rate of W."""
    regroup_interval: Count = 20
    """Steps of the layer after which the groups are found again."""
    regroup_samples: Count = 256
    """Samples that they are found from."""
    anchor: float = Field(default=0.0, ge=0)
    """Weight of the mean difference of pixels from the parent's pictures of the same codes, in every step of the GAN:
    it keeps quality in a short training, and codes keep their meaning. 0: none, as in the paper."""
    anchor_kimg: float = Field(default=0.0, ge=0)
    """For so many thousands of pictures the generator's steps use the anchor alone, without the discriminator."""
    exchange: StrictBool = False
    """In every other step, exchange one concept between two samples and anchor the result: near the source's picture
    where the source's concept is, near the sample's own elsewhere. Not in the paper."""

    def rate_at(self, seen: int, total: int) -> float:
        """Learning rate of the generator in a step of the layer, after `seen` of `total` pictures."""
        left = (total - seen) / max(self.fade * total, 1)
        return self.rate * min(max(left, 0.0), 1.0) if self.fade else self.rate

    def group_penalty_at(self, step: int) -> float:
        """λ_3 at a step of the layer."""
        if not self.group_penalty:
            return 0.0
        # Li et al., training: λ_3 decays exponentially from its first value to its last.
        ratio = self.last_group_penalty / self.group_penalty
        return float(self.group_penalty * ratio ** min(step / self.group_penalty_steps, 1.0))
