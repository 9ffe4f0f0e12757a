"""The backbone that knows the files of PGGAN."""

from __future__ import annotations

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
from interpgan_pggan.files import USUAL_INPUTS, Parts, knows, layers_of, plain_kernels, read
from interpgan_pggan.generator import PGGAN
from interpgan_pggan.network import Network


@dataclass(frozen=True)
class PGGANOptions(LoadOptions):
    """How a PGGAN is loaded: as every generator, without noise of its own and in the file's own resolution.

    Args:
        lod: how many doublings of the size to leave out, as in training: 1 shows the image at half the size,
            enlarged; 1.4 blends 0.6 of that and 0.4 of lod 2. None = the file's own, 0 where training came to its
            end.
        classes: how many of the inputs are a label; None = what the file says.
        fused_scale: did the upsampling layers learn transposed convolutions? None = what the shapes say; they do
            not where all layers have the same width.
        final_tanh: does a tanh end the network? No file says; no published one has it.
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
        sure = parts.discriminator or parts.inputs <= USUAL_INPUTS
        guess = f"The file does not say how many inputs are a label; {USUAL_INPUTS} are taken for z."
        return Description(
            family="PGGAN",
            layout=parts.layout,
            resolution=2 ** (len(parts.widths) + 1),
            spaces={"z": (parts.inputs - parts.classes,)},
            classes=parts.classes,
            parameters=sum(tensor.numel() for tensor in parts.generator.values()),
            discriminator=bool(parts.discriminator),
            notes=() if sure else (guess,),
        )

    def load(self, checkpoint: Checkpoint, options: PGGANOptions) -> PGGAN:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            options: see `PGGANOptions`.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or has another shape than its neighbours ask for, or an
                option does not apply.
        """
        parts = read(checkpoint)
        lod = _checked(checkpoint.path, len(parts.widths), parts.lod, options)
        fused = parts.fused if options.fused_scale is None else options.fused_scale
        classes = parts.classes if options.classes is None else options.classes
        if not 0 <= classes < parts.inputs:
            raise InterpganError(
                f"{checkpoint.path} takes {parts.inputs} inputs; they cannot be {classes} classes"
            )
        network = build(
            lambda: Network(parts.inputs, parts.widths, lod, options.final_tanh),
            plain_kernels(parts, fused),
            checkpoint.path,
        )
        generator = PGGAN(network, classes)
        channels_last(network)
        if parts.discriminator:
            generator.discriminator = _discriminator(parts, fused)
        network.to(getattr(torch, options.precision))
        return generator.to(options.device)

    def restore(self, saved: SavedGenerator, path: Path, options: PGGANOptions) -> PGGAN:
        """Make a saved generator again."""
        settings = renamed(saved.settings, {"judge": "discriminator"})
        shape, discriminator = settings["network"], settings["discriminator"]
        lod = _checked(path, len(shape["widths"]), shape["lod"], options)
        network = build(lambda: Network(**{**shape, "lod": lod}), saved.part("generator"), path)
        generator = PGGAN(network, settings["classes"])
        channels_last(network)
        if discriminator:
            generator.discriminator = build(
                lambda: Discriminator(**discriminator), saved.part("discriminator"), path
            )
            generator.discriminator.group = settings["group"]
        network.to(getattr(torch, options.precision))
        return generator.to(options.device)


def _checked(path: Path, blocks: int, own: float, options: PGGANOptions) -> float:
    """The level of detail asked for, or the file's own; every option that does not apply is refused."""
    size = 2 ** (blocks + 1)
    check_option("PGGAN", "noise", options.noise, ("const", "none"))
    check_option("PGGAN", "precision", options.precision, get_args(Precision))
    if options.resolution not in (None, size):
        raise InterpganError(f"{path} draws {size} pixels only; the smaller pictures of its training: lod")
    lod = own if options.lod is None else float(options.lod)
    if not 0 <= lod < blocks:
        raise InterpganError(f"{path} has lod 0 to {blocks - 1}, not {lod:g}; 0 shows every layer")
    return lod


def _discriminator(parts: Parts, fused: bool) -> Discriminator:
    tensors = parts.discriminator
    count = layers_of(tensors, "input")
    widths = [parts.shape(f"input{j}.bias", tensors)[0] for j in range(count)]
    hidden, outputs = (parts.shape(f"layer{2 * count + k}.bias", tensors)[0] for k in (-1, 0))
    return build(lambda: Discriminator(widths, hidden, outputs, fused), tensors, parts.path)


backbone = PGGANBackbone()
