"""What generators do with codes: draw them, and carry them from space to space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.spaces import LatentSpace

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Codes are mapped in blocks of exactly this many rows: a matrix product of another height may round
# another way, and a sample must not depend on how many were asked for.
MAP_ROWS = 64


class Coded(ABC):
    """The codes of a `Generator`, which see.

    Attributes:
        spaces: in the order codes pass through them; the first is sampled.
        classes: number of classes; 0 = unconditional.
    """

    spaces: Mapping[str, LatentSpace]
    classes: int = 0

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the weights are."""

    @abstractmethod
    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of the first space, (n, *shape) float32 on this device, each row from its own seed."""

    @abstractmethod
    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """Carry codes forward from one space to a later one.

        Args:
            codes: (n, *spaces[source].shape) float32.
            source: name of a space.
            target: name of a later space.
            labels: (n, classes) float32 class weights, or None.

        Returns:
            (n, *spaces[target].shape) float32.
        """

    def sample(self, seeds: Sequence[int], labels: Tensor | None = None) -> LatentBatch:
        """Draw samples in the first space.

        Args:
            seeds: one for each sample, 0 to 2^32 - 1.
            labels: (n, classes) class weights; left out on a conditional generator, each sample
                draws one class from its seed.

        Returns:
            A batch of len(seeds) samples.
        """
        import numpy as np
        import torch

        space = next(iter(self.spaces.values()))
        if labels is None and self.classes:
            random = np.random.RandomState()  # reseeding one costs a fraction of making one
            drawn = []
            for seed in seeds:
                random.seed([seed, 1])
                drawn.append(random.randint(self.classes))
            labels = torch.nn.functional.one_hot(torch.tensor(drawn, dtype=torch.long), self.classes)
            labels = labels.float()
        return LatentBatch(
            codes=self.prior(seeds).to(self.device),
            space=space,
            labels=None if labels is None else labels.to(self.device),
            seeds=torch.tensor(list(seeds), dtype=torch.int64),
        )

    def to_space(self, batch: LatentBatch, name: str) -> LatentBatch:
        """Carry a batch forward to another space; gradients flow where the codes ask for them.

        Raises:
            InterpganError: if there is no such space, or it lies before the batch's own.
        """
        import torch

        source = batch.space.name
        if name == source:
            return batch
        order = list(self.spaces)
        for wanted in (name, source):
            if wanted not in order:
                raise InterpganError(f"this generator has no space '{wanted}'" + did_you_mean(wanted, order))
        if order.index(name) < order.index(source):
            raise InterpganError(
                f"codes in {source} cannot go back to {name}: codes pass {' -> '.join(order)}, "
                f"one way; apply the edit in {name} before the step that moves to {source}"
            )
        if not len(batch):
            return replace(
                batch, codes=batch.codes.new_zeros((0, *self.spaces[name].shape)), space=self.spaces[name]
            )
        mapped = []
        for part in batch.split(MAP_ROWS):
            rows = torch.arange(MAP_ROWS).clamp(max=len(part) - 1)
            labels = None if part.labels is None else part.labels[rows]
            mapped.append(self.map(part.codes[rows], source, name, labels)[: len(part)])
        return replace(batch, codes=torch.cat(mapped), space=self.spaces[name])

    def vector_space(self, name: str | None = None) -> LatentSpace:
        """The space of a name, whose codes are single vectors: w, but not w+.

        Without a name, the first of single vectors that codes are mapped to, such as w; where there is none, the space
        that is sampled.

        Raises:
            InterpganError: if there is none of that name, or its codes have a vector for each layer.
        """
        if name is None:
            first, *mapped = self.spaces.values()
            name = next((space for space in mapped if len(space.shape) == 1), first).name
        if name not in self.spaces:
            raise InterpganError(f"this generator has no space '{name}'" + did_you_mean(name, self.spaces))
        space = self.spaces[name]
        if len(space.shape) != 1:
            raise InterpganError(
                f"a code of {name} is {tuple(space.shape)}, one vector a layer; choose a space of single vectors"
                + (f", such as {space.base}, and choose layers in the edit" if space.base else "")
            )
        return space

    def space_for(self, direction_space: str, layers: str = "all", start: str | None = None) -> str:
        """The space in which an edit along a direction happens.

        Args:
            direction_space: where the direction lives.
            layers: the edit's layers; a range needs a space with layers.
            start: the space where the codes are now; the first by default.

        Returns:
            The earliest space from `start` on that takes the direction and has the layers.

        Raises:
            InterpganError: if there is none; the message says why.
        """
        order = list(self.spaces)
        start = start or order[0]
        able = [n for n in order if self.spaces[n].takes(direction_space)]
        if not able:
            raise InterpganError(
                f"this generator has no space that takes a direction of {direction_space}"
                + did_you_mean(direction_space, order)
            )
        ahead = [n for n in able if order.index(n) >= order.index(start)]
        if not ahead:
            raise InterpganError(
                f"a direction of {direction_space} cannot move codes that are already in {start}; "
                f"apply it before the step that moves to {start}"
            )
        for name in ahead:
            if layers == "all" or self.spaces[name].layer_of is not None:
                return name
        raise InterpganError(
            f"no space that takes a direction of {direction_space} has layers; leave 'layers' at all"
        )

    def stream(
        self, seeds: Iterable[int], batch_size: int = 256, space: str | None = None
    ) -> Iterator[LatentBatch]:
        """Samples in batches, with constant memory, whatever the number of seeds.

        Args:
            seeds: any number of them.
            batch_size: samples at once.
            space: where the codes shall be; the first space by default.

        Returns:
            Batches of batch_size samples, the last one perhaps smaller.
        """
        chunk: list[int] = []
        target = space or next(iter(self.spaces))
        for seed in seeds:
            chunk.append(seed)
            if len(chunk) == batch_size:
                yield self.to_space(self.sample(chunk), target)
                chunk = []
        if chunk:
            yield self.to_space(self.sample(chunk), target)

    def _check(self, batch: LatentBatch) -> None:
        own = self.spaces.get(batch.space.name)
        if own is None or own.shape != batch.space.shape:
            raise InterpganError(
                f"codes of space {batch.space.name} with shape {batch.space.shape} do not belong to this "
                f"generator, whose spaces are "
                + ", ".join(f"{n} {tuple(s.shape)}" for n, s in self.spaces.items())
            )
