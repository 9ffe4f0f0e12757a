"""PGGAN as a generator, and the backbone that knows its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Precision,
    SavedGenerator,
    build,
    check_option,
    fingerprint,
    state_of,
)
from interpgan_pggan.discriminator import Discriminator
from interpgan_pggan.layouts import USUAL_INPUTS, Parts, knows, layers_of, plain_kernels, read
from interpgan_pggan.network import Network


class PGGAN(Generator):
    """A progressive GAN: z (d,) to pictures.

    The only space is z, which drives layer 0; its length does not matter (pixel norm). Layers are named as
    in genforce: `layer0` and `layer1` at 4 pixels, two more for each doubling; up to the size that `lod`
    leaves.

    Args:
        network: in eval mode, on the CPU.
        classes: 0 = unconditional.

    Attributes:
        discriminator: only where the checkpoint has one.

    Source:
        Karras et al., Progressive Growing of GANs, ICLR 2018.
    """

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, classes: int = 0) -> None:
        self.module, self.classes = network, classes
        self.fingerprint = fingerprint(network, "pggan", network.tanh)
        self.layers = tuple(f"layer{k}" for k in range(2 * network.blocks))
        inputs = network.layer0.weight.shape[1] - classes
        self.spaces = {"z": LatentSpace("z", (inputs,), torch.zeros(1, dtype=torch.long))}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(f"PGGAN has the space z alone; there is no way from {source} to {target}")

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures.

        Raises:
            InterpganError: if the generator has classes and the batch no labels.
        """
        if self.classes and batch.labels is None:
            raise InterpganError(f"this generator has {self.classes} classes; give the batch labels")
        pictures = self.module(batch.codes, batch.labels if self.classes else None)
        return pictures.to(torch.promote_types(pictures.dtype, torch.float32))

    def saved(self) -> SavedGenerator:
        """Both networks, and the arguments that they were made with."""
        judge = self.discriminator
        settings = {
            "network": self.module.shape,
            "classes": self.classes,
            "judge": judge and judge.shape,
            "group": judge and judge.group,
        }
        return SavedGenerator("pggan", settings, state_of(generator=self.module, discriminator=judge))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: the first layer's weight, a row for each output at each of 16 places.

        Args:
            space: "z".
            layer: 0.

        Returns:
            (16 o, d) float32, as stored; without the columns of a label.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        if space != "z" or layer != 0:
            raise InterpganError(f"PGGAN takes a code in layer 0 alone, from z; not {space} in layer {layer}")
        places = self.module.layer0.weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2)
        return places[:, : self.spaces["z"].shape[0]].float()


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


class Backbone:
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
        network.to(memory_format=torch.channels_last)
        if parts.discriminator:
            generator.discriminator = _discriminator(parts, fused)
        network.to(getattr(torch, options.precision))
        return generator.to(options.device)

    def restore(self, saved: SavedGenerator, path: Path, options: PGGANOptions) -> PGGAN:
        """Make a saved generator again."""
        shape, judge = (saved.settings[name] for name in ("network", "judge"))
        lod = _checked(path, len(shape["widths"]), shape["lod"], options)
        network = build(lambda: Network(**{**shape, "lod": lod}), saved.part("generator"), path)
        generator = PGGAN(network, saved.settings["classes"])
        network.to(memory_format=torch.channels_last)
        if judge:
            generator.discriminator = build(lambda: Discriminator(**judge), saved.part("discriminator"), path)
            generator.discriminator.group = saved.settings["group"]
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


backbone = Backbone()
