"""The backbone that recognises and loads checkpoints of PGGAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

import torch

from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Precision,
    SavedGenerator,
    build,
    channels_last,
    check_option,
    renamed,
)
from interpgan_pggan.discriminator import Discriminator
from interpgan_pggan.files import INPUTS, USUAL_INPUTS, Parts, knows, plain_kernels, read
from interpgan_pggan.generator import PGGAN
from interpgan_pggan.network import Network


@dataclass(frozen=True)
class PGGANOptions(LoadOptions):
    """How a PGGAN is loaded: as every generator, but it has no noise and one resolution.

    Args:
        lod: see `LoadPGGAN`.
        classes: how many of the inputs are a label; None = what the file says.
        fused_scale: are the upsampling layers transposed convolutions? None = what the shapes say; they show
            nothing where all layers have the same width, and then there are none.
        final_tanh: does the network end in a tanh? No file says so; no published network has one.
    """

    lod: float | None = None
    classes: int | None = None
    fused_scale: bool | None = None
    final_tanh: bool = False

    of_saved: ClassVar[tuple[str, ...]] = ("lod",)


class PGGANBackbone:
    """Checkpoints of PGGAN: genforce's, and InterFaceGAN's."""

    options = PGGANOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return knows(checkpoint)

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        parts = read(checkpoint)
        is_certain = parts.discriminator or parts.inputs <= USUAL_INPUTS
        guess = f"The file does not say how many inputs are a label; {USUAL_INPUTS} are taken for z."
        return Description(
            family="PGGAN",
            layout=parts.layout,
            resolution=_size(parts.base, len(parts.widths)),
            channels=parts.channels,
            spaces={"z": (parts.inputs - parts.classes,)},
            classes=parts.classes,
            parameters=sum(tensor.numel() for tensor in parts.generator.values()),
            discriminator=bool(parts.discriminator),
            notes=() if is_certain else (guess,),
        )

    def load(self, checkpoint: Checkpoint, options: PGGANOptions) -> PGGAN:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` accepts.
            options: see `PGGANOptions`.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or its shape does not fit its neighbours', or an option does
                not apply.
        """
        parts = read(checkpoint)
        lod = _checked_lod(
            parts.path, _size(parts.base, len(parts.widths)), len(parts.widths), parts.lod, options
        )
        fused = parts.fused if options.fused_scale is None else options.fused_scale
        classes = parts.classes if options.classes is None else options.classes
        if not 0 <= classes < parts.inputs:
            raise InterpganError(
                f"{parts.path} takes {parts.inputs} inputs; they cannot be {classes} classes"
            )
        network = build(
            lambda: Network(parts.inputs, parts.widths, lod, options.final_tanh, parts.base, parts.channels),
            plain_kernels(parts, fused),
            parts.path,
        )
        discriminator = _discriminator(parts, fused) if parts.discriminator else None
        return _generator(network, classes, discriminator, options)

    def restore(self, saved: SavedGenerator, path: Path, options: PGGANOptions) -> PGGAN:
        """Build a saved generator."""
        settings = renamed(saved.settings, {"judge": "discriminator"})  # as earlier versions wrote it
        shape, arguments = settings["network"], settings["discriminator"]
        blocks = len(shape["widths"])
        lod = _checked_lod(path, _size(shape.get("base", (4, 4)), blocks), blocks, shape["lod"], options)
        network = build(lambda: Network(**{**shape, "lod": lod}), saved.part("generator"), path)
        discriminator = None
        if arguments:
            discriminator = build(lambda: Discriminator(**arguments), saved.part("discriminator"), path)
            discriminator.group = settings["group"]
        return _generator(network, settings["classes"], discriminator, options)


def _size(base: Sequence[int], blocks: int) -> tuple[int, int]:
    """Of the images."""
    return base[0] * 2 ** (blocks - 1), base[1] * 2 ** (blocks - 1)


def _checked_lod(path: Path, size: tuple[int, int], blocks: int, own: float, options: PGGANOptions) -> float:
    """The level of detail of the options, or else the file's own; an option that does not apply is refused."""
    check_option("PGGAN", "noise", options.noise, ("const", "none"))
    check_option("PGGAN", "precision", options.precision, get_args(Precision))
    if options.resolution not in (None, max(size)):
        raise InterpganError(f"{path} draws {max(size)} pixels only; the smaller images of its training: lod")
    lod = own if options.lod is None else float(options.lod)
    if not 0 <= lod < blocks:
        raise InterpganError(f"{path} has lod 0 to {blocks - 1}, not {lod:g}; 0 shows every layer")
    return lod


def _discriminator(parts: Parts, fused: bool) -> Discriminator:
    shapes = parts.discriminator_shapes
    count = shapes.count(INPUTS)
    widths = [shapes.of(f"input{j}.bias", 1)[0] for j in range(count)]
    hidden, features = shapes.of(f"layer{2 * count - 1}.weight", 2)
    if features % widths[-1] or not features:
        shapes.fail(f"has layer{2 * count - 1}.weight of {features} columns for {widths[-1]} channels")
    outputs, area = shapes.of(f"layer{2 * count}.bias", 1)[0], features // widths[-1]
    channels = shapes.of("input0.weight", 4)[1]
    return build(
        lambda: Discriminator(widths, hidden, outputs, fused, area, channels), parts.discriminator, parts.path
    )


def _generator(
    network: Network, classes: int, discriminator: Discriminator | None, options: PGGANOptions
) -> PGGAN:
    """In the memory layout, the precision and on the device of the options."""
    generator = PGGAN(network, classes)
    generator.discriminator = discriminator
    channels_last(network, getattr(torch, options.precision))
    return generator.to(options.device)


backbone = PGGANBackbone()
