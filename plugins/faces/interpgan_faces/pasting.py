"""An edited face back into its photograph.

Letters in shapes: s side of the square, h w pixels of the photograph. Images are float32 in [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Square

How: TypeAlias = Literal["difference", "ellipse", "mix"]

RADII = (
    205 / 512,
    250 / 512,
)  # of the ellipse that holds a face, across and down, as shares of the square's side
CENTRE = 256 / 512, 270 / 512
FEATHER = 0.04  # of the square's side
CHANGED = 28 / 255  # a change, from -1 to 1, at which little of the photograph is kept
INSIDE = 0.9  # share of the change within the ellipse, from which on the ellipse alone is pasted
WRONG = 0.02  # mean product of change and error of the inversion, from which on the error is not kept


@dataclass(frozen=True)
class Pasted:
    """A photograph with an edited face, and how it was pasted.

    Args:
        image: (3, h, w).
        how: see `paste`.
    """

    image: Tensor
    how: How


def paste(
    photograph: Tensor,
    square: Square,
    inverted: Tensor,
    edited: Tensor,
    known: Tensor,
    how: How | None = None,
) -> Pasted:
    """Put an edited face back.

    Args:
        photograph: (3, h, w).
        square: where the face was cut out.
        inverted: (3, s, s) the generator's picture of the face.
        edited: (3, s, s) that of the edited code.
        known: (s, s) bool, what the photograph shows of the square.
        how: difference: what the edit changes is added to the photograph, whose details stay; ellipse: the same within
            the face; mix: the same where the edit changes little, and the edited picture where it changes much; None
            chooses.
    """
    side = inverted.shape[1]
    ellipse = face_ellipse(side)
    change = _blurred((edited - inverted).abs().mean(0), side * FEATHER / 2)
    how = how or choose(square.cut(photograph, side), inverted, change, ellipse)
    keep = torch.exp(-((change / CHANGED) ** 2)) if how == "mix" else torch.ones(side, side)
    mask = (ellipse if how == "ellipse" else _rounded(side)) * known
    mask = mask * _blurred(known.float(), side * FEATHER)  # no edge where the photograph ends
    layers = torch.cat([edited - inverted, edited, keep[None], mask[None]])
    placed = square.put(layers, (photograph.shape[1], photograph.shape[2]))
    difference, whole, kept, weight = placed[:3], placed[3:6], placed[6:7], placed[7:]
    moved = kept * difference + (1 - kept) * (whole - photograph)
    return Pasted((photograph + weight * moved).clamp(-1, 1), how)


def choose(photograph: Tensor, inverted: Tensor, change: Tensor, ellipse: Tensor) -> How:
    """How an edit is pasted best.

    A difference carries the errors of the inversion along: a mouth that closes leaves the teeth that were drawn
    wrongly. So where change and error meet, the edited picture itself is better.

    Args:
        photograph, inverted: (3, s, s).
        change: (s, s) mean of the colours' absolute changes.
        ellipse: (s, s) of the face.
    """
    error = (photograph - inverted).abs().mean(0)
    if float((change * error).mean() / change.mean().clamp(min=1e-6)) * float(change.mean()) > WRONG**2:
        return "mix"
    inside = float((change * ellipse).sum() / change.sum().clamp(min=1e-6))
    return "ellipse" if inside > INSIDE else "difference"


def face_ellipse(side: int) -> Tensor:
    """(s, s) weights: 1 in the face, 0 well outside, where an aligned square holds it."""
    at = (torch.arange(side) + 0.5) / side
    across, down = (at - CENTRE[0]) / RADII[0], (at - CENTRE[1]) / RADII[1]
    apart = (across[None, :].square() + down[:, None].square()).sqrt()
    return ((1 - apart) / FEATHER / 2 + 0.5).clamp(0, 1)


def _rounded(side: int) -> Tensor:
    """(s, s) weights: 1 in the square, falling to 0 at its border, with round corners."""
    at = ((torch.arange(side) + 0.5) / side * 2 - 1).abs()
    apart = (at[None, :] ** 6 + at[:, None] ** 6) ** (1 / 6)
    return ((0.98 - apart) / FEATHER / 4).clamp(0, 1)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """(s, s) by a Gaussian, mirrored at the borders; sigma in pixels."""
    reach = max(1, round(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(image[None, None], [reach] * 4, mode="reflect")
    across = functional.conv2d(padded, kernel[None, None, None])
    return functional.conv2d(across, kernel[None, None, :, None])[0, 0]
