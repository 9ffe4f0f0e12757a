"""The backbone that recognises and loads checkpoints of DCGANs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

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
    check_resolution,
)
from interpgan_dcgan.files import Chain, find, find_discriminator, nothing_found, read, read_discriminator
from interpgan_dcgan.generator import DCGAN
from interpgan_dcgan.network import Discriminator, Network

USUAL_INPUTS = 100  # of the tutorial


@dataclass(frozen=True)
class DCGANOptions(LoadOptions):
    """How a DCGAN is loaded: as every generator, and what no file says; see `LoadDCGAN`.

    Args:
        classes: how many of the inputs, the last ones, are a label; None = none.
        sigmoid: does it end in a sigmoid? None = in a tanh.
        slope: of its ReLUs below 0; None = 0.
    """

    classes: int | None = None
    sigmoid: bool | None = None
    slope: float | None = None


class DCGANBackbone:
    """Checkpoints of PyTorch's tutorial, and of programs like it."""

    options = DCGANOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return find(checkpoint) is not None

    def unsupported(self, checkpoint: Checkpoint) -> str:
        """A file that holds a discriminator alone."""
        if find_discriminator(checkpoint) is None:
            return ""
        return "is a discriminator of DCGAN; name the file of its generator (netG_… beside netD_…)"

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        chain, discriminator = _read(checkpoint)
        network = _on_meta(chain)
        inputs = chain.steps[0].inputs
        label = f"If some of the {inputs} inputs are a label, say how many: the step dcgan has classes."
        return Description(
            family="DCGAN",
            layout="a chain of transposed convolutions, as PyTorch's tutorial",
            resolution=network.side,
            channels=chain.steps[-1].outputs,
            spaces={"z": (inputs,)},
            classes=0,
            parameters=sum(
                t.numel() for name, t in chain.tensors.items() if not name.endswith((".mean", ".variance"))
            ),
            discriminator=discriminator is not None,
            notes=(label,) if USUAL_INPUTS < inputs < 2 * USUAL_INPUTS and inputs != 128 else (),
        )

    def load(self, checkpoint: Checkpoint, options: DCGANOptions) -> DCGAN:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` accepts.
            options: see `DCGANOptions`.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or its shape does not fit its neighbours', or an option does
                not apply.
        """
        chain, judge = _read(checkpoint)
        inputs, classes = chain.steps[0].inputs, options.classes or 0
        if not 0 <= classes < inputs:
            raise InterpganError(f"{checkpoint.path} takes {inputs} inputs; they cannot be {classes} classes")
        network = build(
            lambda: Network(chain.steps, bool(options.sigmoid), options.slope or 0.0),
            _named(chain),
            checkpoint.path,
        )
        discriminator = None
        if judge is not None:
            steps = judge.steps
            tensors = {f"layers.{name}": tensor for name, tensor in judge.tensors.items()}
            discriminator = build(lambda: Discriminator(steps), tensors, checkpoint.path)
        return _generator(network, classes, discriminator, options, checkpoint.path)

    def restore(self, saved: SavedGenerator, path: Path, options: DCGANOptions) -> DCGAN:
        """Build a saved generator."""
        settings = saved.settings
        network = build(lambda: Network(**settings["network"]), saved.part("generator"), path)
        discriminator = None
        if settings["discriminator"]:
            made: dict[str, Any] = settings["discriminator"]
            discriminator = build(lambda: Discriminator(**made), saved.part("discriminator"), path)
        generator = _generator(network, settings["classes"], discriminator, options, path)
        generator.class_names = tuple(settings["class_names"])
        return generator


def _read(checkpoint: Checkpoint) -> tuple[Chain, Chain | None]:
    found = find(checkpoint)
    if found is None:
        raise nothing_found(checkpoint.path)
    chain, beside = read(found, checkpoint.path), find_discriminator(checkpoint)
    judge = None if beside is None else read_discriminator(beside, checkpoint.path)
    if judge is not None:
        side = _on_meta(chain).side
        for step in judge.steps:
            side = step.reduced(side)
        if side != 1:  # of pictures of another size: strides that no shape shows, or another network's
            judge = None
    return chain, judge


def _named(chain: Chain) -> Mapping[str, Tensor]:
    """Tensors in the names of `Network`: the last layer is `picture`."""
    last = len(chain.steps) - 1
    return {
        f"picture.{rest}" if number == str(last) else f"layers.{name}": tensor
        for name, tensor in chain.tensors.items()
        for number, _, rest in [name.partition(".")]
    }


def _on_meta(chain: Chain) -> Network:
    with torch.device("meta"):
        return Network(chain.steps)


def _generator(
    network: Network, classes: int, discriminator: Discriminator | None, options: DCGANOptions, path: Path
) -> DCGAN:
    """In the memory layout, the precision and on the device of the options."""
    check_option("DCGAN", "noise", options.noise, ("const", "none"))  # it has none, which is the same
    check_option("DCGAN", "precision", options.precision, get_args(Precision))
    check_resolution(options.resolution, (network.side, network.side), path)
    generator = DCGAN(network, classes)
    generator.discriminator = discriminator
    channels_last(network, getattr(torch, options.precision))
    return generator.to(options.device)


backbone = DCGANBackbone()
