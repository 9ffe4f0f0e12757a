"""Random numbers of a training: every step has a seed of its own, so that a resumed run draws the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch


def rng_for(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """Random numbers of one step of one process.

    Args:
        seed: of the training.
        step: which.
        rank: of the process, where there are several.
    """
    words = np.random.SeedSequence([seed, step, rank]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))


def batch_indices(seed: int, count: int, start: int, size: int) -> list[int]:
    """Which pictures come next: each once, in a random order, then all again in another.

    Args:
        seed: of the training.
        count: pictures in the data.
        start: pictures seen so far.
        size: how many.
    """
    return [int(_order(seed, count, i // count)[i % count]) for i in range(start, start + size)]


@lru_cache(maxsize=2)
def _order(seed: int, count: int, epoch: int) -> np.ndarray:
    return np.random.RandomState([seed, epoch]).permutation(count)
