"""What a recipe may say of an architecture and its training; no torch, so that a mistake is reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

GROUP = 4
"""Discriminators compare this many images with one another; every process needs whole groups."""

BatchSize = Annotated[int, Field(ge=GROUP, multiple_of=GROUP, strict=True)]
"""Images of a step, of all processes together."""

Loss = Literal["logistic", "hinge", "wasserstein"]
"""logistic: non-saturating (Goodfellow et al., 2014); hinge (Lim & Ye, 2017); wasserstein (Arjovsky et al., 2017),
with a gradient penalty (Gulrajani et al., 2017)."""

Widths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
"""Channels at 4, 8, 16 … pixels, of both networks: as many as the pictures need."""


class FamilySettings(BaseModel):
    """What every family has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: ClassVar[str]
    """module:class of the `Family` that these are the settings of."""

    widths: Widths = (128, 128, 96, 48, 24)
    channels: Literal[1, 3] = 3
    """Of the generated pictures: 1 = grey."""
    loss: Loss
    generator_rate: float = Field(gt=0)
    """Learning rate of the generator."""
    discriminator_rate: float = Field(gt=0)
    """Learning rate of the discriminator."""
    betas: tuple[float, float] = (0.0, 0.99)
    """Of Adam."""
    discriminator_steps: int = Field(default=1, ge=1)
    """Steps of the discriminator for each of the generator."""
    r1: float = Field(default=0.0, ge=0)
    """Weight of the R1 penalty; 0: none."""
    r1_interval: int = Field(default=16, ge=1)
    """Steps between two R1 penalties, each multiplied by this number (lazy regularisation)."""

    reconstruction: float = Field(default=0.0, ge=0)
    """Weight of the generator's loss as the decoder of an autoencoder, whose encoder is trained beside it: a kind of
    picture that it forgets, it cannot reproduce. Of the mean difference of pixels; 0: no encoder."""
    divergence: float = Field(default=1.0, gt=0)
    """How much more a nat of what the codes tell counts there than the pixels' difference, summed over a picture."""
    reconstruction_kimg: float = Field(default=0.0, ge=0)
    """For so many thousands of pictures it is trained by that alone, before the discriminator begins."""

    information: float = Field(default=0.0, ge=0)
    """Weight of what pictures tell of the first entries of their codes, in nats for each of them, as a network reads it
    that is trained beside (InfoGAN): each of these entries then changes what can be seen. 0: no reader."""
    information_codes: int = Field(default=10, ge=1)
    """How many entries of z, the first ones, are read."""

    @property
    def resolution(self) -> int:
        """The longer side of the pictures that the widths make."""
        return 4 << (len(self.widths) - 1)


class StyleGAN2Settings(FamilySettings):
    """StyleGAN 2: skip generator, residual discriminator, style mixing, lazy R1, path length if asked for."""

    target: ClassVar[str] = "interpgan_training.families.stylegan2:StyleGAN2Family"

    family: Literal["stylegan2"] = "stylegan2"
    z: int = Field(default=128, ge=1)
    w: int = Field(default=128, ge=1)
    mapping: int = Field(default=4, ge=1)
    """Dense layers between z and w."""
    mapping_rate: float = Field(default=0.01, gt=0)
    """Learning rate of those, as a share of the generator's; the paper's hardly moves in a short training."""
    conditional: bool = False
    """Is it trained with the classes of the pictures?"""
    noise: bool = True
    """Is there noise in every layer? Without, every picture follows from its code alone."""
    mixing: float = Field(default=0.9, ge=0, le=1)
    """Share of pictures whose layers take their styles from two codes."""
    path_length: float = Field(default=0.0, ge=0)
    """Weight of path length regularisation; the paper: 2."""
    path_interval: int = Field(default=4, ge=1)
    blur: float = Field(default=0.0, ge=0)
    """At first the discriminator sees pictures blurred by a Gaussian of so many pixels, ever less as training goes
    on: crisp pictures are otherwise told from generated ones before the generator has learned a shape."""
    blur_kimg: float = Field(default=30.0, gt=0)
    """After so many thousands of pictures it sees them as they are."""
    loss: Loss = "logistic"
    generator_rate: float = Field(default=2e-3, gt=0)
    discriminator_rate: float = Field(default=2e-3, gt=0)
    r1: float = Field(default=1.0, ge=0)


class PGGANSettings(FamilySettings):
    """PGGAN: both networks grow from 4 pixels on."""

    target: ClassVar[str] = "interpgan_training.families.pggan:PGGANFamily"

    family: Literal["pggan"] = "pggan"
    z: int = Field(default=128, ge=1)
    phase_kimg: float = Field(default=10.0, gt=0)
    """Thousands of pictures to blend a new block in, and as many until the next one; the paper: 800."""
    group: int = Field(default=4, ge=1)
    """Images over which the discriminator takes standard deviations."""
    loss: Loss = "logistic"
    generator_rate: float = Field(default=1.5e-3, gt=0)
    discriminator_rate: float = Field(default=1.5e-3, gt=0)
    r1: float = Field(default=1.0, ge=0)


class BigGANSettings(FamilySettings):
    """BigGAN: class-conditional batch norm, z in chunks, spectral norms, projection discriminator."""

    target: ClassVar[str] = "interpgan_training.families.biggan:BigGANFamily"

    family: Literal["biggan"] = "biggan"
    chunk: int = Field(default=16, ge=1)
    """Entries of z that each layer has to itself."""
    embedding: int = Field(default=32, ge=1)
    """Entries that a class becomes."""
    orthogonal: float = Field(default=0.0, ge=0)
    """Weight of orthogonal regularisation of the generator; the paper: 1e-4."""
    loss: Loss = "hinge"
    generator_rate: float = Field(default=3e-4, gt=0)
    discriminator_rate: float = Field(default=6e-4, gt=0)


def _named(value: Any) -> Any:
    if isinstance(value, str):
        return {"family": value}
    if (
        isinstance(value, Mapping) and "critic_steps" in value
    ):  # so generators say that were saved before 2026-12
        return {"discriminator_steps" if key == "critic_steps" else key: v for key, v in value.items()}
    return value


Architecture = Annotated[
    Annotated[StyleGAN2Settings | PGGANSettings | BigGANSettings, Field(discriminator="family")],
    BeforeValidator(_named),
]
"""A family's name, for its defaults, or a mapping with `family` and other values of its settings."""
