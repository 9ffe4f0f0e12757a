"""Adaptive augmentation of what a discriminator sees, so that it cannot memorise a small data set."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import InterpganError

Motion = Literal["flip", "rotate90", "shift", "scale", "rotate", "stretch", "move"]
Colour = Literal["brightness", "contrast", "luma", "hue", "saturation"]
Kind = Motion | Colour
Values = dict[Kind, tuple[Tensor, ...]]

MOTIONS: tuple[Kind, ...] = get_args(Motion)
COLOURS: tuple[Kind, ...] = get_args(Colour)
KINDS = MOTIONS + COLOURS
DEFAULT = tuple(kind for kind in KINDS if kind != "rotate90")

# A kind is I + value * G ("added") or exp(value * G) ("grown") of one of these G: a value of 0 changes nothing.
ACROSS = torch.tensor([[0, 0, 1], [0, 0, 0], [0, 0, 0]]).double()
DOWN = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 0, 0]]).double()
MIRROR = torch.tensor([-2, 0, 0]).double().diag()
TURN = torch.tensor([[0, -1, 0], [1, 0, 0], [0, 0, 0]]).double()
ALIKE = torch.tensor([1, 1, 0]).double().diag()
OPPOSITE = torch.tensor([1, -1, 0]).double().diag()
RGB = torch.tensor([1, 1, 1, 0]).double().diag()
LIGHT = torch.tensor([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]).double()
GREY = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]).double() / 3
AROUND_GREY = torch.tensor([[0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 0], [0, 0, 0, 0]]).double() / 3**0.5


def augment(
    images: Tensor, probability: float, random: torch.Generator, kinds: Collection[Kind] = DEFAULT
) -> Tensor:
    """Transform each picture at random; a generator still learns the data, not the transformations.

    That holds while a picture as it was is more frequent than any transformed one, so "rotate90" is no default:
    "rotate" has its angles too, and at a probability of 0.8 both leave 0.08 of the pictures upright, "rotate" 0.2.
    "flip" is one: leave it out where left and right differ (letters, faces with such labels). At a probability of 1
    nothing tells a picture from one after "flip", "rotate90", "rotate", "luma" or "hue", and these are learned.

    Args:
        images: (n, 3, h, w) float in [-1, 1]; differentiable, as often as `grid_sample` is.
        probability: of each kind for each picture, in [0, 1].
        random: of the CPU. It draws for every kind, chosen or not, so that the others stay the same without one.
        kinds: any of `KINDS`, applied in that order; N(mean, standard deviation). "flip": left to right, every other
            time; "rotate90": by 0 to 3 quarters, for square pictures; "shift": by whole pixels, up to 1/8 of the
            picture; "scale": by 2**N(0, 0.2); "rotate": by any angle, before and after "stretch": wider by
            2**N(0, 0.2), as much lower; "move": by N(0, 1/8) of the picture; "brightness": plus N(0, 0.2);
            "contrast": times 2**N(0, 0.5); "luma": dark to light, every other time; "hue": by any angle;
            "saturation": times 2**N(0, 1).

    Returns:
        (n, 3, h, w) of the same type, which colours may take out of [-1, 1]; `images` itself at a probability of 0.

    Raises:
        InterpganError: if there is no such kind.

    Source:
        Karras et al., Training Generative Adversarial Networks with Limited Data, NeurIPS 2020, section 2 and
        appendix B. Deviation: pictures are sampled once, bilinearly, without wavelets against aliasing.
    """
    if unknown := set(kinds) - set(KINDS):
        raise InterpganError(f"no augmentation is called {min(unknown)!r}: choose among {', '.join(KINDS)}")
    if probability == 0:
        return images
    drawn = _drawn(len(images), probability, random, kinds)
    made = images.to(torch.promote_types(images.dtype, torch.float32))
    with torch.autocast(images.device.type, enabled=False):
        if not set(kinds).isdisjoint(MOTIONS):
            made = _moved(made, drawn)
        if not set(kinds).isdisjoint(COLOURS):
            made = _coloured(made, drawn)
    return made.to(images.dtype)


def adapt(probability: float, sign: float, images: int, target: float = 0.6, kimg: float = 500) -> float:
    """The next probability of `augment`: more where the discriminator has memorised the data, else less.

    Args:
        probability: so far.
        sign: mean sign of the logits of real pictures, in [-1, 1]; near 1 it knows them.
        images: real pictures shown since the last time.
        target: of `sign`.
        kimg: thousands of pictures from a probability of 0 to 1.

    Returns:
        A number in [0, 1].

    Source:
        As `augment`, section 3, r_t. Deviation: as often as called, there every four batches.
    """
    direction = (sign > target) - (sign < target)
    return min(max(probability + direction * images / (1000 * kimg), 0.0), 1.0)


def _drawn(count: int, probability: float, random: torch.Generator, kinds: Collection[Kind]) -> Values:
    """The (count,) values of each kind: 0 where it is not applied."""

    def normal(std: float, width: int = 1) -> Tensor:
        return std * torch.randn(count, width, generator=random, dtype=torch.float64)

    def uniform(most: float, width: int = 1) -> Tensor:
        return most * (2 * torch.rand(count, width, generator=random, dtype=torch.float64) - 1)

    def whole(below: int) -> Tensor:
        return torch.randint(below, (count, 1), generator=random).double()

    values: dict[Kind, Tensor] = {
        "flip": whole(2),
        "rotate90": whole(4) * (math.pi / 2),
        "shift": uniform(1 / 8, 2),
        "scale": normal(0.2 * math.log(2)),
        "rotate": uniform(math.pi, 2),
        "stretch": normal(0.2 * math.log(2)),
        "move": normal(1 / 8, 2),
        "brightness": normal(0.2),
        "contrast": normal(0.5 * math.log(2)),
        "luma": whole(2),
        "hue": uniform(math.pi),
        "saturation": normal(math.log(2)),
    }
    drawn = {}
    for kind, value in values.items():
        lots = torch.rand(count, 2, generator=random, dtype=torch.float64)
        # Each of the two rotations is rarer, so that at least one of them comes with the probability.
        applied = lots < 1 - (1 - probability) ** 0.5 if kind == "rotate" else lots[:, :1] < probability
        drawn[kind] = (value * (applied & (kind in kinds))).unbind(1)
    return drawn


def _moved(images: Tensor, drawn: Values) -> Tensor:
    # From a place in the result to where it comes from in the picture, in pixels from the middle. That is the inverse
    # of what happens to the picture, and as likely: every value comes as often as its opposite.
    height, width = images.shape[2:]
    (flip,), (quarter,), (right, down) = drawn["flip"], drawn["rotate90"], drawn["shift"]
    (scale,), (before, after), (stretch,) = drawn["scale"], drawn["rotate"], drawn["stretch"]
    matrix = _added(flip, MIRROR) @ _grown(quarter, TURN)
    matrix = matrix @ _added((right * width).round(), ACROSS) @ _added((down * height).round(), DOWN)
    matrix = matrix @ _grown(scale, ALIKE) @ _grown(before, TURN) @ _grown(stretch, OPPOSITE)
    right, down = drawn["move"]
    matrix = matrix @ _grown(after, TURN) @ _added(right * width, ACROSS) @ _added(down * height, DOWN)
    halves = matrix.new_tensor([width / 2, height / 2, 1])
    theta = (matrix * halves / halves[:, None])[:, :2].to(images)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _coloured(images: Tensor, drawn: Values) -> Tensor:
    (brightness,), (contrast,), (luma,), (hue,), (saturation,) = (drawn[kind] for kind in COLOURS)
    matrix = _added(-2 * luma, GREY) @ _grown(contrast, RGB) @ _added(brightness, LIGHT)
    matrix = _grown(saturation, RGB - GREY) @ _grown(hue, AROUND_GREY) @ matrix
    matrix, pixels = matrix.to(images), images.permute(0, 2, 3, 1)
    made = torch.baddbmm(matrix[:, None, :3, 3], pixels.flatten(1, 2), matrix[:, :3, :3].mT)
    return made.view(pixels.shape).permute(0, 3, 1, 2)


def _added(values: Tensor, generator: Tensor) -> Tensor:
    return torch.eye(len(generator), dtype=torch.float64) + values[:, None, None] * generator


def _grown(values: Tensor, generator: Tensor) -> Tensor:
    return torch.matrix_exp(values[:, None, None] * generator)
