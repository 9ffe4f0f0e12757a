"""StyleGAN 2 as a generator: its spaces, its layers, and how codes become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor

from interpgan_core import LatentBatch
from interpgan_core.plugin import Noise, SavedGenerator, fingerprint, state_of
from interpgan_stylegan.generator import StyleGenerator, seeded_noise
from interpgan_stylegan.v2.architecture import Plan
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.network import Network


class StyleGAN2(StyleGenerator):
    """StyleGAN 2: z -> w -> w+ -> s (StyleSpace: the styles themselves, in the order of use) -> pictures.

    Layers have the numbers of their codes in w+: 0 is the convolution at 4 pixels, 2i - 1 and 2i are those at
    4 * 2^i pixels, and one more makes the last picture. A smaller picture shares its number with the layer
    after it.

    Args:
        network: on the CPU, in float32.
        plan: what it was made of.
        mean: (d,) the mean of w; None: taken from 10,000 samples.
        noise: const: the network's own maps; none; random: drawn from each sample's seed.

    Attributes:
        discriminator: only where the checkpoint has one.

    Source:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020. StyleSpace: Wu et al.,
        CVPR 2021.
    """

    codes_of = "StyleGAN 2"

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, plan: Plan, mean: Tensor | None, noise: Noise = "const") -> None:
        self.module, self.classes, self.noise, self.plan = network, plan.classes, noise, plan
        self.fingerprint = _fingerprint(network, plan.shift)
        self.layers = [
            f"synthesis.b{4 * 2**i}.{name}"
            for i, block in enumerate(network.synthesis.blocks)
            for name in block.styled
            if name != "torgb"
        ]
        styles = [(number, layer.weight.shape[1]) for number, layer in network.synthesis.styled()]
        self.set_spaces(plan.z, plan.codes, plan.w, styles, mean)

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures. On a CPU, in float32 and without gradients or hooks, the bytes of each are the same in a
        batch of any size.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        images: Tensor = self.module.synthesis(self.to_space(batch, "s").codes, self._noise(batch))
        return images

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: the affine layer that makes a convolution's style, or the last picture's.

        Args:
            space: "w" or "w+".
            layer: number of the code in w+.

        Returns:
            (o, d) float32, as the file has it.

        Raises:
            InterpganError: if the space or the layer has none.
        """
        self.check_style_layer(space, layer)
        *_, last = self.module.synthesis.styled()
        return [*self.module.synthesis.convs, last[1]][layer].affine.weight

    def saved(self) -> SavedGenerator:
        """Both plans, both networks, and the mean of w."""
        discriminator = self.discriminator
        settings = {"plan": asdict(self.plan), "discriminator": discriminator and asdict(discriminator.plan)}
        tensors = state_of(generator=self.module, discriminator=discriminator)
        if (mean := self.spaces["w"].mean) is not None:
            tensors["mean"] = mean
        return SavedGenerator("stylegan.v2", settings, tensors)

    def _noise(self, batch: LatentBatch) -> Sequence[Tensor | None]:
        convs = self.module.synthesis.convs
        if self.noise == "none" or not hasattr(convs[0], "noise_const"):
            return [None] * len(convs)
        own: list[Tensor] = [conv.noise_const[None, None] for conv in convs]
        return own if self.noise == "const" else seeded_noise(batch, own)


def _fingerprint(network: Network, shift: float) -> str:
    """Of the weights as they act: the same in every layout, whose epsilon and clamp do not count."""
    acting = {
        name: t + shift if name.endswith("affine.bias") else t for name, t in network.state_dict().items()
    }
    return fingerprint(acting)
