"""The processes that train together: each takes its share of every batch, and all take the same step."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn


class ProcessGroup(Protocol):
    """What a trainer asks of them."""

    rank: int
    """Number of this process, from 0."""
    size: int
    """How many there are."""

    def average_gradients(self, network: nn.Module) -> None:
        """Give every process the mean of all gradients."""

    def mean(self, value: float) -> float:
        """The mean of a number over all processes."""


class OneProcess:
    """One process."""

    rank, size = 0, 1

    def average_gradients(self, network: nn.Module) -> None:
        pass

    def mean(self, value: float) -> float:
        return value


class AcceleratedGroup:
    """Several processes, joined by accelerate.

    Args:
        accelerator: an `accelerate.Accelerator`, in each of the processes that torchrun started.
    """

    def __init__(self, accelerator: Any) -> None:
        self.accelerator = accelerator
        self.rank, self.size = accelerator.process_index, accelerator.num_processes

    def average_gradients(self, network: nn.Module) -> None:
        """One message for all gradients: there are many small ones."""
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        if not gradients:
            return
        flat = torch.cat([g.flatten() for g in gradients])
        mean = self.accelerator.reduce(flat, "mean")
        for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, value: float) -> float:
        return float(self.accelerator.reduce(torch.tensor(value, device=self.accelerator.device), "mean"))
