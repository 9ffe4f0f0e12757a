"""The backbone that knows the files of StyleGAN 3."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    check_option,
)
from interpgan_stylegan.v2.architecture import DiscriminatorPlan, as_tuples
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.files import read_discriminator
from interpgan_stylegan.v3.files import read_plan
from interpgan_stylegan.v3.generator import FAMILY, StyleGAN3
from interpgan_stylegan.v3.network import LayerPlan, Network, Plan

MARK = ("synthesis.input.freqs",)


BUFFERS = ("w_avg", "transform", "freqs", "phases", "magnitude_ema", "up_filter", "down_filter")


class StyleGAN3Backbone:
    """State dicts and pickles of NVIDIA's stylegan3."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Does it hold the frequencies of StyleGAN 3's input?"""
        return checkpoint.network(MARK) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is, from its names and shapes alone.

        Raises:
            InterpganError: if tensors are missing.
        """
        tensors, settings = _found(checkpoint)
        shapes = {name: tuple(t.shape) for name, t in tensors.items()}
        plan = read_plan(shapes, settings, checkpoint.path)
        kernel = plan.layers[0].kernel
        return Description(
            family=FAMILY,
            layout="NVIDIA state dict" if settings is None else "NVIDIA pickle",
            resolution=plan.layers[-1].size,
            channels=plan.layers[-1].outputs,
            spaces={
                "z": (plan.z,),
                "w": (plan.w,),
                "w+": (1 + len(plan.layers), plan.w),
                "s": (4 + sum(layer.inputs for layer in plan.layers),),
            },
            classes=plan.classes,
            parameters=sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(BUFFERS)),
            discriminator=read_discriminator(checkpoint, "nvidia")[0] is not None,
            notes=(
                "Configuration T: equivariant to translation."
                if kernel > 1
                else "Configuration R: equivariant to translation and rotation.",
            ),
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> StyleGAN3:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            options: as for every generator; the family has no noise, so that const and none are the same.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if the file is damaged, or an option has no such value.
        """
        tensors, settings = _found(checkpoint)
        plan = read_plan({name: tuple(t.shape) for name, t in tensors.items()}, settings, checkpoint.path)
        discriminator_plan, own = read_discriminator(checkpoint, "nvidia")
        discriminator = None
        if discriminator_plan is not None:
            discriminator = build(lambda: Discriminator(discriminator_plan), own, checkpoint.path)
        return _generator(plan, tensors, discriminator, checkpoint.path, options)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> StyleGAN3:
        """Build a saved generator."""
        settings = saved.settings["plan"]
        layers = tuple(LayerPlan(**layer) for layer in settings["layers"])
        plan = Plan(**{**settings, "layers": layers, "mapping": tuple(settings["mapping"])})
        discriminator = None
        if found := saved.settings["discriminator"]:
            own = DiscriminatorPlan(**as_tuples(found))
            discriminator = build(lambda: Discriminator(own), saved.part("discriminator"), path)
        return _generator(plan, saved.part("generator"), discriminator, path, options)


def _generator(
    plan: Plan,
    tensors: Mapping[str, Tensor],
    discriminator: Discriminator | None,
    path: Path,
    options: LoadOptions,
) -> StyleGAN3:
    """In the precision and on the device of the options."""
    check_option(FAMILY, "noise", options.noise, ("const", "none"))
    check_option(FAMILY, "precision", options.precision, get_args(Precision))
    check_option(FAMILY, "resolution", options.resolution, (None, plan.layers[-1].size))
    network = build(lambda: Network(plan), tensors, path)
    if options.precision != "float32":
        network.synthesis.dtype = getattr(torch, options.precision)
    generator = StyleGAN3(network, plan)
    generator.discriminator = discriminator
    return generator.to(options.device)


def _found(checkpoint: Checkpoint) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    """The network's tensors, and the keyword arguments of its constructor."""
    network = checkpoint.network(MARK)
    if network is None:
        raise InterpganError(f"{checkpoint.path} holds no generator of StyleGAN 3")
    return dict(network.tensors), network.settings


backbone = StyleGAN3Backbone()
