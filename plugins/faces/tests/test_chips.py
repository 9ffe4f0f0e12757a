"""A face's square is found from its points."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from interpgan_core import Square
from interpgan_faces.chips import MEANS, PLACES, chip_square, prepared

sizes = st.floats(5, 500)
places = st.floats(-1000, 1000)


def points_of(square, padding):
    """Where dlib's places are, in a square with padding; the nose anywhere."""
    inside = (torch.tensor(PLACES, dtype=torch.float64) - 0.5) * 2 / (1 + 2 * padding)
    right, left, *mouth = square.outside(inside)
    return torch.stack([right, left, torch.tensor([7.0, 9.0]).double(), *mouth])


@given(places, places, sizes, st.floats(-3.14, 3.14), st.floats(0, 1))
def test_the_square_of_points_in_dlibs_places_is_recovered(x, y, length, angle, padding):
    turn = torch.tensor(angle).double()
    square = Square(x, y, float(length * turn.cos()), float(length * turn.sin()))
    found = chip_square(points_of(square, padding), padding)
    for name in ("x", "y", "right_x", "right_y"):
        assert abs(getattr(found, name) - getattr(square, name)) < 1e-8 * (1000 + length)


@given(st.floats(0, 1))
def test_padding_widens_the_square_about_one_middle(padding):
    points = points_of(Square(100, 80, 30, 5), 0)
    found = chip_square(points, padding)
    assert abs(found.x - 100) < 1e-6 and abs(found.y - 80) < 1e-6
    assert abs(found.side - (1 + 2 * padding) * Square(100, 80, 30, 5).side) < 1e-6


def test_errors_of_the_points_are_shared():
    points = points_of(Square(100, 80, 30, 0), 0.25)
    shifted = points.clone()
    shifted[0, 0] += 4
    assert abs(chip_square(shifted, 0.25).x - 101) < 0.5


def test_chips_are_brought_to_dlibs_numbers():
    assert torch.allclose(prepared(torch.ones(1, 3, 2, 2))[0, :, 0, 0], (255 - torch.tensor(MEANS)) / 256)
    assert torch.allclose(prepared(-torch.ones(1, 3, 2, 2))[0, :, 0, 0], -torch.tensor(MEANS) / 256)
