"""Latent spaces, and the normal numbers that their codes are drawn from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.generators.ranges import Ranges

if TYPE_CHECKING:
    from torch import Tensor


def seeded_normal(seeds: Sequence[int], shape: Sequence[int], stream: int = 0) -> Tensor:
    """Standard normal numbers, each row from its own seed alone.

    Args:
        seeds: n whole numbers from 0 to 2^32 - 1.
        shape: of one row.
        stream: 0 for codes; another number gives an independent row for the same seed.

    Returns:
        (n, *shape) float32 on the CPU; stream 0 is `numpy.random.RandomState(seed).randn(*shape)`.

    Source:
        The seeds of NVIDIA's gen_images.py: seed 85 here is the sample that it calls seed 85.
        RandomState's stream is frozen by numpy's compatibility policy (NEP 19).
    """
    import numpy as np
    import torch

    rows = np.empty((len(seeds), *shape), dtype=np.float32)
    random = np.random.RandomState()  # reseeding one costs a fraction of making one
    for i, seed in enumerate(seeds):
        random.seed([seed, stream] if stream else seed)
        rows[i] = random.randn(*shape)
    return torch.from_numpy(rows)


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """A space of codes that a generator understands.

    Args:
        name: "z", "w", "w+", "s".
        shape: of one code: (512,), (18, 512), (9088,).
        layer_of: int, broadcastable to shape; the synthesis layer that each entry drives.
        base: "w" for "w+": directions of W apply here layer by layer.
        mean: (*shape) float32; the centre of the codes, for truncation.

    Example:
        >>> import torch
        >>> from interpgan_core import LatentSpace
        >>> space = LatentSpace("w+", (3, 2), torch.arange(3)[:, None], base="w")
        >>> space.mask("1-").tolist()
        [[False, False], [True, True], [True, True]]
        >>> space.takes("w"), space.takes("z")
        (True, False)
    """

    name: str
    shape: tuple[int, ...]
    layer_of: Tensor | None = None
    base: str | None = None
    mean: Tensor | None = None

    def layer_numbers(self, layers: str = "all") -> list[int]:
        """The synthesis layers that a range names here, ascending.

        Raises:
            InterpganError: if the space has no layers, or the range passes the last one.
        """
        if self.layer_of is None:
            raise InterpganError(
                f"space {self.name} has no layers to choose from; leave 'layers' at all, or move to w+ first"
            )
        present = sorted(set(self.layer_of.flatten().tolist()))
        if layers == "all":
            return present
        if max(map(int, re.findall(r"\d+", layers)), default=0) > present[-1]:
            those = (
                f"layers {present[0]} to {present[-1]}" if len(present) > 1 else f"layer {present[0]} alone"
            )
            raise InterpganError(f"layers {layers}: this generator has {those}")
        return sorted(set(Ranges(layers, last=present[-1])))

    def mask(self, layers: str = "all") -> Tensor:
        """Which entries of a code the named layers are driven by.

        Args:
            layers: "all" or a range such as "0-3,6".

        Returns:
            (*shape) bool.

        Raises:
            InterpganError: if the space has no layers, or the range names none that exists.
        """
        import torch

        if layers == "all":
            return torch.ones(self.shape, dtype=torch.bool)
        wanted = torch.tensor(self.layer_numbers(layers))
        assert self.layer_of is not None
        return torch.isin(self.layer_of.cpu(), wanted).expand(self.shape)

    def takes(self, space: str) -> bool:
        """Can a direction of `space` be added to codes of this space as it is?"""
        return space in (self.name, self.base)

    def to(self, device: Any) -> LatentSpace:
        """The same space with its mean on another device."""
        return replace(self, mean=None if self.mean is None else self.mean.to(device))
