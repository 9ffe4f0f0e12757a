"""BigGAN as a generator: its spaces, its layers, its classes, and how codes become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from interpgan_biggan.discriminator import Discriminator
from interpgan_biggan.layers import Spectral
from interpgan_biggan.network import Architecture, Network
from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import SavedGenerator, fingerprint, state_of

IMAGENET = 1000
BOUND = 2.0  # of the truncated normal distribution


class BigGAN(Generator):
    """BigGAN or BigGAN-deep.

    Spaces: z, sampled; z+, a whole z for each layer, where z is not split among the layers; and c+, what
    each layer is told: its z (or its chunk of z) and the embedding of its class. What a layer is not told is
    in its row of c+ all the same, and does nothing. Layer 0 makes the first map of its code, layer k is
    block k - 1. Feature maps are named by their modules: `stem`, `blocks.0`, …, and `attention.i` after
    block i.

    Args:
        network: on the CPU, in float32.
        truncation: of z, in (0, 1], of a network that was made for a truncated normal distribution; None:
            z is normal.
        licence: of the weights.
        discriminator: the network's, where there is one.
    """

    module: Network
    discriminator: Discriminator

    def __init__(
        self,
        network: Network,
        truncation: float | None = None,
        licence: str = "",
        discriminator: Discriminator | None = None,
    ) -> None:
        made = network.made
        self.module, self.truncation, self.licence = network, truncation, licence
        self.layers, self.classes = network.layers, made.classes
        if made.classes == IMAGENET:
            self.class_names = imagenet_names()
        if discriminator is not None:
            self.discriminator = discriminator
        factors = [part.factor for part in network.modules() if isinstance(part, Spectral)]
        # Whether a file keeps the vectors that the factors come from makes no difference to pictures.
        self.fingerprint = fingerprint(network, replace(made, vectors=""), factors, truncation)
        self.spaces = {space.name: space for space in spaces_of(made)}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of z: normal, or truncation times what is normal between -2 and 2.

        Source: the truncated ones are those of scipy's `truncnorm.rvs(-2, 2, random_state=seed)`, the
            samples of Hugging Face's repository.
        """
        shape = self.spaces["z"].shape
        if self.truncation is None:
            return seeded_normal(seeds, shape).to(self.device)
        shares = np.empty((len(seeds), *shape))
        for i, seed in enumerate(seeds):
            shares[i] = np.random.RandomState(seed).uniform(size=shape)
        low, high = ndtr(-BOUND), ndtr(BOUND)
        drawn = torch.from_numpy(ndtri(low + shares * (high - low))).float()
        return (self.truncation * drawn).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """z -> z+ -> c+, as far as asked.

        Raises:
            InterpganError: if codes come without classes.
        """
        if source == "z":
            many = (len(self.module.blocks) + 1, self.module.made.z)
            codes = codes.view(-1, *many) if self.module.made.chunked else codes[:, None].expand(-1, *many)
        if target != "c+":
            return codes
        if labels is None:
            raise InterpganError(
                f"this generator has {self.classes} classes, and these codes name none; sample them with classes"
            )
        embedded = self.module.embed(labels)[:, None].expand(-1, codes.shape[1], -1)
        return torch.cat([codes.to(embedded.dtype), embedded], 2)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures."""
        images: Tensor = self.module(self.to_space(batch, "c+").codes)
        return images

    def saved(self) -> SavedGenerator:
        """Both networks, their shapes, and the spectral factor of every weight."""
        discriminator = self.discriminator
        settings = {
            "architecture": {**asdict(self.module.made), "vectors": ""},
            "factors": _factors(self.module),
            "truncation": self.truncation,
            "class_names": list(self.class_names),
            "discriminator": discriminator and discriminator.shape,
            "discriminator_factors": discriminator and _factors(discriminator),
        }
        return SavedGenerator(
            "biggan", settings, state_of(generator=self.module, discriminator=discriminator)
        )

    def layer_number(self, layer: str) -> int | None:
        """The number of the codes that drive a layer; None for attention, which no code drives."""
        driven = [name for name in self.layers if not name.startswith("attention.")]
        return driven.index(layer) if layer in driven else None

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: the first linear layer (0), or a block's gains and biases of its batch norms.

        Args:
            space: any; of z and z+ the class embedding's columns are left out.
            layer: number of the layer.

        Returns:
            (o, d) float32, divided by the spectral norms, so that it is A of y = A @ code + b: where z is
            split among the layers, only the columns of the layer's chunk of z are not 0.

        Raises:
            InterpganError: if there is no such space or layer.
        """
        if space not in self.spaces or layer not in range(len(self.module.blocks) + 1):
            raise InterpganError(
                f"there is no style weight from {space} into layer {layer}; spaces are "
                f"{', '.join(self.spaces)}, layers 0 to {len(self.module.blocks)}"
            )
        weight, made = self.module.style_weight(layer), self.module.made
        if space == "c+":
            return weight
        if not made.chunked:
            return weight[:, : made.z]
        out = weight.new_zeros(len(weight), *self.spaces["z"].shape)
        out[:, layer * made.z : (layer + 1) * made.z] = weight[:, : made.z]
        return out


def _factors(network: nn.Module) -> dict[str, float]:
    """Of each spectral norm, by the name of its module."""
    return {name: part.factor for name, part in network.named_modules() if isinstance(part, Spectral)}


@cache
def imagenet_names() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes in their order: for each the first of its synset in WordNet.

    Four say in brackets which of two they are: crane (bird), crane (machine), Cardigan (dog) beside
    cardigan, maillot (tank suit) beside maillot.
    """
    return tuple(files(__package__).joinpath("imagenet.txt").read_text("utf-8").splitlines())


def spaces_of(made: Architecture) -> list[LatentSpace]:
    """The spaces of a network, in the order codes pass through them."""
    count = len(made.blocks) + 1
    numbers = torch.arange(count)
    told = LatentSpace("c+", (count, made.z + made.class_size), numbers[:, None])
    if made.chunked:
        zero = torch.zeros(count * made.z)
        return [LatentSpace("z", tuple(zero.shape), numbers.repeat_interleave(made.z), mean=zero), told]
    zero = torch.zeros(made.z)
    if "z" not in made.told:  # the first layer alone sees it
        return [LatentSpace("z", (made.z,), numbers[:1], mean=zero), told]
    many = zero.expand(count, -1)
    return [
        LatentSpace("z", (made.z,), mean=zero),
        LatentSpace("z+", tuple(many.shape), numbers[:, None], base="z", mean=many),
        told,
    ]
