"""The backbone that recognises and loads checkpoints of R3GAN."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import torch

from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Precision,
    SavedGenerator,
    build,
    check_option,
    check_resolution,
)
from interpgan_r3gan.files import Part, find, read
from interpgan_r3gan.generator import R3GAN
from interpgan_r3gan.network import Discriminator, Network


class R3GANBackbone:
    """Checkpoints of R3GAN: network-snapshot-NUMBER.pkl, and those of Hugging Face's hub."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return find(checkpoint) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        part, judge = read(checkpoint)
        return Description(
            family="R3GAN",
            layout="brownvc/R3GAN",
            resolution=4 << (len(part.stages) - 1),
            channels=part.channels,
            spaces={"z": (part.inputs,)},
            classes=part.embedded[1],
            parameters=sum(t.numel() for name, t in part.tensors.items() if not name.endswith(".Kernel")),
            discriminator=judge is not None,
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> R3GAN:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` accepts.
            options: as of every generator.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or its shape does not fit, or an option does not apply.
        """
        part, judge = read(checkpoint)
        embedded, classes = part.embedded
        inputs, stages, channels = part.inputs, part.stages, part.channels
        network = build(
            lambda: Network(inputs, classes, embedded, stages, channels), part.renamed(), part.path
        )
        discriminator = None if judge is None else _discriminator(judge, classes)
        return _generator(network, discriminator, options, part.path)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> R3GAN:
        """Build a saved generator."""
        settings = saved.settings
        network = build(lambda: Network(**settings["network"]), saved.part("generator"), path)
        discriminator = None
        if made := settings["discriminator"]:
            discriminator = build(lambda: Discriminator(**made), saved.part("discriminator"), path)
        return _generator(network, discriminator, options, path)


def _discriminator(part: Part, classes: int) -> Discriminator:
    if part.embedded[1] != classes:
        raise InterpganError(
            f"{part.path} is damaged: it holds a generator of {classes} classes, a discriminator of {part.embedded[1]}"
        )
    stages, outputs, channels = part.stages, part.outputs, part.channels
    return build(lambda: Discriminator(classes, stages, outputs, channels), part.renamed(), part.path)


def _generator(
    network: Network, discriminator: Discriminator | None, options: LoadOptions, path: Path
) -> R3GAN:
    """In the precision and on the device of the options."""
    check_option("R3GAN", "noise", options.noise, ("const", "none"))  # it has none, which is the same
    check_option("R3GAN", "precision", options.precision, get_args(Precision))
    check_resolution(options.resolution, (network.side, network.side), path)
    generator = R3GAN(network)
    generator.discriminator = discriminator
    network.to(getattr(torch, options.precision))
    return generator.to(options.device)


backbone = R3GANBackbone()
