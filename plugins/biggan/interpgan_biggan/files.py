"""What the layouts of both publishers share: names, and building the network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor, nn

from interpgan_biggan.layers import Spectral
from interpgan_core import InterpganError
from interpgan_core.plugin import build

Network = TypeVar("Network", bound=nn.Module)


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
