"""Searches for a vector of small loss: an evolution strategy, and gradient descent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from interpgan_core import InterpganError

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Tensor"], "Tensor"]
"""(n, d) vectors -> (n,) losses, each without regard to the others."""

Method = Literal["evolution", "gradient"]

POPULATION = 12
REACH = 0.5
_RISES, _FALLS = 0.05, 0.25  # shares of the steps in which the rate goes up, and down


def evolved(
    loss: Loss,
    start: Tensor,
    generations: int,
    population: int = POPULATION,
    reach: float = REACH,
    seed: int = 0,
) -> Tensor:
    """The best vector that an evolution strategy (CMA-ES) comes by.

    A generation is drawn from a normal distribution, whose mean and covariance move to the better half of it. No
    gradient is asked for, and so none leads into the blind spots of a net.

    Args:
        loss: to be made small.
        start: (d,) float32, the first mean.
        generations: how many.
        population: vectors a generation.
        reach: the first standard deviation of each entry.
        seed: of the draws.

    Returns:
        (d,) float32; `start`, if nothing was better.

    Raises:
        InterpganError: if a loss is not finite.

    Source:
        Hansen, The CMA Evolution Strategy: A Tutorial, 2016, as the package cmaes has it.

    Example:
        >>> import torch
        >>> from interpgan_text.search import evolved
        >>> found = evolved(lambda x: (x - 1).square().sum(1), torch.zeros(2), generations=40)
        >>> bool((found - 1).abs().max() < 0.1)
        True
    """
    import numpy as np
    import torch
    from cmaes import CMA  # type: ignore[import-untyped]

    search = CMA(start.cpu().double().numpy(), reach, seed=seed, population_size=population)
    with torch.no_grad():
        best, least = start, _finite(loss(start[None]))[0]
        for _ in range(generations):
            asked = np.stack([search.ask() for _ in range(population)])
            vectors = torch.from_numpy(asked).to(start)
            losses = _finite(loss(vectors))
            k = min(range(population), key=losses.__getitem__)
            if losses[k] < least:
                best, least = vectors[k], losses[k]
            search.tell(list(zip(asked, losses, strict=True)))
    return best


def descended(loss: Loss, start: Tensor, steps: int, rate: float) -> Tensor:
    """The best vector on the way down the gradient.

    Args:
        loss: to be made small; differentiable.
        start: (d,) float32.
        steps: of Adam.
        rate: of Adam, at its highest; it rises over the first 5 % of the steps and falls over the last 25 %.

    Returns:
        (d,) float32; `start`, if nothing was better.

    Raises:
        InterpganError: if a loss is not finite.

    Example:
        >>> import torch
        >>> from interpgan_text.search import descended
        >>> found = descended(lambda x: (x - 1).square().sum(1), torch.zeros(2), steps=60, rate=0.1)
        >>> bool((found - 1).abs().max() < 0.1)
        True
    """
    import torch

    vector = start[None].clone().requires_grad_(True)
    adam = torch.optim.Adam([vector], lr=rate)
    best, least = start, float("inf")
    for step in range(steps + 1):
        with torch.enable_grad():
            value = loss(vector)
        (now,) = _finite(value.detach())
        if now < least:
            best, least = vector.detach()[0].clone(), now
        if step == steps:
            break
        for group in adam.param_groups:
            group["lr"] = rate * ramp(step / steps)
        (vector.grad,) = torch.autograd.grad(value.sum(), [vector])
        adam.step()
    return best


def _finite(losses: Tensor) -> list[float]:
    found: list[float] = losses.double().tolist()
    if not all(abs(value) < float("inf") for value in found):
        raise InterpganError("the search broke down: a loss is not finite; give a smaller 'rate'")
    return found


def ramp(share: float) -> float:
    """The share of the full rate at a share of the steps: up in a line, down along a cosine, as StyleGAN's projector.

    Args:
        share: 0 to 1.

    Returns:
        0 to 1.

    Example:
        >>> from interpgan_text.search import ramp
        >>> ramp(0.0), ramp(0.5), round(ramp(0.875), 3)
        (0.0, 1.0, 0.5)
    """
    falling = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - share) / _FALLS))
    return falling * min(1.0, share / _RISES)
