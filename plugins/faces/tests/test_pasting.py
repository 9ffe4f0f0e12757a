"""The formulas of pasting, by hand: masks, blurs, how much of the photograph is kept, and what stands in its place."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from interpgan_core import Square
from interpgan_faces.pasting import around, blurred, face_ellipse, kept, paste, rounded


def test_the_ellipse():
    """Its middle is at 256 and 270 of 512, its radii are 205 and 250, and it fades over 0.04 of them both ways."""
    ellipse = face_ellipse(512)
    assert ellipse[270, 256] == 1 and ellipse[0, 0] == 0
    beyond = 0.5 / 205 / 0.08  # half a pixel outside of the radius
    for row, column in ((270, 461), (269, 461), (270, 50), (269, 50)):
        assert float(ellipse[row, column]) == pytest.approx(0.5 - beyond, abs=1e-3)
    assert float(ellipse[20, 256]) == pytest.approx(0.5 + 0.5 / 250 / 0.08, abs=1e-3)
    assert float(ellipse[510, 255]) == pytest.approx(0.5 + 9.5 / 250 / 0.08, abs=1e-3)
    inside = face_ellipse(4)  # of few pixels each stands for its middle: 64 and 192 of 512 from the borders
    apart = math.hypot((64 - 256) / 205, (64 - 270) / 250)
    assert float(inside[0, 0]) == pytest.approx(min(max((1 - apart) / 0.08 + 0.5, 0), 1), abs=1e-5)


def test_the_rounded_square():
    """0.98 of the square at the middle of a side, of a corner as far as a sum of sixth powers; it fades over 0.16."""
    mask = rounded(100)
    assert mask[50, 50] == 1 and mask.min() == 0
    assert torch.allclose(mask, mask.flip(0), atol=1e-5) and torch.allclose(mask, mask.T, atol=1e-5)

    def expected(y, x):
        return (0.98 - (y**6 + x**6) ** (1 / 6)) / 0.16

    for row, column in ((50, 2), (50, 5), (10, 10), (8, 15)):
        y, x = abs((row + 0.5) / 50 - 1), abs((column + 0.5) / 50 - 1)
        assert 0 < expected(y, x) < 1
        assert float(mask[row, column]) == pytest.approx(expected(y, x), abs=1e-5)
    assert mask[50, 0] == mask[4, 4] == 0


@pytest.mark.parametrize("sigma", [0.2, 1.0, 2.0, 3.9])
def test_a_blur_is_that_of_scipy(sigma):
    image = torch.from_numpy(np.random.default_rng(0).random((20, 20), dtype=np.float32))
    radius = math.ceil(3 * sigma)
    expected = scipy.ndimage.gaussian_filter(image.numpy(), sigma, mode="mirror", radius=radius)
    assert np.allclose(blurred(image, sigma).numpy(), expected, atol=1e-6)


def test_what_is_kept_of_an_even_change():
    """exp(-(change / 0.25)² - (change · error / 0.02)²)"""
    for change, error in ((0.25, 0.0), (0.05, 0.4), (0.1, 0.1)):
        found = kept(torch.full((20, 20), change), torch.full((20, 20), error))
        assert torch.allclose(
            found, torch.tensor(math.exp(-((change / 0.25) ** 2) - (change * error / 0.02) ** 2))
        )


def test_how_far_a_change_is_noticed():
    """A line of it is spread by Gaussians of 0.015 and, where the inversion errs, of 0.01 of the side."""
    change = torch.zeros(400, 400)
    change[:, 200] = 1.0

    def line(distance, sigma):
        return math.exp(-((distance / sigma) ** 2) / 2) / sigma / math.sqrt(2 * math.pi)

    for distance in (0, 3, 6):
        much, wrong = line(distance, 6) / 0.25, line(distance, 4) * 0.2 / 0.02
        alone, both = kept(change, torch.zeros(400, 400)), kept(change, torch.full((400, 400), 0.2))
        assert float(alone[200, 200 + distance]) == pytest.approx(math.exp(-(much**2)), rel=0.01)
        assert float(both[200, 200 + distance]) == pytest.approx(math.exp(-(much**2) - wrong**2), rel=0.02)


def test_errors_around_a_place():
    """Means by weight; what has a thousandth of it counts half."""
    error = torch.tensor([0.5, -0.25, 1.0])[:, None, None].expand(3, 40, 40)
    assert torch.allclose(around(error, torch.ones(40, 40)), error / 1.001)
    assert torch.allclose(around(error, torch.full((40, 40), 1e-3)), error / 2)
    assert (around(error, torch.zeros(40, 40)) == 0).all()


def test_how_far_errors_reach():
    """An edge of them is spread by a Gaussian of 0.03 of the side."""
    error = torch.zeros(3, 400, 400)
    error[:, :, 200:] = 1.0
    found = around(error, torch.ones(400, 400))
    for distance in (-12, -4, 0, 4, 12):
        expected = (1 + math.erf((distance + 0.5) / 12 / math.sqrt(2))) / 2 / 1.001
        assert float(found[1, 200, 200 + distance]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("change", "error"), [(0.3, 0.0), (0.1, 0.3), (-0.1, 0.2), (0.25, -0.1)])
@pytest.mark.parametrize("shows_all", [True, False])
def test_the_mix_of_an_even_change(change, error, shows_all):
    """Kept k, the difference; of the rest the edited picture, with the photograph's colours as far as k shows them."""
    side, colour = 64, 0.2
    square, photograph = Square(48, 48, 32, 0), torch.full((3, 96, 96), colour)
    inverted = torch.full((3, side, side), colour - error)
    known = torch.ones(side, side, dtype=torch.bool)
    known[:, :20] = shows_all
    made = paste(photograph, square, inverted, inverted + change, known, "mix")
    k = math.exp(-((change / 0.25) ** 2) - (change * error / 0.02) ** 2)
    shown = colour - error + change + error * k / (k + 1e-3)
    expected = colour + k * change + (1 - k) * (shown - colour)
    assert made[:, 48, 52].numpy() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("how", ["difference", "ellipse", "mix"])
def test_nothing_leaves_the_range_of_pictures(how):
    square, photograph = Square(32, 32, 32, 0), torch.zeros(3, 64, 64)
    for change, limit in ((5.0, 1.0), (-5.0, -1.0)):
        made = paste(
            photograph, square, torch.zeros(3, 64, 64), torch.full((3, 64, 64), change),
            torch.ones(64, 64, dtype=torch.bool), how,
        )  # fmt: skip
        assert (made[:, 32, 32] == limit).all() and made.abs().max() == 1


def test_the_ellipse_leaves_more_than_the_difference():
    """Between the face and the border of the square."""
    square, photograph = Square(32, 32, 32, 0), torch.zeros(3, 64, 64)
    edited, everywhere = torch.full((3, 64, 64), 0.5), torch.ones(64, 64, dtype=torch.bool)
    added, face = (
        paste(photograph, square, torch.zeros(3, 64, 64), edited, everywhere, how)
        for how in ("difference", "ellipse")
    )
    assert (face[:, 10, 10] == 0).all() and (added[:, 10, 10] > 0.4).all()
    assert torch.allclose(face[:, 32, 32], added[:, 32, 32])
    assert face[:, 32, 32].numpy() == pytest.approx(0.5, abs=1e-6)


def test_photographs_that_are_no_squares():
    square = Square(40, 30, 20, 0)
    made = paste(
        torch.zeros(3, 60, 90), square, torch.zeros(3, 40, 40), torch.full((3, 40, 40), 0.5),
        torch.ones(40, 40, dtype=torch.bool), "difference",
    )  # fmt: skip
    assert made.shape == (3, 60, 90) and made[:, 30, 40].numpy() == pytest.approx(0.5, abs=1e-5)
