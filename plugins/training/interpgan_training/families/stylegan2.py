"""StyleGAN 2."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from interpgan_core import Generator, InterpganError
from interpgan_stylegan.dense import Dense
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.generator import StyleGAN2
from interpgan_stylegan.v2.network import Network
from interpgan_stylegan.v2.plan import DiscriminatorPlan, Plan
from interpgan_training.families.base import Family
from interpgan_training.losses import Loss, path_length


class TrainStyleGAN2(Family):
    """StyleGAN 2: skip generator, residual discriminator, style mixing, lazy R1, path length if asked for.

    Source:
        Karras et al., CVPR 2020; learning rates and moments as its appendix B corrects them for lazy terms.
    """

    family: Literal["stylegan2"] = "stylegan2"
    widths: tuple[int, ...] = (128, 128, 96, 48, 24)
    """Channels at 4, 8, 16 … pixels, of both networks."""
    z: int = Field(default=128, ge=1)
    w: int = Field(default=128, ge=1)
    mapping: int = Field(default=4, ge=1)
    """Dense layers between z and w."""
    noise: bool = True
    """Is there noise in every layer? Without, every picture follows from its code alone."""
    mixing: float = Field(default=0.9, ge=0, le=1)
    """Share of pictures whose layers take their styles from two codes."""
    path_length: float = Field(default=0.0, ge=0)
    """Weight of path length regularisation; the paper: 2."""
    path_interval: int = Field(default=4, ge=1)
    loss: Loss = "logistic"
    generator_rate: float = 2e-3
    discriminator_rate: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)
    r1: float = 1.0

    def plan(self, classes: int) -> Plan:
        """Of the generator."""
        return Plan(
            self.z,
            self.w,
            (self.w,) * self.mapping,
            self.widths,
            "skip",
            classes,
            self.z if classes else 0,
            noise=self.noise,
        )

    def judge_plan(self, classes: int) -> DiscriminatorPlan:
        """Of the discriminator."""
        told = (self.w,) * self.mapping if classes else ()
        return DiscriminatorPlan(
            self.widths, self.widths[0], "resnet", self.w if classes else 1, told, classes, self.w if classes else 0
        )

    def build(self, resolution: int, classes: int) -> tuple[nn.Module, nn.Module]:
        if resolution != self.plan(classes).resolution:
            raise InterpganError(
                f"{len(self.widths)} widths make {self.plan(classes).resolution} pixels, and the pictures have "
                f"{resolution}; give one width for each of 4, 8 … {resolution} pixels"
            )
        networks = Network(self.plan(classes)), Discriminator(self.judge_plan(classes))
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
            network.to(memory_format=torch.channels_last)
        for _, layer in networks[0].synthesis.styled():
            nn.init.ones_(layer.affine.bias)
        return networks

    def codes(
        self, generator: nn.Module, count: int, labels: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Codes of w+, (count, l, w), a share of them mixed of two."""
        depth = 2 * len(self.widths)
        device = generator.synthesis.b4.const.device
        z = torch.randn(2, count, self.z, generator=random).to(device)
        cut = torch.randint(1, depth, (count, 1), generator=random)
        cut[torch.rand(count, 1, generator=random) >= self.mixing] = depth
        with torch.autocast(z.device.type, enabled=False):
            first, second = (generator.mapping(each, labels)[:, None] for each in z)
        return torch.where((torch.arange(depth) < cut).to(device)[..., None], first, second)

    def draw(self, generator: nn.Module, codes: Tensor, random: torch.Generator) -> Tensor:
        """Pictures of codes of w+, with new noise."""
        with torch.autocast(codes.device.type, enabled=False):
            styles = generator.synthesis.styles(codes)
        noise: list[Tensor | None] = [
            torch.randn(len(codes), 1, conv.side, conv.side, generator=random).to(codes) if self.noise else None
            for conv in generator.synthesis.convs
        ]
        return generator.synthesis(styles, noise)

    def fakes(
        self, generator: nn.Module, count: int, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        return self.draw(generator, self.codes(generator, count, labels, random), random)

    def judge(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None, stage: Any) -> Tensor:
        return discriminator(images, labels)[:, 0]

    def penalty(
        self,
        generator: nn.Module,
        count: int,
        labels: Tensor | None,
        random: torch.Generator,
        step: int,
        memory: dict[str, float],
    ) -> Tensor | None:
        """Path length regularisation, on half the batch."""
        if not self.path_length or step % self.path_interval:
            return None
        half = max(count // 2, 1)
        codes = self.codes(generator, half, None if labels is None else labels[:half], random)
        lengths = path_length(self.draw(generator, codes, random), codes, random)
        mean = memory.get("path", 0.0)
        memory["path"] = mean + 0.01 * (float(lengths.detach().mean()) - mean)
        return self.path_length * self.path_interval * (lengths - memory["path"]).square().mean()

    def finish(
        self, generator: nn.Module, discriminator: nn.Module, resolution: int, classes: int
    ) -> Generator:
        network = deepcopy(generator).eval().requires_grad_(False).float().cpu()
        made = StyleGAN2(network, self.plan(classes), None, "const" if self.noise else "none")
        made.discriminator = deepcopy(discriminator).eval().requires_grad_(False).float().cpu()
        return made
