"""DCGAN as a generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import SavedGenerator, fingerprint, state_of
from interpgan_dcgan.network import Discriminator, Network


class DCGAN(Generator):
    """A DCGAN: maps z (d,) to images.

    The only space is z, which drives layer 0. Layers are named `layers.0`, `layers.1` …: the maps after each ReLU.

    Args:
        network: in eval mode, on the CPU.
        classes: how many of its inputs, the last ones, are a label; 0 = unconditional.

    Attributes:
        discriminator: None where the checkpoint has none.

    Source:
        Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks,
        ICLR 2016.
    """

    codes_of = "DCGAN"

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, classes: int = 0) -> None:
        self.module, self.classes = network, classes
        kernels = [(step.stride, step.padding, step.extra) for step in network.steps]
        self.fingerprint = fingerprint(network, "dcgan", kernels, network.sigmoid, network.slope)
        self.layers = tuple(f"layers.{i}" for i in range(len(network.layers)))
        inputs = network.steps[0].inputs - classes
        self.spaces = {
            "z": LatentSpace("z", (inputs,), torch.zeros(1, dtype=torch.long), mean=torch.zeros(inputs))
        }

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(f"DCGAN has the space z alone; there is no way from {source} to {target}")

    def forward(self, batch: LatentBatch) -> Tensor:
        """Images.

        Raises:
            InterpganError: if the generator has classes and the batch no labels.
        """
        codes = batch.codes
        if self.classes:
            if batch.labels is None:
                raise InterpganError(f"this generator has {self.classes} classes; give the batch labels")
            codes = torch.cat([codes, batch.labels.to(codes)], 1)
        images: Tensor = self.module(codes)
        return images.to(torch.promote_types(images.dtype, torch.float32))

    def saved(self) -> SavedGenerator:
        """Both networks, and the arguments that they were made with."""
        discriminator = self.discriminator
        settings = {
            "network": self.module.shape,
            "classes": self.classes,
            "class_names": list(self.class_names),
            "discriminator": discriminator and discriminator.shape,
        }
        return SavedGenerator("dcgan", settings, state_of(generator=self.module, discriminator=discriminator))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: what the first layer and its batch norm make of z, before the ReLU.

        Args:
            space: "z".
            layer: 0.

        Returns:
            (places · o, d) float32: a row for each output at each place of the first maps, 16 of them in most files;
            without the columns of a label.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        if space != "z" or layer != 0:
            raise InterpganError(f"DCGAN takes a code in layer 0 alone, from z; not {space} in layer {layer}")
        first = self.module.first
        rows = first.weight.float().permute(1, 2, 3, 0)  # (o, k, k, d)
        if first.norm is not None:
            rows = rows * first.norm.gain.float()[:, None, None, None]
        return rows.flatten(0, 2)[:, : self.spaces["z"].shape[0]]
