"""The backbone that recognises and loads checkpoints of ALAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import torch

from interpgan_alae.encoder import Discriminator, Encoder
from interpgan_alae.files import Parts, find, read
from interpgan_alae.generator import ALAE, ALAEWithEncoder
from interpgan_alae.network import Network
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
)


class ALAEBackbone:
    """Checkpoints of ALAE: model_submitted.pth and those of a training."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return find(checkpoint) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        parts = read(checkpoint)
        widths, mapping = parts.widths, parts.mapping_widths
        blocks = len(widths) - 1
        tensors = [t for name, t in parts.generator.items() if not name.endswith("blur.weight")]
        notes = [f"The generator is that under {parts.place or 'the top level'}."]
        if parts.encoder:
            notes.append("Its encoder is in the file: inversion.encode needs no other.")
        return Description(
            family="ALAE",
            layout="podgorskiy/ALAE",
            resolution=4 << (blocks - 1),
            channels=parts.channels,
            spaces={
                "z": (mapping[0],),
                "w": (mapping[-1],),
                "w+": (2 * blocks, mapping[-1]),
                "s": (4 * sum(widths[1:]),),
            },
            classes=0,
            parameters=sum(t.numel() for t in (*tensors, *parts.mapping.values())),
            discriminator=bool(parts.head),
            notes=tuple(notes),
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> ALAE:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` accepts.
            options: as of every generator; `resolution` may be any that the training passed.

        Returns:
            The generator, with its encoder and its discriminator where the file has them.

        Raises:
            InterpganError: if a tensor is missing or its shape does not fit, or an option does not apply.
        """
        parts = read(checkpoint)
        widths, mapping, channels = parts.widths, parts.mapping_widths, parts.channels
        blocks = _blocks(options, len(widths) - 1, parts.path)
        network = build(
            lambda: Network(mapping, widths, channels, blocks),
            {**parts.renamed("generator"), **parts.renamed("mapping")},
            parts.path,
        )
        encoder = _encoder(parts, network) if parts.encoder else None
        head = parts.head_widths if parts.head else []
        discriminator = None
        if encoder is not None and head:
            if head[0] != network.width:
                raise InterpganError(
                    f"{parts.path} has a discriminator for codes of {head[0]} numbers, and w has {network.width}; "
                    "it is damaged"
                )
            discriminator = _discriminator(encoder, head, parts.renamed("head"), parts.path)
            encoder = discriminator.encoder
        mean = parts.mean
        if mean is not None and tuple(mean.shape) != (2 * len(network.each), network.width):
            raise InterpganError(
                f"{parts.path} has a mean of w of shape {tuple(mean.shape)}, and its generator "
                f"{2 * len(network.each)} layers of {network.width} numbers; it is damaged"
            )
        mean = None if mean is None else mean.float()
        return _generator(network, encoder, discriminator, mean, options)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> ALAE:
        """Build a saved generator."""
        settings = saved.settings
        shape = settings["network"]
        blocks = _blocks(options, len(shape["widths"]) - 1, path)
        network = build(lambda: Network(**shape, blocks=blocks), saved.part("generator"), path)
        encoder, discriminator = None, None
        if made := settings["encoder"]:
            encoder = build(lambda: Encoder(**made), saved.part("encoder"), path)
        if encoder is not None and (widths := settings["discriminator"]):
            layers = {f"layers.{name}": tensor for name, tensor in saved.part("discriminator").items()}
            discriminator = _discriminator(encoder, widths, layers, path)
            encoder = discriminator.encoder
        return _generator(network, encoder, discriminator, saved.tensors["mean"], options)


def _encoder(parts: Parts, network: Network) -> Encoder:
    widths, channels = parts.encoder_widths, network.shape["channels"]
    if len(widths) - 1 != len(network.each):
        raise InterpganError(
            f"{parts.path} has an encoder of {len(widths) - 1} blocks and a generator of {len(network.each)}; "
            "it is damaged"
        )
    return build(lambda: Encoder(widths, network.width, channels), parts.renamed("encoder"), parts.path)


def _discriminator(
    encoder: Encoder, widths: Sequence[int], layers: Mapping[str, torch.Tensor], path: Path
) -> Discriminator:
    """The discriminator with the encoder's own tensors: in memory once."""
    tensors = {**layers, **{f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}}
    return build(lambda: Discriminator(Encoder(**encoder.shape), widths), tensors, path)


def _blocks(options: LoadOptions, count: int, path: Path) -> int:
    """How many blocks the resolution of the options needs."""
    check_option("ALAE", "noise", options.noise, get_args(Noise))
    check_option("ALAE", "precision", options.precision, get_args(Precision))
    sizes = [4 << i for i in range(count)]
    if options.resolution is None:
        return count
    if options.resolution not in sizes:
        raise InterpganError(f"{path} draws {', '.join(map(str, sizes))} pixels, not {options.resolution}")
    return sizes.index(options.resolution) + 1


def _generator(
    network: Network,
    encoder: Encoder | None,
    discriminator: Discriminator | None,
    mean: torch.Tensor | None,
    options: LoadOptions,
) -> ALAE:
    """In the precision and on the device of the options."""
    if encoder is None:
        generator = ALAE(network, options.noise, mean)
    else:
        generator = ALAEWithEncoder(network, encoder, options.noise, mean, discriminator)
    network.cast(getattr(torch, options.precision))
    return generator.to(options.device)


backbone = ALAEBackbone()
