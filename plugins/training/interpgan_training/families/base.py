"""What the trainer asks of a family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from interpgan_core import Generator, InterpganError

G = TypeVar("G", bound=nn.Module)
"""A network of generators."""
D = TypeVar("D", bound=nn.Module)
"""One of discriminators."""


@dataclass(frozen=True)
class Family(ABC, Generic[G, D]):
    """The networks of a family of GANs, and how they are trained.

    A network is one of the family's backbone plugin, with new weights. `stage` is whatever `stage()` says:
    how far a network that grows has grown.

    Args:
        settings: what the recipe says.
        grown: do the networks come from a generator that was trained before, so that none has to grow?
        rectified: layers of the generator behind which a ReLU is put.
    """

    settings: Any
    grown: bool = False
    rectified: tuple[str, ...] = ()

    @property
    def conditional(self) -> bool:
        """Is it trained with the classes of the pictures? Otherwise it does without them."""
        return False

    @abstractmethod
    def build(self, size: tuple[int, int], classes: int) -> tuple[G, D]:
        """Generator and discriminator, with new weights from torch's global seed.

        Args:
            size: height and width of the pictures.
            classes: 0 = unconditional.

        Raises:
            InterpganError: if the architecture has no such size.
        """

    @property
    @abstractmethod
    def entries(self) -> int:
        """Of a code z."""

    @abstractmethod
    def paint(
        self, generator: G, z: Tensor, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        """Pictures of codes, that gradients can flow through.

        Args:
            generator: from `build`.
            z: (n, entries).
            labels: (n, classes), or None.
            stage: see the class.
            random: of all that is not in the codes.

        Returns:
            (n, 3, h, w).
        """

    def fakes(
        self, generator: G, count: int, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        """Pictures of new codes, (count, 3, h, w); otherwise as `paint`."""
        z = torch.randn(count, self.entries, generator=random).to(next(generator.parameters()).device)
        return self.paint(generator, z, labels, stage, random)

    @abstractmethod
    def logits(self, discriminator: D, images: Tensor, labels: Tensor | None, stage: Any) -> Tensor:
        """Logits (n,) of pictures (n, 3, h, w) of the size that `fakes` makes."""

    @abstractmethod
    def finish(self, generator: G, discriminator: D, size: tuple[int, int], classes: int) -> Generator:
        """What training made, for everybody's use; the networks themselves stay as they are.

        Args:
            generator: the averaged one.
            discriminator: as it is now.
            size: height and width of the pictures.
            classes: 0 = unconditional.
        """

    def own_settings(self, generator: Generator) -> dict[str, Any]:
        """The settings of the architecture that a generator has, as far as its networks show them.

        Raises:
            InterpganError: if it is of another family.
        """
        raise InterpganError(f"a {type(generator).__name__} is of another family than {self.settings.family}")

    def groups(self, generator: G, rate: float) -> list[dict[str, Any]]:
        """The generator's parameters, with the learning rate of each group, as optimisers take them."""
        return [{"params": list(generator.parameters()), "lr": rate}]

    def adopt(self, network: nn.Module, trained: nn.Module) -> None:
        """Take over the weights of a network that was trained before.

        Args:
            network: one from `build`.
            trained: the generator's module, or its discriminator.

        Raises:
            InterpganError: if it is of another architecture.
        """
        self.load(network, trained.state_dict())

    def load(self, network: nn.Module, weights: dict[str, Tensor]) -> None:
        """`load_state_dict`, of weights that may belong to another architecture."""
        shapes = [{name: tuple(t.shape) for name, t in w.items()} for w in (network.state_dict(), weights)]
        if shapes[0] != shapes[1]:
            raise InterpganError(
                "what the training starts from has other layers than this architecture; give it the same settings"
            )
        network.load_state_dict(weights)

    def stage(self, seen: int) -> Any:
        """How far the networks have grown after so many pictures."""
        return None

    def sized(self, images: Tensor, stage: Any) -> Tensor:
        """Real pictures (n, 3, r, r) as large as `fakes` makes them."""
        return images

    def penalty(
        self,
        generator: G,
        count: int,
        labels: Tensor | None,
        random: torch.Generator,
        step: int,
        memory: dict[str, float],
    ) -> Tensor | None:
        """A regularisation term of the generator's loss at a step, or None.

        Args:
            generator, count, labels, random: as in `fakes`.
            step: number of the step.
            memory: numbers that the family keeps from step to step; part of the checkpoint.
        """
        return None

    def base(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the smallest maps, for pictures of a size.

        Raises:
            InterpganError: if the widths make pictures of another size.
        """
        times = 2 ** (len(self.settings.widths) - 1)
        base = size[0] // times, size[1] // times
        if max(base) != 4 or (base[0] * times, base[1] * times) != size:
            have = str(size[0]) if size[0] == size[1] else f"{size[0]} x {size[1]}"
            raise InterpganError(
                f"{len(self.settings.widths)} widths make {self.settings.resolution} pixels, and the pictures have "
                f"{have}; give one width for each of 4, 8 … pixels, and pictures whose longer side is a power of two"
            )
        return base
