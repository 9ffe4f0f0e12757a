"""Shapes of a file's tensors, from which a backbone reads what the network is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    from torch import Tensor


class Shapes(dict[str, tuple[int, ...]]):
    """Shape of each tensor of a file, by name; one that is missing is an error.

    Args:
        state: the file's tensors; what is no tensor is left out.
        path: the file, for messages.
        family: for messages.

    Example:
        >>> import torch
        >>> from pathlib import Path
        >>> from interpgan_core.plugin import Shapes
        >>> shapes = Shapes({"fc0.weight": torch.ones(4, 2)}, Path("a.pt"), "BigGAN")
        >>> shapes.of("fc0.weight", 2), shapes.count(r"fc(\\d+)\\.weight")
        ((4, 2), 1)
    """

    def __init__(self, state: Mapping[str, Tensor], path: Path, family: str) -> None:
        super().__init__({name: tuple(t.shape) for name, t in state.items() if hasattr(t, "shape")})
        self.path, self.family = path, family

    def __missing__(self, name: str) -> NoReturn:
        self.fail(f"lacks {name}")

    def fail(self, what: str) -> NoReturn:
        """Raises: InterpganError: always."""
        raise InterpganError(
            f"{self.path} {what}; it is damaged, or from a variant of {self.family} that interpgan does not know"
        )

    def of(self, name: str, dimensions: int) -> tuple[int, ...]:
        """The shape of a tensor that must have so many dimensions."""
        if len(self[name]) != dimensions:
            self.fail(f"has {name} of shape {self[name]}, not {dimensions} dimensions")
        return self[name]

    def count(self, pattern: str) -> int:
        """How many numbers the pattern's group takes, which must run from 0 on without a gap."""
        found = {int(m[1]) for name in self if (m := re.fullmatch(pattern, name))}
        if not found:
            self.fail("has no blocks")
        for i in range(len(found)):
            if i not in found:
                self.fail(f"lacks block {i} of {max(found) + 1}")
        return len(found)
