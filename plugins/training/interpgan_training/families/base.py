"""What the trainer asks of a family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from interpgan_core import Generator
from interpgan_training.losses import Loss


class Family(BaseModel, ABC):
    """Settings of an architecture and of its training, and what only it knows.

    A network is one of the family's backbone plugin, with new weights. `stage` is whatever `stage()` says:
    how far a network that grows has grown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: Loss
    generator_rate: float = Field(gt=0)
    """Learning rate of the generator."""
    discriminator_rate: float = Field(gt=0)
    """Learning rate of the discriminator."""
    betas: tuple[float, float]
    """Of Adam."""
    critic_steps: int = Field(default=1, ge=1)
    """Steps of the discriminator for each of the generator."""
    r1: float = Field(default=0.0, ge=0)
    """Weight of the R1 penalty; 0: none."""
    r1_interval: int = Field(default=16, ge=1)
    """In how many steps it is taken once, so many times as strong (lazy regularisation)."""

    @abstractmethod
    def build(self, resolution: int, classes: int) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator, with new weights from torch's global seed.

        Args:
            resolution: of the pictures.
            classes: 0 = unconditional.

        Raises:
            InterpganError: if the architecture has no such size.
        """

    @abstractmethod
    def fakes(
        self, generator: nn.Module, count: int, labels: Tensor | None, stage: Any, random: torch.Generator
    ) -> Tensor:
        """Pictures that gradients can flow through.

        Args:
            generator: from `build`.
            count: how many.
            labels: (count, classes), or None.
            stage: see the class.
            random: of the codes.

        Returns:
            (count, 3, h, w).
        """

    @abstractmethod
    def judge(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None, stage: Any) -> Tensor:
        """Logits (n,) of pictures (n, 3, h, w) of the size that `fakes` makes."""

    @abstractmethod
    def finish(
        self, generator: nn.Module, discriminator: nn.Module, resolution: int, classes: int
    ) -> Generator:
        """What training made, for everybody's use; the networks themselves stay as they are.

        Args:
            generator: the averaged one.
            discriminator: as it is now.
            resolution: of the pictures.
            classes: 0 = unconditional.
        """

    def stage(self, seen: int) -> Any:
        """How far the networks have grown after so many pictures."""
        return None

    def sized(self, images: Tensor, stage: Any) -> Tensor:
        """Real pictures (n, 3, r, r) as large as `fakes` makes them."""
        return images

    def penalty(
        self,
        generator: nn.Module,
        count: int,
        labels: Tensor | None,
        random: torch.Generator,
        step: int,
        memory: dict[str, float],
    ) -> Tensor | None:
        """What is added to the generator's loss at a step, or None.

        Args:
            generator, count, labels, random: as in `fakes`.
            step: number of the step.
            memory: numbers that the family keeps from step to step; part of the checkpoint.
        """
        return None

    def groups(self, network: nn.Module) -> Iterable[nn.Parameter]:
        """The parameters that are trained."""
        return network.parameters()
