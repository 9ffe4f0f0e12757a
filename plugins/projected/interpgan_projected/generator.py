"""Projected GAN's FastGAN as a generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import Noise, SavedGenerator, fingerprint, state_of
from interpgan_projected.network import NORM_EPSILON, Network


class ProjectedGAN(Generator):
    """A FastGAN generator trained as a Projected GAN: maps z (d,) to images.

    The only space is z, which drives layer 0; its length has no effect. Layers are `start`, the maps at 4 pixels, and
    `blocks.0` (8 pixels), `blocks.1` (16) …, each after its gate.

    Args:
        network: in eval mode, on the CPU.
        noise: const: one set of maps for all pictures; none; random: from each seed.

    Source:
        Sauer et al., Projected GANs Converge Faster, NeurIPS 2021.
    """

    codes_of = "Projected GAN"

    module: Network

    def __init__(self, network: Network, noise: Noise = "const") -> None:
        self.module, self.noise, self.classes = network, noise, network.shape["classes"]
        self.fingerprint = fingerprint(network, "projected")
        self.layers = ("start", *(f"blocks.{i}" for i in range(len(network.blocks))))
        inputs = network.shape["inputs"]
        self.spaces = {
            "z": LatentSpace("z", (inputs,), torch.zeros(1, dtype=torch.long), mean=torch.zeros(inputs))
        }

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(
            f"Projected GAN has the space z alone; there is no way from {source} to {target}"
        )

    def forward(self, batch: LatentBatch) -> Tensor:
        """Images.

        Raises:
            InterpganError: if the generator has classes and the batch no labels, or noise is random and the batch has
                no seeds.
        """
        if self.classes and batch.labels is None:
            raise InterpganError(f"this generator has {self.classes} classes; give the batch labels")
        images: Tensor = self.module(batch.codes, batch.labels, self.noise_maps(batch))
        return images.to(torch.promote_types(images.dtype, torch.float32))

    def noise_maps(self, batch: LatentBatch) -> list[Tensor | None]:
        """Two for each stage: (n or 1, 1, h, w) standard normal numbers where its halves have noise, or None."""
        noisy = [stage.halves > 1 and self.noise != "none" for stage in self.module.stages for _ in range(2)]
        if not any(noisy):
            return [None] * len(noisy)
        if self.noise == "random" and batch.seeds is None:
            raise InterpganError(
                "random noise comes from seeds, and these codes have none; load the generator with noise: const or none"
            )
        seeds = [0] if self.noise == "const" or batch.seeds is None else batch.seeds.tolist()
        return [
            seeded_normal(seeds, (1, 8 << k // 2, 8 << k // 2), stream=k + 1).to(self.device)
            if here
            else None
            for k, here in enumerate(noisy)
        ]

    def saved(self) -> SavedGenerator:
        """The network, and the arguments that it was made with."""
        return SavedGenerator("projected", {"network": self.module.shape}, state_of(generator=self.module))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: what the first layer and its batch norm make of z.

        Args:
            space: "z".
            layer: 0.

        Returns:
            (32 c, d) float32: a row for each output at each of 16 places; the second half of them are gates.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        if space != "z" or layer != 0:
            raise InterpganError(
                f"Projected GAN takes a code in layer 0 alone, from z; not {space} in layer {layer}"
            )
        start = self.module.start
        gain = start.norm.weight.float() * (start.norm.variance.float() + NORM_EPSILON).rsqrt()
        rows: Tensor = start.weight.float().permute(1, 2, 3, 0) * gain[:, None, None, None]
        return rows.flatten(0, 2)
