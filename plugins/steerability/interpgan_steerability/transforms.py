"""Transforms of pictures, each with where its result is known, and how much of one is seen between two pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

TransformName: TypeAlias = Literal[
    "shift_x", "shift_y", "zoom", "rotate", "brightness", "red", "green", "blue"
]

Made: TypeAlias = "tuple[Tensor, Tensor]"
"""Pictures (n, 3, h, w) and where they are known, (n, 1 or 3, h, w) of 0 and 1."""

_GRID = 25  # amounts that are tried when one is estimated


@dataclass(frozen=True)
class Transform:
    """A change of pictures by an amount.

    Args:
        unit: of the amount, in words.
        reach: the amount that a direction is learnt for, by default.
        make: of pictures (n, 3, h, w) and amounts (n,), on one device.
    """

    unit: str
    reach: float
    make: Callable[[Tensor, Tensor], Made]


def errors(pictures: Tensor, made: Made) -> Tensor:
    """(n,) mean squared difference of pictures (n, 3, h, w) from transformed ones, where those are known."""
    target, known = made
    known = known.expand_as(target)
    found: Tensor = ((pictures - target).square() * known).flatten(1).sum(1)
    return found / known.flatten(1).sum(1).clamp(min=1)


def estimated(transform: Transform, before: Tensor, after: Tensor, most: float) -> Tensor:
    """How much of a transform lies between pictures: the amount whose result differs least from what is there.

    Args:
        transform: which.
        before, after: (n, 3, h, w).
        most: the largest amount that is tried, both ways.

    Returns:
        (n,) amounts; the least of a parabola through the best of 25 and its neighbours.
    """
    import torch

    amounts = torch.linspace(-most, most, _GRID, device=before.device)
    tried = torch.stack(
        [errors(after, transform.make(before, amount.expand(len(before)))) for amount in amounts]
    )
    best = tried.argmin(0).clamp(1, _GRID - 2)
    low, middle, high = (tried.gather(0, (best + i)[None])[0] for i in (-1, 0, 1))
    bend = (low - 2 * middle + high).clamp(min=1e-12)
    return amounts[best] + (2 * most / (_GRID - 1)) * ((low - high) / (2 * bend)).clamp(-1, 1)


def _placed(pictures: Tensor, across: Tensor, down: Tensor) -> Made:
    """Pictures whose pixels come from other places.

    Args:
        pictures: (n, 3, h, w).
        across, down: (n, h, w); the column and the row that each pixel comes from, counted from 0.
    """
    import torch
    from torch.nn import functional

    height, width = pictures.shape[2:]
    grid = torch.stack([(2 * across + 1) / width - 1, (2 * down + 1) / height - 1], -1)
    target = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    slack = 1e-3  # of a pixel, for rounding
    known = (across >= -slack) & (across <= width - 1 + slack)
    known &= (down >= -slack) & (down <= height - 1 + slack)
    return target, known[:, None].to(pictures)


def _places(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Columns (1, 1, w) and rows (1, h, 1), counted from the middle."""
    import torch

    height, width = pictures.shape[2:]
    columns = torch.arange(width, device=pictures.device) - (width - 1) / 2
    rows = torch.arange(height, device=pictures.device) - (height - 1) / 2
    return columns[None, None, :], rows[None, :, None]


def _moved(pictures: Tensor, across: Tensor, down: Tensor) -> Made:
    """The same, with places counted from the middle."""
    height, width = pictures.shape[2:]
    size = (len(pictures), height, width)
    return _placed(pictures, (across + (width - 1) / 2).expand(size), (down + (height - 1) / 2).expand(size))


def _shift_x(pictures: Tensor, amounts: Tensor) -> Made:
    columns, rows = _places(pictures)
    return _moved(pictures, columns - amounts[:, None, None] * pictures.shape[3], rows)


def _shift_y(pictures: Tensor, amounts: Tensor) -> Made:
    columns, rows = _places(pictures)
    return _moved(pictures, columns, rows - amounts[:, None, None] * pictures.shape[2])


def _zoom(pictures: Tensor, amounts: Tensor) -> Made:
    columns, rows = _places(pictures)
    scale = 2 ** -amounts[:, None, None]
    return _moved(pictures, columns * scale, rows * scale)


def _rotate(pictures: Tensor, amounts: Tensor) -> Made:
    columns, rows = _places(pictures)
    angle = amounts[:, None, None] * (math.pi / 180)
    return _moved(
        pictures, columns * angle.cos() + rows * angle.sin(), rows * angle.cos() - columns * angle.sin()
    )


def _coloured(channels: tuple[float, ...]) -> Callable[[Tensor, Tensor], Made]:
    def make(pictures: Tensor, amounts: Tensor) -> Made:
        # From black to white is 2 here. What would be darker than black or brighter than white is not known.
        step = 2 * amounts[:, None, None, None] * pictures.new_tensor(channels)[:, None, None]
        target = pictures + step
        return target, (target.abs() <= 1).to(pictures)

    return make


_WHITE = "share of the range from black to white"

TRANSFORMS: Mapping[TransformName, Transform] = MappingProxyType(
    {
        "shift_x": Transform("share of the width, to the right", 0.1, _shift_x),
        "shift_y": Transform("share of the height, downwards", 0.1, _shift_y),
        "zoom": Transform("doublings of the size", 0.25, _zoom),
        "rotate": Transform("degrees, clockwise", 10.0, _rotate),
        "brightness": Transform(_WHITE, 0.1, _coloured((1.0, 1.0, 1.0))),
        "red": Transform(_WHITE, 0.1, _coloured((1.0, 0.0, 0.0))),
        "green": Transform(_WHITE, 0.1, _coloured((0.0, 1.0, 0.0))),
        "blue": Transform(_WHITE, 0.1, _coloured((0.0, 0.0, 1.0))),
    }
)
"""Those of the paper, but for the rotation in depth."""
