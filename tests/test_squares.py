"""Squares of pictures: points in and out, cut and put back; sets of cutouts."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import Cutouts, InterpganError, Square

untimed = settings(deadline=None)
angles = st.floats(-math.pi, math.pi)


def turned(x, y, half, angle):
    return Square(x, y, half * math.cos(angle), half * math.sin(angle))


def waves(height, width):
    """(3, h, w) float32; a picture that changes slowly."""
    y, x = torch.meshgrid(torch.arange(height) / 40, torch.arange(width) / 40, indexing="ij")
    return torch.stack([x.sin(), (x + y).cos(), (y - x / 2).sin()])


squares = st.builds(turned, st.floats(-50, 250), st.floats(-50, 250), st.floats(1, 200), angles)


@untimed
@given(squares, st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=1, max_size=5))
def test_a_point_goes_in_and_out(square, points):
    points = torch.tensor(points, dtype=torch.float64)
    assert torch.allclose(square.outside(square.inside(points)), points, atol=1e-8)


@given(squares)
def test_corners_are_as_far_apart_as_the_side(square):
    corners = square.outside(torch.tensor([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=torch.float64))
    sides = (corners - corners.roll(1, 0)).norm(dim=1)
    assert sides.tolist() == pytest.approx([square.side] * 4)
    assert corners.mean(0).tolist() == pytest.approx([square.x, square.y], abs=1e-9)


@untimed
@given(st.integers(2, 5), st.integers(0, 20), st.integers(0, 20))
def test_a_square_on_the_grid_holds_its_pixels(half, left, top):
    picture = torch.full((3, 40, 40), 0.25)
    picture[:, top : top + 2 * half, left : left + 2 * half] = 0.75
    square = Square(left + half, top + half, half, 0)
    cut = square.cut(picture, 2 * half)
    inner = cut[:, 1:-1, 1:-1]  # a pixel is the mean of four samples: a little of its neighbours comes in
    assert torch.allclose(inner, torch.full_like(inner, 0.75)) and cut.min() > 0.5
    back = square.put(torch.ones(1, 2 * half, 2 * half), (40, 40))
    assert torch.equal(back[0] > 0, picture[0] > 0.5)


def test_a_quarter_turn_is_a_quarter_turn():
    picture = waves(64, 64)
    upright, lying = Square(32, 32, 20, 0), Square(32, 32, 0, 20)
    assert torch.allclose(lying.cut(picture, 40), torch.rot90(upright.cut(picture, 40), 1, (1, 2)), atol=1e-5)


@pytest.mark.long
@untimed
@given(st.floats(60, 140), st.floats(60, 140), st.floats(20, 50), angles, st.sampled_from([32, 100, 256]))
def test_what_is_cut_goes_back_to_its_place(x, y, half, angle, side):
    picture = waves(200, 200)
    square = turned(x, y, half, angle)
    back = square.put(square.cut(picture, side), (200, 200))
    rows, columns = torch.meshgrid(torch.arange(200) + 0.5, torch.arange(200) + 0.5, indexing="ij")
    reach = square.inside(torch.stack([columns, rows], -1)).abs().amax(-1)
    assert (back[:, reach > 1] == 0).all()
    inner = reach < 0.9
    assert (back - picture)[:, inner].abs().max() < 0.06


def test_a_fine_picture_is_averaged_not_sampled():
    stripes = torch.ones(1, 256, 256)
    stripes[:, :, ::2] = -1
    assert Square(128, 128, 128, 0).cut(stripes, 32).abs().max() < 0.05
    fine = torch.ones(1, 256, 256)
    fine[:, :, ::2] = -1
    assert Square(20, 20, 16, 0).put(fine, (40, 40)).abs().max() < 0.05


def test_beyond_the_borders_the_picture_is_mirrored_and_known_says_so():
    picture = waves(50, 60)
    square = Square(0, 25, 20, 0)
    cut, known = square.cut(picture, 40), square.known((50, 60), 40)
    assert not known[:, :20].any() and known[:, 20:].all()
    assert torch.allclose(cut[:, :, :20], cut[:, :, 20:].flip(2), atol=1e-5)
    assert Square(30, 25, 10, 3).known((50, 60), 16).all()


def test_a_cut_has_gradients_where_it_looks():
    picture = waves(50, 60).requires_grad_()
    Square(30, 25, 6, 3).cut(picture, 16).sum().backward()
    assert picture.grad is not None
    assert picture.grad[:, 22:28, 27:33].min() > 0 and picture.grad[:, :, :15].abs().max() == 0


def test_several_pictures_are_cut_as_one_with_many_channels():
    pictures = torch.stack([waves(50, 60), waves(50, 60).flip(1)])
    square = turned(30, 25, 15, 0.4)
    both = square.cut(pictures.flatten(0, 1), 24).unflatten(0, (2, 3))
    assert torch.equal(both[1], square.cut(pictures[1], 24))


def test_cutouts_are_kept(tmp_path):
    rng = np.random.RandomState(0)
    originals = [rng.randint(0, 256, (20, 30, 3)).astype(np.uint8), np.zeros((9, 8, 3), np.uint8)]
    pixels = rng.randint(0, 256, (3, 3, 8, 8)).astype(np.uint8)
    cuts = [Square(0.1, 10, 4, 0), Square(15, 10, 3, 1 / 3), Square(4, 4, 2, 0)]
    made = Cutouts(pixels, originals=originals, squares=cuts, sources=[0, 0, 1])
    made.save(tmp_path)
    found = Cutouts.load(tmp_path)
    assert list(found.squares) == cuts and list(found.sources) == [0, 0, 1]
    assert np.array_equal(np.asarray(found.pixels), pixels)
    assert all(np.array_equal(a, b) for a, b in zip(found.originals, originals, strict=True))
    assert torch.equal(found.known(), made.known())
    assert not made.known()[0, :, 0].any() and made.known()[1:].all()


def test_cutouts_without_their_squares_are_refused(tmp_path):
    pixels = np.zeros((2, 3, 8, 8), np.uint8)
    with pytest.raises(InterpganError, match="2 pictures came with 1 squares of 1 originals"):
        Cutouts(pixels, originals=[], squares=[Square(0, 0, 1, 0)], sources=[0])
    made = Cutouts(
        pixels, originals=[pixels[0].transpose(1, 2, 0)], squares=[Square(4, 4, 4, 0)] * 2, sources=[0, 0]
    )
    made.save(tmp_path)
    (tmp_path / "original-0.png").unlink()
    with pytest.raises(InterpganError):
        Cutouts.load(tmp_path)
