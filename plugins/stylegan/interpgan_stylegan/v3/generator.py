"""StyleGAN 3 as a generator."""

from __future__ import annotations

from dataclasses import asdict

from torch import Tensor

from interpgan_core import LatentBatch
from interpgan_core.plugin import SavedGenerator, fingerprint, state_of
from interpgan_stylegan.generator import StyleGenerator
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v3.network import Network, Plan

FAMILY = "StyleGAN 3"


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

    codes_of = FAMILY

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, plan: Plan) -> None:
        self.module, self.classes, self.plan = network, plan.classes, plan
        self.fingerprint = fingerprint(network, plan)
        self.layers = ["synthesis.input", *(f"synthesis.{layer.name}" for layer in plan.layers)]
        styles = [(0, 4), *((k, layer.inputs) for k, layer in enumerate(plan.layers, start=1))]
        self.set_spaces(plan.z, len(self.layers), plan.w, styles, network.mapping.w_avg)

    def saved(self) -> SavedGenerator:
        """Both networks and their plans."""
        discriminator = self.discriminator
        settings = {"plan": asdict(self.plan), "discriminator": discriminator and asdict(discriminator.plan)}
        tensors = state_of(generator=self.module, discriminator=discriminator)
        return SavedGenerator("stylegan.v3", settings, tensors)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures."""
        images: Tensor = self.module.synthesis(self.to_space(batch, "s").codes)
        return images

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
        self.check_style_layer(space, layer)
        return self.module.get_parameter(f"{self.layers[layer]}.affine.weight")
