"""StyleGAN 2."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import Generator
from interpgan_core.plugin import as_channels, channels_last
from interpgan_stylegan.dense import LEARNING_RATE, Dense
from interpgan_stylegan.v2.architecture import DiscriminatorPlan, Plan
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.generator import StyleGAN2
from interpgan_stylegan.v2.network import Network
from interpgan_training.families.base import Family
from interpgan_training.losses import path_length
from interpgan_training.settings import StyleGAN2Settings


class StyleGAN2Family(Family[Network, Discriminator]):
    """StyleGAN 2: skip generator, residual discriminator, style mixing, lazy R1, path length if asked for.

    Source:
        Karras et al., CVPR 2020; learning rates and moments as its appendix B corrects them for lazy terms.
    """

    settings: StyleGAN2Settings

    @property
    def conditional(self) -> bool:
        return self.settings.conditional

    def plan(self, base: tuple[int, int], classes: int) -> Plan:
        """Of the generator."""
        own = self.settings
        mapping, embedding = (own.w,) * own.mapping, own.z if classes else 0
        return Plan(
            own.z, own.w, mapping, own.widths, "skip", classes, embedding,
            noise=own.noise, base=base, channels=own.channels,
        )  # fmt: skip

    def discriminator_plan(self, base: tuple[int, int], classes: int) -> DiscriminatorPlan:
        """Of the discriminator."""
        own = self.settings
        plan = DiscriminatorPlan(
            own.widths, own.widths[0], "resnet", 1, area=base[0] * base[1], channels=own.channels
        )
        if not classes:
            return plan
        return replace(plan, outputs=own.w, mapping=(own.w,) * own.mapping, classes=classes, embedding=own.w)

    def own_settings(self, generator: Generator) -> dict[str, Any]:
        if not isinstance(generator, StyleGAN2):
            return super().own_settings(generator)
        plan = generator.plan
        return {
            "widths": plan.widths, "channels": plan.channels, "z": plan.z, "w": plan.w,
            "mapping": len(plan.mapping), "noise": plan.noise, "conditional": bool(plan.classes),
        }  # fmt: skip

    def build(self, size: tuple[int, int], classes: int) -> tuple[Network, Discriminator]:
        base = self.base(size)
        networks = (
            Network(self.plan(base, classes)),
            Discriminator(self.discriminator_plan(base, classes)),
        )
        for network in networks:
            for name, parameter in network.named_parameters():
                if name.endswith(("weight", "const")):
                    nn.init.normal_(parameter)
                else:
                    nn.init.zeros_(parameter)
            for part in network.modules():
                if isinstance(part, Dense):
                    part.weight.data /= part.rate
            for buffer in network.buffers():
                buffer.normal_()
            channels_last(network)
        for _, layer in networks[0].synthesis.styled():
            nn.init.ones_(layer.affine.bias)
        return networks

    def codes(self, generator: Network, count: int, labels: Tensor | None, random: torch.Generator) -> Tensor:
        """Codes of w+, (count, l, w), a share of them mixed of two."""
        depth = 2 * len(self.settings.widths)
        device = next(generator.parameters()).device
        z = torch.randn(2, count, self.settings.z, generator=random).to(device)
        cut = torch.randint(1, depth, (count, 1), generator=random)
        cut[torch.rand(count, 1, generator=random) >= self.settings.mixing] = depth
        with torch.autocast(z.device.type, enabled=False):
            first, second = (generator.mapping(each, labels)[:, None] for each in z)
        return torch.where((torch.arange(depth) < cut).to(device)[..., None], first, second)

    def draw(self, generator: Network, codes: Tensor, random: torch.Generator) -> Tensor:
        """Pictures of codes of w+, with new noise."""
        with torch.autocast(codes.device.type, enabled=False):
            styles = generator.synthesis.styles(codes)
        noise: list[Tensor | None] = [
            torch.randn(len(codes), 1, *conv.size, generator=random).to(codes)
            if self.settings.noise
            else None
            for conv in generator.synthesis.convs
        ]
        images: Tensor = generator.synthesis(styles, noise)
        return as_channels(images, 3)

    def groups(self, generator: Network, rate: float) -> list[dict[str, Any]]:
        # The networks store the mapping's weights for a rate of 0.01.
        rates = {
            generator.mapping: rate * self.settings.mapping_rate / LEARNING_RATE,
            generator.synthesis: rate,
        }
        return [{"params": list(part.parameters()), "lr": own} for part, own in rates.items()]

    @property
    def entries(self) -> int:
        return self.settings.z

    def paint(
        self, generator: Network, z: Tensor, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            codes = generator.mapping(z, labels)[:, None].expand(-1, 2 * len(self.settings.widths), -1)
        return self.draw(generator, codes, random)

    def fakes(
        self, generator: Network, count: int, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        return self.draw(generator, self.codes(generator, count, labels, random), random)

    def logits(
        self, discriminator: Discriminator, images: Tensor, labels: Tensor | None, stage: Any
    ) -> Tensor:
        logits: Tensor = discriminator(blurred(images, stage), labels)[:, 0]
        return logits

    def stage(self, seen: int) -> float:
        """How many pixels the discriminator's pictures are blurred by."""
        return self.settings.blur * max(0.0, 1 - seen / (1000 * self.settings.blur_kimg))

    def penalty(
        self,
        generator: Network,
        count: int,
        labels: Tensor | None,
        random: torch.Generator,
        step: int,
        memory: dict[str, float],
    ) -> Tensor | None:
        """Path length regularisation, on half the batch."""
        if not self.settings.path_length or step % self.settings.path_interval:
            return None
        half = max(count // 2, 1)
        codes = self.codes(generator, half, None if labels is None else labels[:half], random)
        lengths = path_length(self.draw(generator, codes, random), codes, random)
        mean = memory.get("path", 0.0)
        memory["path"] = mean + 0.01 * (float(lengths.detach().mean()) - mean)
        return (
            self.settings.path_length
            * self.settings.path_interval
            * (lengths - memory["path"]).square().mean()
        )

    def finish(
        self, generator: Network, discriminator: Discriminator, size: tuple[int, int], classes: int
    ) -> Generator:
        network = deepcopy(generator).eval().requires_grad_(False).float().cpu()
        made = StyleGAN2(
            network, self.plan(self.base(size), classes), None, "const" if self.settings.noise else "none"
        )
        made.discriminator = deepcopy(discriminator).eval().requires_grad_(False).float().cpu()
        return made


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; less than a fifth of a pixel is none.

    Args:
        images: (n, 3, h, h).
        sigma: of the Gaussian, in pixels.

    Returns:
        (n, 3, h, h); at the edge, of what there is.
    """
    if sigma < 0.2:
        return images
    # Two products with a small matrix: on a CPU far quicker than convolutions of three channels.
    places = torch.arange(images.shape[-1], device=images.device)
    near = torch.exp(-(places[:, None] - places).square() / (2 * sigma**2))
    near = (near / near.sum(1, keepdim=True)).to(images)
    return near @ images @ near.T
