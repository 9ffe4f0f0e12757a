"""BigGAN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from interpgan_biggan.discriminator import Discriminator
from interpgan_biggan.generator import BigGAN
from interpgan_biggan.layers import Norm, NormReLUConv, Spectral
from interpgan_biggan.network import Architecture, Block, Network
from interpgan_core import Generator, InterpganError
from interpgan_core.plugin import as_channels, channels_last, rectify
from interpgan_training.families.base import Family
from interpgan_training.losses import orthogonality
from interpgan_training.random_numbers import rng_for
from interpgan_training.settings import BigGANSettings

SN_EPS = 1e-6
POWER_STEPS = 30  # of the power iteration, for new weights
STANDING_BATCHES = 64  # of as many pictures, for the statistics that a finished network keeps
N = TypeVar("N", bound=nn.Module)


class BigGANFamily(Family[Network, Discriminator]):
    """BigGAN: class-conditional batch norm, z in chunks, spectral norms, hinge loss, projection discriminator.

    Source:
        Brock et al., ICLR 2019, section 3 and appendices B and C.
    """

    settings: BigGANSettings

    conditional = True

    def architecture(self, classes: int) -> Architecture:
        """The generator's architecture; in training, torch computes the spectral norms."""
        return Architecture(
            deep=False,
            blocks=tuple(Block(a, b, up=True) for a, b in pairwise(self.settings.widths)),
            attention=(),
            z=self.settings.chunk,
            chunked=True,
            classes=classes,
            embedding=self.settings.embedding,
            stem="z",
            told="yz",
            channels_last=False,
            vectors="",
            rgb=self.settings.channels,
            shares=(1.0,),
            eps=1e-5,
            last_eps=1e-5,
        )

    def discriminator_shape(self, classes: int) -> tuple[list[tuple[int, int, int]], tuple[int, ...], int]:
        """Arguments of the discriminator: widths of its blocks, attention, classes."""
        return (
            [(a, b, b) for a, b in pairwise((self.settings.channels, *reversed(self.settings.widths)))],
            (),
            classes,
        )

    def own_settings(self, generator: Generator) -> dict[str, Any]:
        if not isinstance(generator, BigGAN):
            return super().own_settings(generator)
        own = generator.module.architecture
        widths = (own.blocks[0].inputs, *(block.outputs for block in own.blocks))
        return {"widths": widths, "channels": own.rgb, "chunk": own.z, "embedding": own.embedding}

    def build(self, size: tuple[int, int], classes: int) -> tuple[Network, Discriminator]:
        base = self.base(size)
        if not classes:
            raise InterpganError(
                "BigGAN is trained with classes, and the data has none; choose another family"
            )
        made = self.architecture(classes)
        networks = Network(made, base), Discriminator(*self.discriminator_shape(classes), vectors="")
        for network in networks:
            for name, parameter in network.named_parameters():
                if parameter.ndim > 1:
                    nn.init.orthogonal_(parameter)
                else:  # gains of the last batch norm; biases
                    nn.init.constant_(parameter, float(name.endswith("norm.gain")))
            for part in network.modules():
                if isinstance(part, Norm):
                    nn.init.zeros_(part.means)
                    nn.init.ones_(part.variances)
                if isinstance(part, Spectral):
                    spectral_norm(part, eps=SN_EPS)
            channels_last(network)
        return networks

    def adopt(self, network: nn.Module, trained: nn.Module) -> None:
        """The spectral norms of what was trained are divided out; here they are torch's, and near 1."""
        found = trained.state_dict()
        for path, part in trained.named_modules():
            if isinstance(part, Spectral):
                found[f"{path}.parametrizations.weight.original"] = found.pop(f"{path}.weight") * part.factor
        vectors = {name: t for name, t in network.state_dict().items() if name.endswith(("._u", "._v"))}
        self.load(network, found | vectors)
        for part in network.modules():
            if isinstance(part, Spectral):
                for _ in range(POWER_STEPS):  # the vectors are of other weights; each reading takes one step
                    _ = part.weight

    @property
    def entries(self) -> int:
        return self.settings.chunk * len(self.settings.widths)

    def paint(
        self, generator: Network, z: Tensor, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        assert labels is not None  # `build` refused data without classes
        with batch_statistics(generator):
            return self.draw(generator, z, labels)

    def draw(self, generator: Network, z: Tensor, labels: Tensor) -> Tensor:
        """Pictures of z (n, d) and labels."""
        chunks = z.view(len(z), -1, self.settings.chunk)
        with parametrize.cached():
            embedded = generator.embed(labels)[:, None].expand(-1, chunks.shape[1], -1)
            images: Tensor = generator(torch.cat([chunks, embedded], 2))
        return as_channels(images, 3)

    def logits(
        self, discriminator: Discriminator, images: Tensor, labels: Tensor | None, stage: Any
    ) -> Tensor:
        with parametrize.cached():
            logits: Tensor = discriminator(images, labels)[:, 0]
        return logits

    def penalty(
        self,
        generator: Network,
        count: int,
        labels: Tensor | None,
        random: torch.Generator,
        step: int,
        memory: dict[str, float],
    ) -> Tensor | None:
        """Orthogonal regularisation of all weights but the class embedding."""
        if not self.settings.orthogonal:
            return None
        weights = [p for name, p in generator.named_parameters() if p.ndim > 1 and name != "embedding"]
        return self.settings.orthogonal * orthogonality(weights)

    def finish(
        self, generator: Network, discriminator: Discriminator, size: tuple[int, int], classes: int
    ) -> Generator:
        """With the statistics of many batches in the batch norms, and the spectral norms divided out."""
        made = self.architecture(classes)
        network = _plain(generator, Network(made, generator.base))
        rectify(network, self.rectified)
        plain = _plain(discriminator, Discriminator(*self.discriminator_shape(classes), vectors=""))
        self.settle(network, classes)
        network.set_precision(torch.float32)
        return BigGAN(network, discriminator=plain)

    def settle(self, network: Network, classes: int) -> None:
        """Give the batch norms the statistics of many batches ("standing statistics" of the paper's appendix)."""
        found: dict[Norm, list[tuple[Tensor, Tensor]]] = {}
        with torch.no_grad():
            for i in range(STANDING_BATCHES):
                random = rng_for(0, i)
                labels = torch.eye(classes)[torch.randint(classes, (STANDING_BATCHES,), generator=random)]
                z = torch.randn(STANDING_BATCHES, self.entries, generator=random)
                with batch_statistics(network, found):
                    self.draw(network, z, labels)
        for norm, rows in found.items():
            means, variances = (torch.stack(column) for column in zip(*rows, strict=True))
            norm.means.copy_(means.mean(0))
            norm.variances.copy_(variances.mean(0) + means.var(0, correction=0))


def _plain(trained: N, fresh: N) -> N:
    """The weights of a network that is trained, their spectral norms divided out, in a new one that is not."""
    source = deepcopy(trained).eval()
    for name, tensor in fresh.state_dict().items():
        path, _, leaf = name.rpartition(".")
        tensor.copy_(getattr(source.get_submodule(path), leaf).detach())
    return fresh.eval().requires_grad_(False)


@contextmanager
def batch_statistics(
    network: nn.Module, found: dict[Norm, list[tuple[Tensor, Tensor]]] | None = None
) -> Iterator[None]:
    """Let batch norms use the statistics of the current batch instead of the stored ones.

    Args:
        network: a generator.
        found: statistics by norm, to which those of the batch are added.
    """
    steps = [part for part in network.modules() if isinstance(part, NormReLUConv)]
    kept = [(step.norm, step.norm.means, step.norm.variances) for step in steps]

    def look(step: NormReLUConv, args: tuple[Tensor, ...]) -> None:
        x = args[0].float()
        mean = x.mean((0, 2, 3))[None]
        # Three times as quick as `var`.
        variance = (x.square().mean((0, 2, 3))[None] - mean.square()).clamp_min(0)
        step.norm.means, step.norm.variances = mean, variance
        if found is not None:
            found.setdefault(step.norm, []).append((mean.detach(), variance.detach()))

    handles = [step.register_forward_pre_hook(look) for step in steps]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for norm, means, variances in kept:
            norm.means, norm.variances = means, variances
