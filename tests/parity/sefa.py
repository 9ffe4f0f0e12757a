"""The closed-form factorisation of the original weights, against ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from interpgan_sefa.factorise import factorise
from parity.case import Case

NEIGHBOURS = 0.02  # eigenvalues so near, relative to the largest, may trade their vectors through rounding


def factorised(case: Case, rows: Callable[[Sequence[int]], Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Every stored answer of SeFa, in the original's order, which is not sorted, and with its signs.

    A stored vector is held against its projection on ours of about the same eigenvalue: equal only if it
    lies among them.

    Args:
        case: the configuration.
        rows: layers -> (o, d), the style weights of these layers, row under row.
    """
    for prefix in sorted({n.rsplit("/", 1)[0] for n in case.arrays if n.startswith("sefa/")}):
        values, vectors = factorise(rows(case.arrays[f"{prefix}/layers"].tolist()))
        order = case.tensor(f"{prefix}/eigenvalues_as_returned").argsort(descending=True)
        place = order.argsort()
        yield f"{prefix}/eigenvalues_as_returned", values[place]
        for name, ranks in (("boundaries_as_returned", place), ("boundaries_desc", torch.arange(len(place)))):
            stored = case.tensor(f"{prefix}/{name}").double()
            near = (values[ranks[: len(stored)], None] - values).abs() < NEIGHBOURS * values[0]
            yield f"{prefix}/{name}", (stored @ vectors.T * near) @ vectors
