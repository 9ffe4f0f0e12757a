"""The operator `stylegan`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interpgan_core import Generator, InterpganError, LoadGenerator, load_generator


class LoadStyleGAN(LoadGenerator):
    """Load a StyleGAN 1, 2 or 3: a named model, or a checkpoint of NVIDIA, genforce, rosinality or InterFaceGAN.

    Source: Karras et al., CVPR 2019, CVPR 2020, NeurIPS 2020, NeurIPS 2021.
    """

    lod: float | None = Field(default=None, ge=0)
    """Of StyleGAN 1: how many doublings of the size to leave out; a fraction blends two."""
    fused_scale: Literal["auto"] | bool | None = None
    """Of genforce's StyleGAN 1: which layers learned transposed convolutions; auto: from 128 pixels on."""

    def run(self, device: str) -> Generator:
        """Load it.

        Raises:
            InterpganError: if it is no StyleGAN, or an option is not one of its version's.
        """
        from interpgan_stylegan.v1.generator import StyleGAN1
        from interpgan_stylegan.v2.generator import StyleGAN2
        from interpgan_stylegan.v3.generator import StyleGAN3

        own: dict[str, Any] = {"lod": self.lod, "fused_scale": self.fused_scale}
        generator = load_generator(
            self.weights,
            device=device,
            noise=self.noise,
            precision=self.precision,
            resolution=self.resolution,
            **{name: value for name, value in own.items() if value is not None},
        )
        if not isinstance(generator, StyleGAN1 | StyleGAN2 | StyleGAN3):
            raise InterpganError(f"{self.weights} is no StyleGAN; load it with use: generator")
        return generator
