"""StyleGAN 3 as a generator, and as a family that knows its files."""

from __future__ import annotations

import math
from typing import get_args

import torch
from torch import Tensor

from interpgan_core import LatentBatch
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Precision,
    build,
    check_option,
    fingerprint,
)
from interpgan_stylegan import nvidia
from interpgan_stylegan.generator import StyleGenerator
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.read import read_discriminator
from interpgan_stylegan.v3.network import Network, Plan
from interpgan_stylegan.v3.plan import read_plan

FAMILY = "StyleGAN 3"
NETWORKS = ("G_ema", "G")  # in a file, the best first
BUFFERS = ("w_avg", "transform", "freqs", "phases", "magnitude_ema", "up_filter", "down_filter")


class StyleGAN3(StyleGenerator):
    """StyleGAN 3, configurations T and R.

    Spaces: z, w, w+ (a code for the input and for each convolution) and s: the four numbers that turn and
    move the input, then the styles of the convolutions, as their affine layers make them.
    Layers have the numbers of their codes in w+: 0 is the input, k the convolution L(k-1), the last makes
    the picture. Maps have margins, which the last two layers have not.

    Args:
        network: on the CPU, in float32.
        plan: what it was made of.

    Attributes:
        discriminator: only where the file has one; it is StyleGAN 2's.

    Source:
        Karras et al., Alias-Free Generative Adversarial Networks, NeurIPS 2021, sections 2 and 3. The
        published code divides styles by their root mean square over the whole batch; here it is each
        sample's own, so that a picture does not depend on its neighbours. Demodulation cancels either, but
        for its constant of 1e-8.
    """

    module: Network
    discriminator: Discriminator

    def __init__(self, network: Network, plan: Plan) -> None:
        self.module, self.classes = network, plan.classes
        self.fingerprint = fingerprint(network, plan)
        self.layers = ["synthesis.input", *(f"synthesis.{layer.name}" for layer in plan.layers)]
        styles = [(0, 4), *((k, layer.inputs) for k, layer in enumerate(plan.layers, start=1))]
        self.set_spaces(plan.z, len(self.layers), plan.w, styles, network.mapping.w_avg)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures."""
        return self.module.synthesis(self.to_space(batch, "s").codes)

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: the affine layer of the input (0) or of a convolution.

        Args:
            space: "w" or "w+".
            layer: number of the code in w+.

        Returns:
            (o, d) float32, as the file has it.

        Raises:
            InterpganError: if the space or the layer has none.
        """
        self.check_layer(space, layer)
        return self.module.get_parameter(f"{self.layers[layer]}.affine.weight")


class StyleGAN3Files:
    """State dicts and pickles of NVIDIA's stylegan3."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Does it hold the frequencies of StyleGAN 3's input?"""
        return "synthesis.input.freqs" in nvidia.network(checkpoint, *NETWORKS)[0]

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is, from its names and shapes alone.

        Raises:
            InterpganError: if tensors are missing.
        """
        tensors, settings = nvidia.network(checkpoint, *NETWORKS)
        shapes = {name: tuple(t.shape) for name, t in tensors.items()}
        plan = read_plan(shapes, settings, checkpoint.path)
        kernel = plan.layers[0].kernel
        return Description(
            family=FAMILY,
            layout="NVIDIA state dict" if settings is None else "NVIDIA pickle",
            resolution=plan.layers[-1].size,
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
        tensors, settings = nvidia.network(checkpoint, *NETWORKS)
        plan = read_plan({name: tuple(t.shape) for name, t in tensors.items()}, settings, checkpoint.path)
        check_option(FAMILY, "noise", options.noise, ("const", "none"))
        check_option(FAMILY, "precision", options.precision, get_args(Precision))
        check_option(FAMILY, "resolution", options.resolution, (None, plan.layers[-1].size))
        network = build(lambda: Network(plan), tensors, checkpoint.path)
        if options.precision != "float32":
            network.synthesis.dtype = getattr(torch, options.precision)
        generator = StyleGAN3(network, plan)
        judge, tensors = read_discriminator(checkpoint, "nvidia")
        if judge is not None:
            generator.discriminator = build(lambda: Discriminator(judge), tensors, checkpoint.path)
        return generator.to(options.device)


backbone = StyleGAN3Files()
