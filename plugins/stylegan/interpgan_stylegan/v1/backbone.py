"""StyleGAN 1 as a generator, and the backbone that knows its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from interpgan_core import InterpganError, LatentBatch
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Noise,
    Precision,
    build,
    check_option,
    fingerprint,
)
from interpgan_stylegan.generator import MEAN_CODES, StyleGenerator, seeded_noise
from interpgan_stylegan.v1.discriminator import Discriminator
from interpgan_stylegan.v1.layouts import Fused, Parts, knows, layers_of, plain_kernels, read
from interpgan_stylegan.v1.network import Mapping, Network, Synthesis

FAMILY = "StyleGAN 1"


class StyleGAN1(StyleGenerator):
    """StyleGAN 1: z -> w -> w+ (a code a layer) -> s (scales and shifts of each layer), to pictures.

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

    module: Network
    discriminator: Discriminator

    def __init__(self, network: Network, noise: Noise = "const") -> None:
        self.module, self.noise, self.classes = network, noise, network.mapping.classes
        self.fingerprint = fingerprint(network, FAMILY)
        self.layers = tuple(f"synthesis.layer{k}" for k in range(2 * network.synthesis.blocks))
        layers = network.synthesis.layers
        styles = [(k, len(layer.style.bias)) for k, layer in enumerate(layers)]
        mean = network.w_avg
        self.set_spaces(network.mapping.inputs, len(layers), len(mean), styles, mean)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        codes, space = batch.codes, batch.space.name
        styles = codes if space == "s" else self.map(codes, space, "s", batch.labels)
        pictures = self.module.synthesis(styles, self._noise(batch))
        return pictures.to(torch.promote_types(pictures.dtype, torch.float32))

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
        self.check_layer(space, layer)
        return self.module.synthesis.layers[layer].style.weight

    def _noise(self, batch: LatentBatch) -> list[Tensor] | None:
        if self.noise == "none":
            return None
        own = [layer.apply_noise.noise for layer in self.module.synthesis.layers[: len(self.layers)]]
        return own if self.noise == "const" else seeded_noise(batch, own)


@dataclass(frozen=True)
class StyleGAN1Options(LoadOptions):
    """How a StyleGAN 1 is loaded: as every generator, in the file's own resolution.

    Args:
        lod: how many doublings of the size to leave out, as in training: 1 shows the image at half the size,
            enlarged; 1.4 blends 0.6 of that and 0.4 of lod 2. None = the file's own, 0 where training came to its
            end.
        fused_scale: which of genforce's upsampling layers learned transposed convolutions, which no shape shows:
            "auto" = from 128 pixels on, as all published ones; True = all; False = none.
    """

    lod: float | None = None
    fused_scale: Fused = "auto"


class Backbone:
    """Checkpoints of StyleGAN 1: genforce's, and InterFaceGAN's."""

    options = StyleGAN1Options

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return knows(checkpoint)

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        parts = read(checkpoint)
        return Description(
            family=FAMILY,
            layout=parts.layout,
            resolution=_size(parts),
            spaces={
                "z": (parts.z,),
                "w": tuple(parts.mapping[-1:]),
                "w+": (2 * len(parts.widths), *parts.mapping[-1:]),
                "s": (4 * sum(parts.widths),),
            },
            classes=parts.classes,
            parameters=sum(
                tensor.numel() for name, tensor in parts.generator.items() if not name.endswith(".noise")
            ),
            discriminator=bool(parts.discriminator),
        )

    def load(self, checkpoint: Checkpoint, options: StyleGAN1Options) -> StyleGAN1:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            options: see `StyleGAN1Options`.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or has another shape than its neighbours ask for, or an
                option does not apply.
        """
        parts = read(checkpoint)
        check_option(FAMILY, "noise", options.noise, get_args(Noise))
        check_option(FAMILY, "precision", options.precision, get_args(Precision))
        check_option(FAMILY, "fused_scale", options.fused_scale, ("auto", True, False))
        if options.resolution not in (None, _size(parts)):
            raise InterpganError(
                f"{checkpoint.path} draws {_size(parts)} pixels only; the smaller pictures of its training: lod"
            )
        lod = parts.lod if options.lod is None else float(options.lod)
        if not 0 <= lod < len(parts.widths):
            raise InterpganError(
                f"{checkpoint.path} has lod 0 to {len(parts.widths) - 1}, not {lod:g}; 0 shows every layer"
            )
        w = parts.mapping[-1] if parts.mapping else 0
        tensors = plain_kernels(parts, options.fused_scale)
        tensors["w_avg"] = torch.zeros(w) if parts.w_avg is None else parts.w_avg
        network = build(
            lambda: Network(
                Mapping(parts.z, parts.mapping, parts.classes), Synthesis(parts.widths, w, lod), w
            ),
            tensors,
            checkpoint.path,
        )
        if parts.w_avg is None:
            network.w_avg.copy_(_mean(network))
        generator = StyleGAN1(network, options.noise)
        network.synthesis.to(memory_format=torch.channels_last)
        if parts.discriminator:
            generator.discriminator = _discriminator(parts)
        network.synthesis.cast(getattr(torch, options.precision))
        return generator.to(options.device)


def _size(parts: Parts) -> int:
    return 2 ** (len(parts.widths) + 1)


def _mean(network: Network) -> Tensor:
    """The mean of w over the first seeds, each with the class that `Generator.sample` draws for it."""
    generator = StyleGAN1(network)
    return generator.to_space(generator.sample(range(MEAN_CODES)), "w").codes.mean(0)


def _discriminator(parts: Parts) -> Discriminator:
    tensors = parts.discriminator
    count = layers_of(tensors, "input")
    widths = [parts.shape(f"input{j}.bias", tensors)[0] for j in range(count)]
    hidden = parts.shape(f"layer{2 * count - 1}.bias", tensors)[0]
    return build(lambda: Discriminator(widths, hidden, parts.classes), tensors, parts.path)


backbone = Backbone()
