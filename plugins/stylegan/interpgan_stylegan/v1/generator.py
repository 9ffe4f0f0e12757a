"""StyleGAN 1 as a generator."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from interpgan_core import LatentBatch
from interpgan_core.plugin import Noise, SavedGenerator, fingerprint, state_of
from interpgan_stylegan.generator import StyleGenerator, seeded_noise
from interpgan_stylegan.v1.discriminator import Discriminator
from interpgan_stylegan.v1.network import Network

FAMILY = "StyleGAN 1"


class StyleGAN1(StyleGenerator):
    """StyleGAN 1: z -> w -> w+ (a code a layer) -> s (scales and shifts of each layer), to pictures. IDInvert's, whose
    mapping makes a code of its own for each layer, has no w.

    Layers have genforce's numbers: 0 and 1 at 4 pixels, two more for each doubling. Codes of w+ drive all of
    them; `layers` names those that run, up to the size that `lod` leaves.

    Args:
        network: in eval mode, on the CPU, in float32.
        noise: const: the network's own maps; none; random: drawn from each sample's seed.

    Attributes:
        discriminator: only where the checkpoint has one.

    Source:
        Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019. StyleSpace: Wu et al.,
        CVPR 2021, here with the two numbers that AdaIN takes for each channel.
    """

    codes_of = FAMILY

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, noise: Noise = "const") -> None:
        self.module, self.noise, self.classes = network, noise, network.mapping.classes
        self.fingerprint = fingerprint(network, FAMILY)
        self.layers = tuple(f"synthesis.layer{k}" for k in range(2 * network.synthesis.blocks))
        layers = network.synthesis.layers
        styles = [(k, len(layer.style.bias)) for k, layer in enumerate(layers)]
        mean = network.w_avg
        self.layered = network.mapping.outputs != len(mean)
        self.set_spaces(network.mapping.inputs, len(layers), len(mean), styles, mean)
        if self.layered:
            self.spaces = {name: space for name, space in self.spaces.items() if name != "w"}
            self.spaces["w+"] = replace(self.spaces["w+"], base=None)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """z -> w -> w+ -> s, as far as asked; where each layer has a code of its own, z -> w+ -> s.

        Raises:
            InterpganError: if the generator has classes, and codes of z come without labels.
        """
        if self.layered and source == "z" and target != "z":
            codes = super().map(codes, "z", "w", labels).view(-1, *self.spaces["w+"].shape)
            source = "w+"
        return super().map(codes, source, target, labels)

    def saved(self) -> SavedGenerator:
        """Both networks, and the arguments that they were made with."""
        discriminator = self.discriminator
        settings = {
            "mapping": self.module.mapping.shape,
            "synthesis": self.module.synthesis.shape,
            "discriminator": discriminator and discriminator.shape,
        }
        tensors = state_of(generator=self.module, discriminator=discriminator)
        return SavedGenerator("stylegan.v1", settings, tensors)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        codes, space = batch.codes, batch.space.name
        styles = codes if space == "s" else self.map(codes, space, "s", batch.labels)
        images: Tensor = self.module.synthesis(styles, self._noise(batch))
        return images.to(torch.promote_types(images.dtype, torch.float32))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: a layer's whole affine weight, scales above shifts.

        Args:
            space: "w" or "w+".
            layer: number of the layer.

        Returns:
            (2 c, d) float32, as stored.

        Raises:
            InterpganError: if the space or the layer has none.
        """
        self.check_style_layer(space, layer)
        return self.module.synthesis.layers[layer].style.weight

    def _noise(self, batch: LatentBatch) -> list[Tensor] | None:
        if self.noise == "none":
            return None
        own: list[Tensor] = [
            layer.apply_noise.noise for layer in self.module.synthesis.layers[: len(self.layers)]
        ]
        return own if self.noise == "const" else seeded_noise(batch, own)
