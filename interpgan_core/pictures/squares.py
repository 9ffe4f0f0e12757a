"""A square in a picture, at any angle: where a face was cut out, and where it is put back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_FINE = 2  # samples a pixel and axis, averaged


@dataclass(frozen=True)
class Square:
    """A square; lengths in pixels, the middle of the first pixel is at 0.5.

    Args:
        x, y: its middle.
        right_x, right_y: the way from there to the middle of its right side.

    Example:
        >>> import torch
        >>> from interpgan_core import Square
        >>> half = Square(4, 4, 2, 0)
        >>> half.side, tuple(half.cut(torch.zeros(3, 8, 8), 16).shape)
        (4.0, (3, 16, 16))
    """

    x: float
    y: float
    right_x: float
    right_y: float

    @property
    def side(self) -> float:
        """Its length, in pixels."""
        return 2 * math.hypot(self.right_x, self.right_y)

    def inside(self, points: Tensor) -> Tensor:
        """Points of the picture as places in the square.

        Args:
            points: (..., 2) x and y in pixels.

        Returns:
            (..., 2): -1 at the left and upper side of the square, 1 at the right and lower one.
        """
        import torch

        right = points.new_tensor([self.right_x, self.right_y])
        down = points.new_tensor([-self.right_y, self.right_x])
        apart = points - points.new_tensor([self.x, self.y])
        return torch.stack([apart @ right, apart @ down], -1) / right.square().sum()

    def outside(self, places: Tensor) -> Tensor:
        """The reverse of `inside`."""
        right = places.new_tensor([self.right_x, self.right_y])
        down = places.new_tensor([-self.right_y, self.right_x])
        middle = places.new_tensor([self.x, self.y])
        return middle + places[..., :1] * right + places[..., 1:] * down

    def cut(self, image: Tensor, side: int) -> Tensor:
        """What the square holds; beyond the picture's borders the picture is mirrored.

        Args:
            image: (c, h, w) float32.
            side: of the result, in pixels.

        Returns:
            (c, side, side), each pixel the mean of what it covers.
        """
        from torch.nn import functional

        square, coarse = self, int(self.side / side)
        if coarse > 1:
            image = functional.avg_pool2d(image[None], coarse, ceil_mode=True)[0]
            square = Square(*(v / coarse for v in (self.x, self.y, self.right_x, self.right_y)))
        height, width = image.shape[1:]
        grid = square.outside(_places(side * _FINE).to(image)) / image.new_tensor([width, height]) * 2 - 1
        found = functional.grid_sample(
            image[None], grid[None], padding_mode="reflection", align_corners=False
        )
        return functional.avg_pool2d(found, _FINE)[0]

    def known(self, size: tuple[int, int], side: int) -> Tensor:
        """Which pixels of `cut` show the picture itself.

        Args:
            size: height and width of the picture, in pixels.
            side: of the cut, in pixels.

        Returns:
            (side, side) bool; False where the picture was mirrored.
        """
        places = self.outside(_places(side))
        x, y = places.unbind(-1)
        return (x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0])

    def put(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """The square's content at its place in an empty picture.

        Args:
            image: (c, s, s) float32, what the square holds.
            size: height and width of the picture, in pixels.

        Returns:
            (c, h, w) float32; 0 outside the square.
        """
        import torch
        from torch.nn import functional

        coarse = int(image.shape[1] / self.side)
        if coarse > 1:  # the cut is finer than the picture
            image = functional.avg_pool2d(image[None], coarse, ceil_mode=True)[0]
        height, width = size
        result = image.new_zeros(len(image), height, width)
        reach = abs(self.right_x) + abs(self.right_y)  # of the corners, along each axis
        top, bottom = max(0, int(self.y - reach)), min(height, math.ceil(self.y + reach))
        left, right = max(0, int(self.x - reach)), min(width, math.ceil(self.x + reach))
        if top < bottom and left < right:
            y, x = torch.meshgrid(
                torch.arange(top, bottom) + 0.5, torch.arange(left, right) + 0.5, indexing="ij"
            )
            grid = self.inside(torch.stack([x, y], -1)).to(image)
            found = functional.grid_sample(
                image[None], grid[None], padding_mode="border", align_corners=False
            )[0]
            result[:, top:bottom, left:right] = found * (grid.abs().amax(-1) <= 1)
        return result


def _places(side: int) -> Tensor:
    """(side, side, 2) the middles of a square's pixels, as of `Square.inside`."""
    import torch

    at = (torch.arange(side) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    return torch.stack([x, y], -1)
