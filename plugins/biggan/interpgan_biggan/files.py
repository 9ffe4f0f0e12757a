"""What the layouts of both publishers share: shapes of a file's tensors, names, and building the network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

from torch import Tensor, nn

from interpgan_biggan.layers import Spectral
from interpgan_core import InterpganError
from interpgan_core.plugin import build

Network = TypeVar("Network", bound=nn.Module)


class Shapes(dict[str, tuple[int, ...]]):
    """Shape of each tensor of a file, by name; one that is missing is an error.

    Args:
        state: the file's tensors.
        path: the file, for messages.
    """

    def __init__(self, state: Mapping[str, Tensor], path: Path) -> None:
        super().__init__({name: tuple(t.shape) for name, t in state.items() if isinstance(t, Tensor)})
        self.path = path

    def __missing__(self, name: str) -> NoReturn:
        self.fail(f"lacks {name}")

    def fail(self, what: str) -> NoReturn:
        """Raises: InterpganError: always."""
        raise InterpganError(
            f"{self.path} {what}; it is damaged, or from a variant of BigGAN that interpgan does not know"
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


def new_name(name: str, table: Iterable[tuple[str, str]]) -> str:
    """The name, with the first pattern that matches the whole of it replaced; as it is where none matches."""
    for pattern, new in table:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, new, name)
    return name


def build_network(
    make: Callable[[], Network],
    tensors: Mapping[str, Tensor],
    path: Path,
    sn_eps: float = 0.0,
    factors: Mapping[str, float] | None = None,
) -> Network:
    """Build a network, and divide its weights by their spectral norms.

    Args:
        make: see `build`.
        tensors: in the network's own names.
        path: the file, for messages.
        sn_eps: see `Spectral.find_factor`.
        factors: 1 / spectral norm by the name of the module; None: computed from the vectors in the file.

    Raises:
        InterpganError: if tensors do not fit, or a spectral norm is no positive number.
    """
    network = build(make, tensors, path)
    for name, part in network.named_modules():
        if isinstance(part, Spectral):
            part.factor = part.find_factor(sn_eps) if factors is None else float(factors[name])
            if not 0 < part.factor < float("inf"):
                raise InterpganError(f"{path} is damaged: the spectral norm of {name} is no positive number")
    return network
