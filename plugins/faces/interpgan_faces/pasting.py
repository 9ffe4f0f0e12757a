"""An edited face back into its photograph.

Letters in shapes: s side of the square, h w pixels of the photograph. Images are float32 in [-1, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Square
from interpgan_faces.ways import How

# The ellipse that holds a face, across and down, as shares of the square's side.
RADII, CENTRE = (205 / 512, 250 / 512), (256 / 512, 270 / 512)
FEATHER = 0.04  # of the square's side
FINE, BROAD = 0.01, 0.015  # standard deviations of blurs, as shares of the square's side
WIDE, COARSE = 0.03, 4  # the same of colours around a place, and how much smaller they are reckoned
LITTLE = 1e-3  # weight that is as good as none
# Of pixels from -1 to 1, where little of the photograph is kept: a change, and the product of a change and of the error
# of the inversion there. Chosen by eye on six edits of one photograph.
CHANGED, WRONG = 0.25, 0.02


def paste(
    photograph: Tensor, square: Square, inverted: Tensor, edited: Tensor, known: Tensor, how: How = "mix"
) -> Tensor:
    """Put an edited face back.

    A difference carries the errors of the inversion along: where a mouth closes, teeth that were drawn wrongly would
    stay as a shadow. So `mix` keeps less of the photograph the more change and error meet. What the edited picture
    shows there gets the colours of the photograph around it: where a head turns away, the generator draws a wall of
    its own.

    Args:
        photograph: (3, h, w).
        square: where the face was cut out.
        inverted: (3, s, s) the generator's picture of the face.
        edited: (3, s, s) that of the edited code.
        known: (s, s) bool, what the photograph shows of the square.
        how: difference: what the edit changes is added to the photograph, whose details stay; ellipse: the same within
            the face; mix: the same where the edit changes little, the edited picture where it changes much.

    Returns:
        (3, h, w).
    """
    side = inverted.shape[1]
    keep, shown = torch.ones(side, side), edited
    if how == "mix":
        change = (edited - inverted).abs().mean(0)
        error = square.cut(photograph, side) - inverted
        keep = kept(change, error.abs().mean(0))
        shown = edited + around(error, keep * known)
    mask = face_ellipse(side) if how == "ellipse" else rounded(side)
    mask = mask * known * blurred(known.float(), side * FEATHER)  # no edge where the photograph ends
    layers = torch.cat([edited - inverted, shown, keep[None], mask[None]])
    placed = square.put(layers, (photograph.shape[1], photograph.shape[2]))
    difference, whole, keep, weight = placed[:3], placed[3:6], placed[6:7], placed[7:]
    moved = keep * difference + (1 - keep) * (whole - photograph)
    return (photograph + weight * moved).clamp(-1, 1)


def kept(change: Tensor, error: Tensor) -> Tensor:
    """(s, s) how much of the photograph is kept, 1 to 0; change and error: (s, s), none below 0."""
    side = change.shape[0]
    much = blurred(change, side * BROAD) / CHANGED
    wrong = blurred(change * error, side * FINE) / WRONG
    return torch.exp(-much.square() - wrong.square())


def face_ellipse(side: int) -> Tensor:
    """(s, s) weights: 1 in the face, 0 well outside, where an aligned square holds it."""
    at = (torch.arange(side) + 0.5) / side
    across, down = (at - CENTRE[0]) / RADII[0], (at - CENTRE[1]) / RADII[1]
    apart = (across[None, :].square() + down[:, None].square()).sqrt()
    return ((1 - apart) / FEATHER / 2 + 0.5).clamp(0, 1)


def rounded(side: int) -> Tensor:
    """(s, s) weights: 1 in the square, falling to 0 at its border, with round corners."""
    at = (torch.arange(side) + 0.5) / side * 2 - 1
    apart = (at[None, :] ** 6 + at[:, None] ** 6) ** (1 / 6)
    return ((0.98 - apart) / FEATHER / 4).clamp(0, 1)


def around(error: Tensor, weight: Tensor) -> Tensor:
    """(3, s, s) means of an error around each place, of what has a weight (s, s) there; 0 where nothing has."""
    side = error.shape[1]
    coarse = functional.adaptive_avg_pool2d(torch.cat([error * weight, weight[None]]), side // COARSE)
    spread = torch.stack([blurred(each, WIDE * side / COARSE) for each in coarse])
    means = spread[:3] / (spread[3:] + LITTLE)
    return functional.interpolate(means[None], (side, side), mode="bilinear", align_corners=False)[0]


def blurred(image: Tensor, sigma: float) -> Tensor:
    """(s, s) by a Gaussian, mirrored at the borders; sigma in pixels."""
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(image[None, None], [reach] * 4, mode="reflect")
    across = functional.conv2d(padded, kernel[None, None, None])
    return functional.conv2d(across, kernel[None, None, :, None])[0, 0]
