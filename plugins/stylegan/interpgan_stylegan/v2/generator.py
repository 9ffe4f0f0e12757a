"""StyleGAN 2 as a generator: its spaces, its layers, and how codes become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import torch
from torch import Tensor

from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator, fingerprint
from interpgan_core.latents import LatentBatch, LatentSpace, seeded_normal
from interpgan_core.models import Noise
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.network import Network
from interpgan_stylegan.v2.plan import Plan

MEAN_CODES = 10_000  # of which the mean of w is taken where the file has none


class StyleGAN2(Generator):
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

    module: Network
    discriminator: Discriminator

    def __init__(self, network: Network, plan: Plan, mean: Tensor | None, noise: Noise = "const") -> None:
        self.module, self.classes, self.noise = network, plan.classes, noise
        self.fingerprint = _fingerprint(network, plan.shift)
        self.layers = [
            f"synthesis.b{4 * 2**i}.{name}"
            for i, block in enumerate(network.synthesis.blocks)
            for name in block.styled
            if name != "torgb"
        ]
        styled = list(network.synthesis.styled())
        numbers = torch.tensor([number for number, _ in styled])
        widths = torch.tensor([layer.weight.shape[1] for _, layer in styled])
        spaces = [
            LatentSpace("z", (plan.z,)),
            LatentSpace("w", (plan.w,)),
            LatentSpace("w+", (plan.codes, plan.w), torch.arange(plan.codes)[:, None], base="w"),
            LatentSpace("s", (int(widths.sum()),), numbers.repeat_interleave(widths)),
        ]
        self.spaces = {space.name: space for space in spaces}
        if mean is None:
            mean = self.to_space(self.sample(range(MEAN_CODES)), "w").codes.mean(0)
        for name in ("w", "w+", "s"):
            centre = self.map(mean.float()[None], "w", name, None)[0]
            self.spaces[name] = replace(self.spaces[name], mean=centre)

    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of z."""
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """z -> w -> w+ -> s, as far as asked.

        Raises:
            InterpganError: if the generator has classes, and codes of z come without labels.
        """
        if source == "z" and target != "z":
            if self.classes and labels is None:
                raise InterpganError(
                    f"this generator has {self.classes} classes, and these codes name none; "
                    "sample them with classes"
                )
            codes = self.module.mapping(codes, labels if self.classes else None)
        if source in ("z", "w") and target in ("w+", "s"):
            codes = codes[:, None].expand(-1, *self.spaces["w+"].shape)
        return self.module.synthesis.styles(codes) if target == "s" and source != "s" else codes

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures. On a CPU, in float32 and without gradients or hooks, the bytes of each are the same in a
        batch of any size.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        return self.module.synthesis(self.to_space(batch, "s").codes, self._noise(batch))

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
        if space not in ("w", "w+"):
            raise InterpganError(f"styles are made from codes of w or w+, not {space}; choose one of these")
        if layer not in range(len(self.layers) + 1):
            raise InterpganError(f"there is no layer {layer}; layers are 0 to {len(self.layers)}")
        *_, last = self.module.synthesis.styled()
        return [*self.module.synthesis.convs, last[1]][layer].affine.weight

    def _noise(self, batch: LatentBatch) -> list[Tensor | None]:
        convs = self.module.synthesis.convs
        if self.noise == "none" or not hasattr(convs[0], "noise_const"):
            return [None] * len(convs)
        if self.noise == "const":
            return [conv.noise_const[None, None] for conv in convs]
        if batch.seeds is None:
            raise InterpganError(
                "random noise is drawn from each sample's seed, and these codes have none (inverted codes "
                "never do); load the generator with noise: const or none"
            )
        seeds = batch.seeds.tolist()
        return [
            seeded_normal(seeds, (1, conv.side, conv.side), stream=k + 1).to(conv.noise_const)
            for k, conv in enumerate(convs)
        ]


def _fingerprint(network: Network, shift: float) -> str:
    """Of the weights as they act: the same in every layout, whose epsilon and clamp do not count."""
    acting = {
        name: t + shift if name.endswith("affine.bias") else t for name, t in network.state_dict().items()
    }
    return fingerprint(SimpleNamespace(state_dict=lambda: acting))
