"""PGGAN."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import Generator
from interpgan_core.plugin import as_channels, channels_last, group_std
from interpgan_pggan.discriminator import Discriminator
from interpgan_pggan.generator import PGGAN
from interpgan_pggan.network import Network
from interpgan_training.families.base import Family
from interpgan_training.settings import PGGANSettings


@dataclass(frozen=True)
class Stage:
    """How far the networks have grown.

    Args:
        block: number of the block of the largest pictures; 0 = 4 pixels.
        new: share of that block in the picture; the rest is the block before, enlarged.
    """

    block: int
    new: float


class PGGANFamily(Family[Network, Discriminator]):
    """PGGAN: both networks grow from 4 pixels on; logistic loss with lazy R1, or Wasserstein with gradient penalty.

    Source:
        Karras et al., ICLR 2018, section 2 and appendix A.1.
    """

    settings: PGGANSettings

    def own_settings(self, generator: Generator) -> dict[str, Any]:
        if not isinstance(generator, PGGAN):
            return super().own_settings(generator)
        shape = generator.module.shape
        return {"widths": tuple(shape["widths"]), "channels": shape["channels"], "z": shape["inputs"]}

    def build(self, size: tuple[int, int], classes: int) -> tuple[Network, Discriminator]:
        own, base = self.settings, self.base(size)
        networks = (
            Network(own.z, own.widths, base=base, channels=own.channels),
            Discriminator(
                tuple(reversed(own.widths)), own.widths[0], 1, False, base[0] * base[1], own.channels
            ),
        )
        networks[1].group = self.settings.group
        for network in networks:
            for name, parameter in network.named_parameters():
                nn.init.normal_(parameter) if name.endswith("weight") else nn.init.zeros_(parameter)
            channels_last(network)
        return networks

    def stage(self, seen: int) -> Stage:
        """Each block is trained for a phase, then the next one is blended in for a phase."""
        if self.grown:
            return Stage(len(self.settings.widths) - 1, 1.0)
        phase = seen / (1000 * self.settings.phase_kimg)
        block = min(int((phase + 1) // 2), len(self.settings.widths) - 1)
        return Stage(block, min(max(phase - 2 * block + 1, 0.0), 1.0) if block else 1.0)

    def sized(self, images: Tensor, stage: Stage) -> Tensor:
        """Real images at the size of the block, blended as the generated ones are."""
        images = functional.avg_pool2d(images, 2 ** (len(self.settings.widths) - 1 - stage.block))
        if stage.new < 1:
            images = _double(functional.avg_pool2d(images, 2)).lerp(images, stage.new)
        return images

    @property
    def entries(self) -> int:
        return self.settings.z

    def paint(
        self, generator: Network, z: Tensor, labels: Tensor | None, stage: Stage, random: torch.Generator
    ) -> Tensor:
        x = before = generator.normalise(z, None)
        for block in range(stage.block + 1):
            before, x = x, generator.get_submodule(f"layer{2 * block}")(x)
            x = generator.get_submodule(f"layer{2 * block + 1}")(x)
        picture: Tensor = generator.get_submodule(f"output{stage.block}")(x)
        if stage.new < 1:
            picture = _double(generator.get_submodule(f"output{stage.block - 1}")(before)).lerp(
                picture, stage.new
            )
        return as_channels(picture, 3)

    def logits(
        self, discriminator: Discriminator, images: Tensor, labels: Tensor | None, stage: Stage
    ) -> Tensor:
        last = discriminator.last
        first = last - stage.block
        images = as_channels(images, discriminator.channels)
        x = discriminator.get_submodule(f"input{first}")(images)
        for j in range(first, last):
            x = discriminator.get_submodule(f"layer{2 * j}")(x)
            x = discriminator.get_submodule(f"layer{2 * j + 1}")(x)
            if j == first and stage.new < 1:
                old = discriminator.get_submodule(f"input{first + 1}")(functional.avg_pool2d(images, 2))
                x = old.lerp(x, stage.new)
        x = torch.cat([x, group_std(x, discriminator.group).to(x)], 1)
        x = discriminator.get_submodule(f"layer{2 * last}")(x)
        x = discriminator.get_submodule(f"layer{2 * last + 1}")(x.flatten(1))
        logits: Tensor = discriminator.get_submodule(f"layer{2 * last + 2}")(x)[:, 0]
        return logits

    def finish(
        self, generator: Network, discriminator: Discriminator, size: tuple[int, int], classes: int
    ) -> Generator:
        network = deepcopy(generator).eval().requires_grad_(False).float().cpu()
        made = PGGAN(network)
        made.discriminator = deepcopy(discriminator).eval().requires_grad_(False).float().cpu()
        return made


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
