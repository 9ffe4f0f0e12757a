"""The operator `text.mapper`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from interpgan_core import Generator, Input, Operator, Progress
from interpgan_text.mapper import Mapper
from interpgan_text.net import TextImageNet, probe


class TrainMapper(Operator):
    """Train, without any text, a network that moves codes to any text afterwards: the step `text.edit`.

    It learns from pairs of samples what change of the code goes with a difference of the embeddings of their pictures;
    a difference of texts takes that place later. A run that was stopped goes on.

    Source: Lyu et al., DeltaEdit, CVPR 2023. Deviations: one network for all layers; other spaces where there is no
        S; differences of texts are shaped like those of pictures, see `text.edit`.
    """

    net: Input[TextImageNet]
    space: str | None = None
    """Of single vectors; left out: s where there is one, else w, else the first."""
    samples: Annotated[int, Field(ge=100)] = 6000
    """Whose pictures are looked at, once; pairs are drawn from them."""
    steps: Annotated[int, Field(ge=1)] = 1200
    batch_size: Annotated[int, Field(ge=1)] = 128
    """Pairs a step."""
    rate: Annotated[float, Field(gt=0)] = 2e-3
    """Of Adam, at its highest."""
    width: Annotated[int, Field(ge=1)] = 256
    """Of the layers of the network."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the first weights, and of the order of the pairs; the samples are drawn from seeds above those of recipes."""

    def check(self, generator: Generator) -> Mapper:
        import torch

        from interpgan_text.mapper_network import MapperNet

        space = self._space(generator)
        kept = probe(self.net)
        size = generator.spaces[space].shape[0]
        net = MapperNet(size, len(kept), 1).requires_grad_(False).to(generator.device)
        zeros = torch.zeros(size, device=generator.device)
        shape = torch.eye(len(kept), device=generator.device)
        return Mapper(net, space, zeros, zeros, shape, generator.fingerprint, kept, self.net.name)

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> Mapper:
        """Train.

        Raises:
            InterpganError: if the generator has no such space, or the training breaks down.
        """
        from interpgan_text.mapper_training import Settings, trained

        settings = Settings(self.samples, self.steps, self.batch_size, self.rate, self.width, self.seed)
        return trained(self.net, generator, self._space(generator), settings, scratch, progress)

    def _space(self, generator: Generator) -> str:
        known = [name for name in ("s", "w", *generator.spaces) if name in generator.spaces]
        return generator.vector_space(self.space or known[0]).name
