"""The operator `pggan`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from interpgan_core import LoadGenerator


class LoadPGGAN(LoadGenerator):
    """Load a progressive GAN: a named model, or a checkpoint of genforce or InterFaceGAN.

    Source: Karras et al., Progressive Growing of GANs, ICLR 2018.
    """

    family: ClassVar[str | None] = "pggan"

    lod: float | None = Field(default=None, ge=0)
    """Level of detail: how many doublings of the size to leave out, as in training. 1 shows the image at half the
    size, enlarged; 1.4 blends 0.6 of that and 0.4 of lod 2. The file's own when left out."""
