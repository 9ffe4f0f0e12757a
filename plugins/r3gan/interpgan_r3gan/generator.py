"""R3GAN as a generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import SavedGenerator, fingerprint, state_of
from interpgan_r3gan.network import Discriminator, Network


class R3GAN(Generator):
    """An R3GAN: maps z (d,) to images.

    The only space is z, which drives layer 0. Layers are `start`, the first maps, then the blocks `blocks.0.0`,
    `blocks.0.1`, the step to the next size `ups.0`, its blocks, and so on.

    Args:
        network: in eval mode, on the CPU.

    Attributes:
        discriminator: None where the checkpoint has none.

    Source:
        Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, NeurIPS 2024.
    """

    codes_of = "R3GAN"

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network) -> None:
        self.module, self.classes = network, network.shape["classes"]
        self.fingerprint = fingerprint(network, "r3gan", [stage.groups for stage in network.stages])
        self.layers = tuple(network.layers)
        inputs = network.shape["inputs"]
        self.spaces = {
            "z": LatentSpace("z", (inputs,), torch.zeros(1, dtype=torch.long), mean=torch.zeros(inputs))
        }

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(f"R3GAN has the space z alone; there is no way from {source} to {target}")

    def forward(self, batch: LatentBatch) -> Tensor:
        """Images.

        Raises:
            InterpganError: if the generator has classes and the batch no labels.
        """
        if self.classes and batch.labels is None:
            raise InterpganError(f"this generator has {self.classes} classes; give the batch labels")
        images: Tensor = self.module(batch.codes, batch.labels if self.classes else None)
        return images.to(torch.promote_types(images.dtype, torch.float32))

    def saved(self) -> SavedGenerator:
        """Both networks, and the arguments that they were made with."""
        discriminator = self.discriminator
        settings = {"network": self.module.shape, "discriminator": discriminator and discriminator.shape}
        return SavedGenerator("r3gan", settings, state_of(generator=self.module, discriminator=discriminator))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: the linear layer behind z, each row by the length of the map that it scales.

        Args:
            space: "z".
            layer: 0.

        Returns:
            (c, d) float32: a row for each channel of the first maps, without the columns of a label.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        if space != "z" or layer != 0:
            raise InterpganError(f"R3GAN takes a code in layer 0 alone, from z; not {space} in layer {layer}")
        start = self.module.start
        lengths = start.basis.float().flatten(1).norm(dim=1, keepdim=True)
        rows: Tensor = start.weight.float() * lengths
        return rows[:, : self.spaces["z"].shape[0]]
