"""PGGAN as a generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import SavedGenerator, fingerprint, state_of
from interpgan_pggan.discriminator import Discriminator
from interpgan_pggan.network import Network


class PGGAN(Generator):
    """A progressive GAN: maps z (d,) to images.

    The only space is z, which drives layer 0; its length has no effect (pixel norm). Layers are named as in
    genforce: `layer0` and `layer1` at 4 pixels, two more for each doubling, up to the size that `lod` leaves.

    Args:
        network: in eval mode, on the CPU.
        classes: 0 = unconditional.

    Attributes:
        discriminator: None where the checkpoint has none.

    Source:
        Karras et al., Progressive Growing of GANs, ICLR 2018.
    """

    codes_of = "PGGAN"

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, classes: int = 0) -> None:
        self.module, self.classes = network, classes
        self.fingerprint = fingerprint(network, "pggan", network.tanh)
        self.layers = tuple(f"layer{k}" for k in range(2 * network.blocks))
        inputs = network.layer0.weight.shape[1] - classes
        self.spaces = {"z": LatentSpace("z", (inputs,), torch.zeros(1, dtype=torch.long))}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(f"PGGAN has the space z alone; there is no way from {source} to {target}")

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
        settings = {
            "network": self.module.shape,
            "classes": self.classes,
            "discriminator": discriminator and discriminator.shape,
            "group": discriminator and discriminator.group,
        }
        return SavedGenerator("pggan", settings, state_of(generator=self.module, discriminator=discriminator))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: the first layer's weight, a row for each output at each of 16 places.

        Args:
            space: "z".
            layer: 0.

        Returns:
            (16 o, d) float32, as stored; without the columns of a label.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        if space != "z" or layer != 0:
            raise InterpganError(f"PGGAN takes a code in layer 0 alone, from z; not {space} in layer {layer}")
        places = self.module.layer0.weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2)
        return places[:, : self.spaces["z"].shape[0]].float()
