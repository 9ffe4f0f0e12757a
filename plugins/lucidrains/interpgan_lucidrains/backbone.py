"""The backbone that recognises and loads checkpoints of stylegan2-pytorch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import get_args

import torch

from interpgan_core import InterpganError
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
from interpgan_lucidrains.discriminator import Discriminator
from interpgan_lucidrains.files import (
    USUAL_RATE,
    Parts,
    discriminator_tensors,
    find,
    network_tensors,
    rate_beside,
    read,
)
from interpgan_lucidrains.generator import LucidrainsGenerator
from interpgan_lucidrains.network import Network


@dataclass(frozen=True)
class LucidrainsOptions(LoadOptions):
    """How one is loaded.

    Args:
        lr_mlp: see `LoadLucidrains`.
    """

    lr_mlp: float | None = None


class LucidrainsBackbone:
    """Checkpoints of stylegan2-pytorch: models/NAME/model_N.pt."""

    options = LucidrainsOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return find(checkpoint) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        parts = read(checkpoint)
        channels, width = parts.channels, parts.width
        rows = 2 * parts.blocks + (0 if parts.constant else 1)
        styles = sum(2 * out + before for before, out in pairwise(channels))
        spaces = {
            "z": (width,),
            "w": (width,),
            "w+": (rows, width),
            "s": (styles + (0 if parts.constant else width),),
        }
        notes = []
        if parts.averaged:
            notes.append("SE and GE, the averages over the training, are taken; S and G are passed over.")
        if parts.quantised:
            notes.append("The discriminator has a dictionary of features (fq_layers), and is left out.")
        if rate_beside(checkpoint.path) is None:
            notes.append("No .config.json beside it says lr_mlp; 0.1 is taken, or what the step says.")
        return Description(
            family="StyleGAN 2 of lucidrains",
            layout="stylegan2-pytorch",
            resolution=4 * 2 ** (parts.blocks - 1),
            channels=parts.colours,
            spaces=spaces,
            classes=0,
            parameters=sum(t.numel() for t in network_tensors(parts).values()),
            discriminator=bool(parts.discriminator) and not parts.quantised,
            notes=tuple(notes),
        )

    def load(self, checkpoint: Checkpoint, options: LucidrainsOptions) -> LucidrainsGenerator:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` accepts.
            options: see `LucidrainsOptions`.

        Returns:
            The generator, with its discriminator where the file has one without a dictionary of features.

        Raises:
            InterpganError: if a tensor is missing or its shape does not fit, or an option does not apply.
        """
        parts = read(checkpoint)
        rate = options.lr_mlp or rate_beside(checkpoint.path) or USUAL_RATE
        network = build(lambda: _network(parts, rate), network_tensors(parts), parts.path)
        discriminator = None
        if parts.discriminator and not parts.quantised:
            channels, attention = parts.discriminator_channels, parts.discriminator_attention
            features = parts.discriminator_shapes.of("to_logit.weight", 2)[1]
            if attention and attention[-1] >= len(channels) - 1:
                parts.discriminator_shapes.fail(f"has attention behind block {attention[-1]}")
            discriminator = build(
                lambda: Discriminator(channels, features, attention, parts.discriminator_blurred),
                discriminator_tensors(parts),
                parts.path,
            )
        _check(options, network, parts.path)
        generator = LucidrainsGenerator(network, options.noise, discriminator=discriminator)
        network.cast(getattr(torch, options.precision))
        return generator.to(options.device)

    def restore(self, saved: SavedGenerator, path: Path, options: LucidrainsOptions) -> LucidrainsGenerator:
        """Build a saved generator."""
        settings = saved.settings
        network = build(lambda: Network(**settings["network"]), saved.part("generator"), path)
        discriminator = None
        if made := settings["discriminator"]:
            discriminator = build(lambda: Discriminator(**made), saved.part("discriminator"), path)
        _check(options, network, path)
        generator = LucidrainsGenerator(network, options.noise, saved.tensors["mean"], discriminator)
        network.cast(getattr(torch, options.precision))
        return generator.to(options.device)


def _network(parts: Parts, rate: float) -> Network:
    attention = parts.attention
    if attention and attention[-1] >= parts.blocks:
        parts.shapes.fail(f"has attention before block {attention[-1]} of {parts.blocks}")
    return Network(
        *(parts.width, parts.depth, rate, parts.channels, parts.colours, parts.constant),
        attention,
        parts.blurred,
    )


def _check(options: LucidrainsOptions, network: Network, path: Path) -> None:
    model = "a StyleGAN 2 of lucidrains"
    check_option(model, "noise", options.noise, get_args(Noise))
    check_option(model, "precision", options.precision, get_args(Precision))
    if options.lr_mlp is not None and not options.lr_mlp > 0:
        raise InterpganError(f"lr_mlp is a number above 0, 0.1 in most files, not {options.lr_mlp}")
    check_resolution(options.resolution, (network.side, network.side), path)


backbone = LucidrainsBackbone()
