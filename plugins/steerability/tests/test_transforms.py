"""Transforms on pictures whose pixels are known, and how much of one is seen."""

import math
from dataclasses import FrozenInstanceError

import pytest
import torch

from interpgan_steerability.transforms import TRANSFORMS, Transform, errors, estimated

NOISE = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(0)) - 0.5


def made(name, pictures, *amounts):
    return TRANSFORMS[name].make(pictures, torch.tensor(amounts))


@pytest.mark.parametrize(
    ("name", "unit", "reach"),
    [
        ("shift_x", "share of the width, to the right", 0.1),
        ("shift_y", "share of the height, downwards", 0.1),
        ("zoom", "doublings of the size", 0.25),
        ("rotate", "degrees, clockwise", 10.0),
        *(
            (name, "share of the range from black to white", 0.1)
            for name in ("brightness", "red", "green", "blue")
        ),
    ],
)
def test_units_and_reaches(name, unit, reach):
    assert (TRANSFORMS[name].unit, TRANSFORMS[name].reach) == (unit, reach)


@pytest.mark.parametrize("sense", [1, -1])
def test_shifts_move_pixels_and_know_what_they_moved(sense):
    """By two of 11 columns, and by three of 9 rows; another amount for each picture."""
    kept = slice(2, None) if sense > 0 else slice(None, -2)
    from_where = slice(None, -2) if sense > 0 else slice(2, None)
    shifted, known = made("shift_x", NOISE, sense * 2 / 11, 0.0)
    torch.testing.assert_close(shifted[0][..., kept], NOISE[0][..., from_where], atol=1e-5, rtol=0)
    torch.testing.assert_close(shifted[1], NOISE[1], atol=1e-5, rtol=0)
    columns = torch.zeros(11)
    columns[kept] = 1
    assert torch.equal(known[0], columns.expand(1, 9, 11)) and bool(known[1].all())

    kept = slice(3, None) if sense > 0 else slice(None, -3)
    from_where = slice(None, -3) if sense > 0 else slice(3, None)
    shifted, known = made("shift_y", NOISE, 0.0, sense * 3 / 9)
    torch.testing.assert_close(shifted[1][:, kept], NOISE[1][:, from_where], atol=1e-5, rtol=0)
    rows = torch.zeros(9, 1)
    rows[kept] = 1
    assert torch.equal(known[1], rows.expand(1, 9, 11)) and bool(known[0].all())


def test_what_is_not_known_is_the_border_pixel():
    shifted, _ = made("shift_x", NOISE, 2 / 11, 2 / 11)
    torch.testing.assert_close(shifted[..., :2], NOISE[..., :1].expand(-1, -1, -1, 2), atol=1e-5, rtol=0)


def test_between_pixels_it_is_the_mean():
    shifted, known = made("shift_x", NOISE, 0.5 / 11, 0.5 / 11)
    torch.testing.assert_close(shifted[..., 1:], (NOISE[..., 1:] + NOISE[..., :-1]) / 2, atol=1e-5, rtol=0)
    assert known[0, 0, 0].tolist() == [0] + [1] * 10


def test_a_doubling_spreads_pixels_from_the_middle():
    """The middle is at row 4 and column 5."""
    larger, known = made("zoom", NOISE, 1.0, 1.0)
    torch.testing.assert_close(larger[..., ::2, 1::2], NOISE[..., 2:7, 3:8], atol=1e-5, rtol=0)
    assert bool(known.all())
    smaller, known = made("zoom", NOISE, -1.0, -1.0)
    torch.testing.assert_close(smaller[..., 2:7, 3:8], NOISE[..., ::2, 1::2], atol=1e-5, rtol=0)
    assert known[0, 0].sum(1).tolist() == [0, 0, 5, 5, 5, 5, 5, 0, 0]


def test_a_quarter_turn_is_clockwise():
    square = NOISE[..., :9]
    turned, known = made("rotate", square, 90.0, -90.0)
    torch.testing.assert_close(turned[0], square[0].rot90(-1, (1, 2)), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned[1], square[1].rot90(1, (1, 2)), atol=1e-4, rtol=0)
    assert bool(known.all())


@pytest.mark.parametrize(
    ("name", "channels"),
    [("brightness", [1, 1, 1]), ("red", [1, 0, 0]), ("green", [0, 1, 0]), ("blue", [0, 0, 1])],
)
def test_a_colour_is_added_to_its_channels(name, channels):
    """A quarter of the way from black to white, which is 2."""
    painted, known = made(name, NOISE, 0.25, -0.125)
    step = torch.tensor(channels)[:, None, None]
    torch.testing.assert_close(painted[0], NOISE[0] + 0.5 * step)
    torch.testing.assert_close(painted[1], NOISE[1] - 0.25 * step)
    assert known.shape == NOISE.shape and bool(known.all())


def test_what_would_be_brighter_than_white_is_not_known():
    """0.5 becomes white itself, which is; 0.75 and -0.9 fall out."""
    pictures = torch.tensor([0.5, 0.75]).expand(1, 3, 1, 2)
    assert made("brightness", pictures, 0.25)[1][0, 0, 0].tolist() == [1, 0]
    _, known = made("red", -pictures - 0.15, -0.125)
    assert known[0, :, 0, 1].tolist() == [0, 1, 1]


def test_errors_are_means_over_what_is_known():
    pictures, target = torch.zeros(3, 3, 1, 2), torch.zeros(3, 3, 1, 2)
    target[:, 0, 0, 0], target[:, :, 0, 1] = 3.0, 9.0
    known = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])[:, None, None]
    assert errors(pictures, (target, known)).tolist() == pytest.approx([9 / 3, (9 + 3 * 81) / 6, 0])
    assert errors(-target, (target, known)).tolist() == pytest.approx([36 / 3, 4 * (9 + 3 * 81) / 6, 0])
    single = torch.zeros(3, 3, 1, 2)
    single[:, 0, 0, 0] = 1
    assert errors(pictures, (target, single)).tolist() == [9, 9, 9]


def brighter(pictures, amounts):
    """Every pixel is known, so that errors are a parabola of the amount."""
    return pictures + amounts[:, None, None, None], torch.ones_like(pictures)


@pytest.mark.parametrize("most", [0.6, 3.0])
def test_the_least_of_a_parabola_is_exact(most):
    amounts = torch.tensor([0.0, 0.513, -0.09, 0.3, -0.58])
    before = NOISE[:1].expand(5, -1, -1, -1)
    after = before + amounts[:, None, None, None]
    seen = estimated(Transform("", 1.0, brighter), before, after, most)
    torch.testing.assert_close(seen, amounts, atol=1e-4, rtol=0)


def test_what_lies_beyond_is_seen_as_the_most():
    after = NOISE + torch.tensor([5.0, -5.0])[:, None, None, None]
    seen = estimated(Transform("", 1.0, brighter), NOISE, after, 0.6)
    assert seen.tolist() == pytest.approx([0.6, -0.6])


def test_25_amounts_are_tried_both_ways():
    tried = []

    def noted(pictures, amounts):
        tried.append(float(amounts[0]))
        return brighter(pictures, amounts)

    estimated(Transform("", 1.0, noted), NOISE, NOISE, 1.2)
    assert tried == pytest.approx([i / 10 for i in range(-12, 13)], abs=1e-6)


def test_where_nothing_differs_the_estimate_is_a_number():
    still = Transform("", 1.0, lambda pictures, amounts: (pictures, torch.ones_like(pictures)))
    assert estimated(still, NOISE, NOISE, 1.2).tolist() == pytest.approx([-1.1, -1.1])


def smooth():
    """(2, 3, 20, 30), another in each channel."""
    at = torch.linspace(0, 1, 30), torch.linspace(0, 1, 20)[:, None]
    one = torch.stack([torch.sin(3 * at[0] + i * at[1]) * 0.4 for i in range(3)])
    return torch.stack([one, one.flip(0) * 0.5])


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_seen_as_it_was_made(name):
    transform, pictures = TRANSFORMS[name], smooth()
    for amount in (-0.8 * transform.reach, 0.0, 0.6 * transform.reach):
        after, known = transform.make(pictures, torch.full([2], amount))
        assert 0.5 < float(known.mean()) <= 1
        seen = estimated(transform, pictures, after, 2 * transform.reach)
        assert torch.allclose(seen, torch.full([2], amount), atol=0.03 * transform.reach)
        if not amount:
            assert torch.allclose(after, pictures, atol=1e-5) and bool(known.all())


def test_senses_of_the_transforms():
    """To the right, downwards, larger, clockwise."""
    dot = torch.zeros(1, 3, 21, 21) - 1
    dot[..., 10, 15] = 1

    def place(name, amount):
        return divmod(int(made(name, dot, amount)[0][0, 0].argmax()), 21)

    assert place("shift_x", 2 / 21) == (10, 17)
    assert place("shift_y", 2 / 21) == (12, 15)
    assert place("zoom", math.log2(8 / 5)) == (10, 18)
    assert place("rotate", 90.0) == (15, 10)


def test_a_transform_is_not_changed():
    with pytest.raises(FrozenInstanceError):
        TRANSFORMS["zoom"].reach = 1.0
