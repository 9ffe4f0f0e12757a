"""The backbone that recognises and loads checkpoints of Projected GAN."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import torch

from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Noise,
    Precision,
    SavedGenerator,
    build,
    check_option,
    check_resolution,
)
from interpgan_projected.files import find, read
from interpgan_projected.generator import ProjectedGAN
from interpgan_projected.network import Network


class ProjectedBackbone:
    """Checkpoints of Projected GAN with a FastGAN generator."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return find(checkpoint) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        part = read(checkpoint)
        statistics = (".mean", ".variance")
        return Description(
            family="Projected GAN",
            layout="autonomousvision/projected-gan, FastGAN",
            resolution=4 << len(part.stages),
            channels=part.channels,
            spaces={"z": (part.inputs,)},
            classes=part.classes,
            parameters=sum(t.numel() for name, t in part.renamed().items() if not name.endswith(statistics)),
            discriminator=False,
            notes=("Its discriminator needs another project's network of features, and is not read.",),
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> ProjectedGAN:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` accepts.
            options: as of every generator.

        Returns:
            The generator.

        Raises:
            InterpganError: if a tensor is missing or its shape does not fit, or an option does not apply.
        """
        part = read(checkpoint)
        arguments = part.inputs, part.first, part.stages, part.channels, part.classes
        return _generator(build(lambda: Network(*arguments), part.renamed(), part.path), options, part.path)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> ProjectedGAN:
        """Build a saved generator."""
        shape = saved.settings["network"]
        return _generator(build(lambda: Network(**shape), saved.part("generator"), path), options, path)


def _generator(network: Network, options: LoadOptions, path: Path) -> ProjectedGAN:
    """In the precision and on the device of the options."""
    check_option("Projected GAN", "noise", options.noise, get_args(Noise))
    check_option("Projected GAN", "precision", options.precision, get_args(Precision))
    check_resolution(options.resolution, (network.side, network.side), path)
    generator = ProjectedGAN(network, options.noise)
    network.to(getattr(torch, options.precision))
    return generator.to(options.device)


backbone = ProjectedBackbone()
