"""The backbone that knows the files of StyleGAN 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Noise,
    Precision,
    Shapes,
    build,
    channels_last,
    check_option,
)
from interpgan_stylegan.generator import MEAN_CODES
from interpgan_stylegan.v1.discriminator import Discriminator
from interpgan_stylegan.v1.files import Fused, Parts, knows, plain_kernels, read
from interpgan_stylegan.v1.generator import FAMILY, StyleGAN1
from interpgan_stylegan.v1.network import Mapping, Network, Synthesis


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


class StyleGAN1Backbone:
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
            channels=parts.channels,
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
        if options.resolution not in (None, max(_size(parts))):
            raise InterpganError(
                f"{checkpoint.path} draws {max(_size(parts))} pixels only; the smaller pictures of its training: lod"
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
                Mapping(parts.z, parts.mapping, parts.classes),
                Synthesis(parts.widths, w, lod, parts.base, parts.channels),
                w,
            ),
            tensors,
            checkpoint.path,
        )
        if parts.w_avg is None:
            network.w_avg.copy_(_mean(network))
        generator = StyleGAN1(network, options.noise)
        channels_last(network.synthesis)
        if parts.discriminator:
            generator.discriminator = _discriminator(parts)
        network.synthesis.cast(getattr(torch, options.precision))
        return generator.to(options.device)


def _size(parts: Parts) -> tuple[int, int]:
    doubled = 2 ** (len(parts.widths) - 1)
    return parts.base[0] * doubled, parts.base[1] * doubled


def _mean(network: Network) -> Tensor:
    """The mean of w over the first seeds, each with the class that `Generator.sample` draws for it."""
    generator = StyleGAN1(network)
    return generator.to_space(generator.sample(range(MEAN_CODES)), "w").codes.mean(0)


def _discriminator(parts: Parts) -> Discriminator:
    shapes = Shapes(parts.discriminator, parts.path, FAMILY)
    count = shapes.count(r"input(\d+)\.(?:weight|bias)")
    widths = [shapes.of(f"input{j}.bias", 1)[0] for j in range(count)]
    hidden, features = shapes.of(f"layer{2 * count - 1}.weight", 2)
    if features % widths[-1] or not features:
        shapes.fail(f"has layer{2 * count - 1}.weight of {features} columns for {widths[-1]} channels")
    area, channels = features // widths[-1], shapes.of("input0.weight", 4)[1]
    return build(
        lambda: Discriminator(widths, hidden, parts.classes, area, channels), parts.discriminator, parts.path
    )


backbone = StyleGAN1Backbone()
