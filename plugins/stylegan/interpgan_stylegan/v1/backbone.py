"""The backbone that knows the files of StyleGAN 1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

import torch
from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Noise,
    Precision,
    SavedGenerator,
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

    of_saved: ClassVar[tuple[str, ...]] = ("lod",)


_LAYERED = (
    "Its mapping makes a code of its own for each layer, as of IDInvert: there is no w; pictures pass a tanh."
)


class StyleGAN1Backbone:
    """Checkpoints of StyleGAN 1: genforce's, InterFaceGAN's, and IDInvert's."""

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
                **({} if parts.layered else {"w": (parts.w,)}),
                "w+": (2 * len(parts.widths), parts.w),
                "s": (4 * sum(parts.widths),),
            },
            classes=parts.classes,
            parameters=sum(
                tensor.numel() for name, tensor in parts.generator.items() if not name.endswith(".noise")
            ),
            discriminator=bool(parts.discriminator),
            notes=(_LAYERED,) if parts.layered else (),
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
        check_option(FAMILY, "fused_scale", options.fused_scale, ("auto", True, False))
        lod = _checked_lod(parts.path, _size(parts), len(parts.widths), parts.lod, options)
        w = parts.w
        tensors = plain_kernels(parts, options.fused_scale)
        tensors["w_avg"] = torch.zeros(w) if parts.w_avg is None else parts.w_avg
        network = build(
            lambda: Network(
                Mapping(parts.z, parts.mapping, parts.classes),
                Synthesis(parts.widths, w, lod, parts.base, parts.channels, tanh=parts.layered),
                w,
            ),
            tensors,
            checkpoint.path,
        )
        if parts.w_avg is None:
            network.w_avg.copy_(_mean(network))
        discriminator = _discriminator(parts) if parts.discriminator else None
        return _generator(network, discriminator, options)

    def restore(self, saved: SavedGenerator, path: Path, options: StyleGAN1Options) -> StyleGAN1:
        """Build a saved generator."""
        mapping, shape = saved.settings["mapping"], saved.settings["synthesis"]
        blocks, base = len(shape["widths"]), shape["base"]
        size = (base[0] * 2 ** (blocks - 1), base[1] * 2 ** (blocks - 1))
        shape = {**shape, "lod": _checked_lod(path, size, blocks, shape["lod"], options)}
        network = build(
            lambda: Network(Mapping(**mapping), Synthesis(**shape), shape["w"]), saved.part("generator"), path
        )
        discriminator = None
        if arguments := saved.settings["discriminator"]:
            discriminator = build(lambda: Discriminator(**arguments), saved.part("discriminator"), path)
        return _generator(network, discriminator, options)


def _checked_lod(
    path: Path, size: tuple[int, int], blocks: int, own: float, options: StyleGAN1Options
) -> float:
    """The level of detail of the options, or else the file's own; an option that does not apply is refused."""
    check_option(FAMILY, "noise", options.noise, get_args(Noise))
    check_option(FAMILY, "precision", options.precision, get_args(Precision))
    if options.resolution not in (None, max(size)):
        raise InterpganError(
            f"{path} draws {max(size)} pixels only; the smaller pictures of its training: lod"
        )
    lod = own if options.lod is None else float(options.lod)
    if not 0 <= lod < blocks:
        raise InterpganError(f"{path} has lod 0 to {blocks - 1}, not {lod:g}; 0 shows every layer")
    return lod


def _generator(network: Network, discriminator: Discriminator | None, options: StyleGAN1Options) -> StyleGAN1:
    """In the memory layout, the precision and on the device of the options."""
    generator = StyleGAN1(network, options.noise)
    channels_last(network.synthesis)
    generator.discriminator = discriminator
    network.synthesis.cast(getattr(torch, options.precision))
    return generator.to(options.device)


def _size(parts: Parts) -> tuple[int, int]:
    doubled = 2 ** (len(parts.widths) - 1)
    return parts.base[0] * doubled, parts.base[1] * doubled


def _mean(network: Network) -> Tensor:
    """The mean of w over the first seeds, each with the class that `Generator.sample` draws for it."""
    generator = StyleGAN1(network)
    space = "w" if "w" in generator.spaces else "w+"
    return generator.to_space(generator.sample(range(MEAN_CODES)), space).codes.flatten(0, -2).mean(0)


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
