"""Squares of pictures by hand: places, what is cut, what is known, what is put back."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from interpgan_core import Square

UPRIGHT, LYING = Square(4, 6, 2, 0), Square(4, 6, 0, 2)


def rows(height, width):
    """(2, h, w): the place of each pixel, x and y of its middle."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y])


def test_a_square_does_not_change():
    assert UPRIGHT.side == LYING.side == 4 and Square(0, 0, 3, 4).side == 10
    with pytest.raises(FrozenInstanceError):
        UPRIGHT.x = 1


@pytest.mark.parametrize(
    ("square", "place", "point"),
    [
        (UPRIGHT, (0, 0), (4, 6)),
        (UPRIGHT, (1, 0), (6, 6)),
        (UPRIGHT, (0, 1), (4, 8)),
        (UPRIGHT, (-1, 0.5), (2, 7)),
        (LYING, (1, 0), (4, 8)),
        (LYING, (0, 1), (2, 6)),
        (Square(1, 2, 3, 4), (1, 0), (4, 6)),
        (Square(1, 2, 3, 4), (0, 1), (-3, 5)),
    ],
)
def test_places_in_a_square(square, place, point):
    """To the right is 1, 0; down is a quarter turn further."""
    place, point = torch.tensor([place]).double(), torch.tensor([point]).double()
    torch.testing.assert_close(square.outside(place), point)
    torch.testing.assert_close(square.inside(point), place)


def test_each_pixel_of_a_cut_is_the_mean_of_what_it_covers():
    """Of pixels that hold their own place the cut holds the places of its pixels."""
    cut = UPRIGHT.cut(rows(12, 12), 2)
    assert cut.shape == (2, 2, 2)
    torch.testing.assert_close(cut[0], torch.tensor([[3.0, 5], [3, 5]]))
    torch.testing.assert_close(cut[1], torch.tensor([[5.0, 5], [7, 7]]))
    fine = UPRIGHT.cut(rows(12, 12), 8)
    torch.testing.assert_close(fine[0, 0], 2.25 + torch.arange(8) / 2)
    torch.testing.assert_close(fine[1, :, 0], 4.25 + torch.arange(8) / 2)
    wide = Square(6, 8, 4, 0).cut(rows(16, 20), 8)
    torch.testing.assert_close(wide[0, 0], 2.5 + torch.arange(8.0))
    turned = LYING.cut(rows(12, 12), 2)
    torch.testing.assert_close(turned[1], torch.tensor([[5.0, 7], [5, 7]]))
    torch.testing.assert_close(turned[0], torch.tensor([[5.0, 5], [3, 3]]))


def test_a_coarse_cut_averages_every_pixel():
    """A cut of a third of the size is the mean of nine pixels, none of them left out."""
    picture = torch.zeros(1, 12, 12)
    picture[0, ::3, 1::3] = 9
    cut = Square(6, 6, 6, 0).cut(picture, 4)
    torch.testing.assert_close(cut, torch.ones(1, 4, 4))


def test_a_pixel_is_the_mean_of_two_samples_an_axis():
    """A quarter of a pixel to both sides of its middle, where the pixel itself weighs 3/4 along each axis."""
    picture = torch.zeros(1, 9, 9)
    picture[0, 4, 4] = 1
    weights = torch.tensor([0.125, 0.75, 0.125])
    torch.testing.assert_close(Square(4.5, 4.5, 1.5, 0).cut(picture, 3)[0], weights[:, None] * weights)


def test_a_coarse_cut_sees_the_last_row_of_an_odd_picture():
    cut = Square(5, 5, 4, 0).cut(rows(9, 9), 4)
    torch.testing.assert_close(cut[0, 0, :3], torch.tensor([2.0, 4, 6]))
    assert cut[0, 0, 3] == cut[1, 3, 0] > 7.5  # 7 and a little where the last one is lost


def test_what_lies_beyond_the_picture_is_mirrored():
    cut = Square(0, 6, 2, 0).cut(rows(12, 12), 4)
    torch.testing.assert_close(cut[0, 0], torch.tensor([1.5, 0.5, 0.5, 1.5]), atol=0.13, rtol=0)
    known = Square(0, 6, 2, 0).known((12, 12), 4)
    assert known.tolist() == [[False, False, True, True]] * 4


@pytest.mark.parametrize(
    ("square", "known"),
    [
        (Square(8, 3, 2, 0), [[True, False]] * 2),
        (Square(4, 0, 2, 0), [[False, False], [True, True]]),
        (Square(4, 6, 2, 0), [[True, True], [False, False]]),
        (Square(1, 3, 2, 0), [[True, True]] * 2),
        (Square(7, 1, 2, 0), [[True, True]] * 2),
        (Square(4, 5, 2, 0), [[True, True]] * 2),
    ],
)
def test_which_pixels_show_the_picture(square, known):
    """Of a picture of 6 rows and 8 columns; its border itself is still known."""
    assert square.known((6, 8), 2).tolist() == known


def test_a_square_is_put_back_where_it_was():
    put = UPRIGHT.put(torch.ones(1, 4, 4), (10, 8))
    expected = torch.zeros(1, 10, 8)
    expected[0, 4:8, 2:6] = 1
    assert torch.equal(put, expected)
    back = UPRIGHT.put(UPRIGHT.cut(rows(12, 12), 8), (12, 12))
    torch.testing.assert_close(back[:, 4:8, 2:6], rows(12, 12)[:, 4:8, 2:6], atol=1e-5, rtol=0)


def test_of_a_turned_square_the_corners_are_put_back_too():
    """A square on its tip reaches as far as its diagonal."""
    tip = Square(6, 6, 3, 3).put(torch.ones(1, 24, 24), (12, 12))[0]
    places = (rows(12, 12) - 6).abs().sum(0)
    assert torch.equal(tip > 0.5, places <= 6)


def test_of_a_square_that_leaves_the_picture_the_rest_is_put_back():
    put = Square(0, 11, 2, 0).put(torch.ones(1, 4, 4), (12, 12))
    expected = torch.zeros(1, 12, 12)
    expected[0, 9:, :2] = 1
    assert torch.equal(put, expected)
    above = torch.zeros(1, 12, 12)
    above[0, :2, 4:8] = 1
    assert torch.equal(Square(6, 0, 2, 0).put(torch.ones(1, 4, 4), (12, 12)), above)
    for square in (Square(-5, 6, 2, 0), Square(6, 20, 2, 0)):
        assert not square.put(torch.ones(1, 4, 4), (12, 12)).any()


def test_a_cut_that_is_finer_than_the_picture_is_averaged():
    cut = torch.zeros(1, 12, 12)
    cut[0, ::3, 1::3] = 9
    put = UPRIGHT.put(cut, (12, 12))
    torch.testing.assert_close(put[0, 4:8, 2:6], torch.ones(4, 4))
