"""BigGAN as a generator: its spaces, its layers, its classes, and how codes become images."""

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
from interpgan_biggan.network import SQUARE, Architecture, Network
from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import SavedGenerator, fingerprint, state_of

IMAGENET = 1000
BOUND = 2.0  # of the truncated normal distribution


class BigGAN(Generator):
    """BigGAN or BigGAN-deep.

    Spaces: z, sampled; z+, a whole z for each layer, where z is not split among the layers; and c+, the
    conditions of all layers: each row is the z (or the chunk of z) and the class embedding of a layer. A part
    that is not in a layer's condition is in its row all the same, without effect. Layer 0 makes the first map,
    layer k is block k - 1. Feature maps are named by their modules: `stem`, `blocks.0`, …, and `attention.i`
    after block i.

    Args:
        network: on the CPU, in float32.
        truncation: of z, in (0, 1], for a network whose z has a truncated normal distribution; None: z is normal.
        licence: of the weights.
        discriminator: None where the weights come without one.
    """

    codes_of = "BigGAN"

    module: Network
    discriminator: Discriminator | None

    def __init__(
        self,
        network: Network,
        truncation: float | None = None,
        licence: str = "",
        discriminator: Discriminator | None = None,
    ) -> None:
        architecture = network.architecture
        self.module, self.truncation, self.licence = network, truncation, licence
        self.layers, self.classes = network.layers, architecture.classes
        if architecture.classes == IMAGENET:
            self.class_names = imagenet_names()
        self.discriminator = discriminator
        factors = [part.factor for part in network.modules() if isinstance(part, Spectral)]
        # Without the vectors that the factors are computed from: they have no effect on images.
        shape = () if network.base == SQUARE else (network.base,)
        self.fingerprint = fingerprint(
            network, replace(architecture, vectors=""), factors, truncation, *shape
        )
        self.spaces = {space.name: space for space in spaces_of(architecture)}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of z: normal, or `truncation` times a normal distribution cut at -2 and 2.

        Source: the truncated ones are those of scipy's `truncnorm.rvs(-2, 2, random_state=seed)`, the
            samples of Hugging Face's repository.
        """
        shape = self.spaces["z"].shape
        if self.truncation is None:
            return seeded_normal(seeds, shape).to(self.device)
        uniform = np.empty((len(seeds), *shape))
        for i, seed in enumerate(seeds):
            uniform[i] = np.random.RandomState(seed).uniform(size=shape)
        low, high = ndtr(-BOUND), ndtr(BOUND)
        z = torch.from_numpy(ndtri(low + uniform * (high - low))).float()  # inverse transform sampling
        return (self.truncation * z).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """From z to z+, and on to c+ if that is the target.

        Raises:
            InterpganError: if codes come without classes.
        """
        if source == "z":
            rows = (len(self.module.blocks) + 1, self.module.architecture.z)
            chunked = self.module.architecture.chunked
            codes = codes.view(-1, *rows) if chunked else codes[:, None].expand(-1, *rows)
        if target != "c+":
            return codes
        if labels is None:
            raise InterpganError(
                f"this generator has {self.classes} classes, and these codes have none; sample them with classes"
            )
        embedded = self.module.embed(labels)[:, None].expand(-1, codes.shape[1], -1)
        return torch.cat([codes.to(embedded.dtype), embedded], 2)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Images."""
        images: Tensor = self.module(self.to_space(batch, "c+").codes)
        return images

    def saved(self) -> SavedGenerator:
        """Both networks, their shapes, and the factor of every weight, 1 / its spectral norm."""
        discriminator = self.discriminator
        tensors = state_of(generator=self.module, discriminator=discriminator)
        settings = {
            "architecture": {**asdict(self.module.architecture), "vectors": ""},
            "base": list(self.module.base),
            "factors": _factors(self.module),
            "truncation": self.truncation,
            "class_names": list(self.class_names),
            "discriminator": discriminator and discriminator.shape,
            "discriminator_factors": discriminator and _factors(discriminator),
        }
        return SavedGenerator("biggan", settings, tensors)

    def layer_number(self, layer: str) -> int | None:
        """The number of the codes that drive a layer; None for attention, which no code drives."""
        driven = [name for name in self.own_layers if not name.startswith("attention.")]
        return driven.index(layer) if layer in driven else None

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: the first linear layer (0), or gains and biases of a block's batch norms.

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
        weight, architecture = self.module.style_weight(layer), self.module.architecture
        if space == "c+":
            return weight
        if not architecture.chunked:
            return weight[:, : architecture.z]
        out = weight.new_zeros(len(weight), *self.spaces["z"].shape)
        out[:, layer * architecture.z : (layer + 1) * architecture.z] = weight[:, : architecture.z]
        return out


def _factors(network: nn.Module) -> dict[str, float]:
    """1 / spectral norm of each weight, by the name of its module."""
    return {name: part.factor for name, part in network.named_modules() if isinstance(part, Spectral)}


@cache
def imagenet_names() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes in their order: for each the first of its synset in WordNet.

    Four have a word in brackets, because two classes share a name: crane (bird), crane (machine), Cardigan (dog)
    beside cardigan, maillot (tank suit) beside maillot.
    """
    return tuple(files(__package__).joinpath("imagenet.txt").read_text("utf-8").splitlines())


def spaces_of(architecture: Architecture) -> list[LatentSpace]:
    """The spaces of a network, in the order codes pass through them."""
    count, z = len(architecture.blocks) + 1, architecture.z
    numbers = torch.arange(count)
    conditions = LatentSpace("c+", (count, z + architecture.class_size), numbers[:, None])
    if architecture.chunked:
        zero = torch.zeros(count * z)
        return [LatentSpace("z", (count * z,), numbers.repeat_interleave(z), mean=zero), conditions]
    zero = torch.zeros(z)
    if "z" not in architecture.told:  # it is the condition of the first layer alone
        return [LatentSpace("z", (z,), numbers[:1], mean=zero), conditions]
    return [
        LatentSpace("z", (z,), mean=zero),
        LatentSpace("z+", (count, z), numbers[:, None], base="z", mean=zero.expand(count, -1)),
        conditions,
    ]
