"""The tally of changes by part, by hand."""

import math

import pytest
import torch

from interpgan_stylespace.part_tally import PartTally


def test_the_tally_by_hand():
    """A map of 4 positions whose part fills half: of the two largest changes one is in the part."""
    changes = torch.tensor([[[4.0, 1.0], [3.0, 0.0]]])
    maps = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]])
    tally = PartTally.of(changes, maps)
    assert tally.overlap.tolist() == [[0.5, 0.5]] and tally.first.tolist() == [[0.0, 0.0]]  # as by chance
    assert tally.inside.tolist() == [[2.5, 1.5]] and tally.outside.tolist() == [[1.5, 2.5]]
    upper = PartTally.of(torch.tensor([[[4.0, 3.0], [1.0, 0.0]]]), maps)
    assert upper.overlap.tolist() == [[1.0, 0.0]] and upper.first.tolist() == [[1.0, 0.0]]
    both = tally + tally
    assert both.samples.tolist() == [2, 2] and both.inside.tolist() == [[5.0, 3.0]]


def test_a_part_that_is_not_there_counts_for_nothing():
    maps = torch.stack([torch.ones(2, 2), torch.zeros(2, 2)])
    tally = PartTally.of(torch.rand(3, 2, 2), maps)
    assert tally.samples.tolist() == [1, 0]
    for numbers in (tally.first, tally.overlap, tally.inside):
        assert numbers.isfinite().all() and numbers[:, 1].eq(0).all()


def tally(changes, *parts):
    """Of one sample in a row of positions; changes by channel."""
    return PartTally.of(torch.tensor(changes)[:, None], torch.tensor(parts)[:, None])


@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e5])
def test_equal_changes_share_what_is_left(scale):
    """The part fills two of six positions: the greatest change, and a third of each of three that are equal."""
    changes = [[scale * c for c in (5.0, 3.0, 3.0, 3.0, 1.0, 0.0)]]
    edge = tally(changes, [1.0, 1.0, 0, 0, 0, 0])
    assert (
        edge.overlap.item() == pytest.approx((1 + 1 / 3) / 2) and edge.first.item() == 1
    )  # twice that by chance
    middle = tally(changes, [0.0, 1, 1, 0, 0, 0])
    assert middle.overlap.item() == pytest.approx(1 / 3) and middle.first.item() == 0  # as by chance
    assert edge.inside.item() == pytest.approx(4 * scale) and edge.outside.item() == pytest.approx(
        7 / 4 * scale
    )


@pytest.mark.parametrize(("second", "overlap"), [(0.99996, 0.5), (0.9996, 1.0)])
def test_changes_that_differ_by_rounding_are_equal(second, overlap):
    """By less than half of a ten thousandth of the greatest."""
    assert tally([[1.0, second, 0.0, 0.0]], [1.0, 0, 0, 0]).overlap.item() == pytest.approx(overlap)


def test_the_part_that_is_changed_most_is_that_which_is_covered_most_against_chance():
    """A change of half of a large part and of all of a small one."""
    found = tally([[1.0, 1.0, 0, 0, 0, 0]], [1.0, 1, 1, 1, 0, 0], [0.0, 1, 0, 0, 0, 0])
    assert found.overlap[0].tolist() == pytest.approx([2 / 4 + 2 / 4 * 2 / 4, 1 / 2])
    # covered against chance: 0.75 / (4 / 6) and 0.5 / (1 / 6)
    assert found.first.tolist() == [[0, 1]]


def test_a_channel_that_changes_nothing_is_of_no_part():
    found = tally([[0.0, 0, 0, 0], [1.0, 0, 0, 0]], [1.0, 0, 0, 0])
    assert found.first.tolist() == [[0], [1]] and found.overlap.isfinite().all()


@pytest.mark.parametrize(("filled", "there"), [(0.5, 0), (0.6, 1), (1.4, 1)])
def test_a_part_of_half_a_position_is_not_there(filled, there):
    found = tally([[1.0, 0.0, 0.0]], [min(filled, 1.0), max(filled - 1, 0.0), 0.0])
    assert found.samples.item() == there
    assert found.inside.item() == pytest.approx(there * min(filled, 1) / filled)


def test_a_part_that_is_everything():
    found = tally([[1.0, 2.0, 3.0]], [1.0, 1.0, 1.0])
    assert found.inside.item() == 2 and found.outside.item() == 0 and found.first.item() == 0


def of(first, inside, outside, samples=(4, 4)):
    """A tally of channels (rows) and parts."""
    rows = [torch.tensor(each, dtype=torch.float64) for each in (first, inside, outside, samples)]
    return PartTally(rows[0], rows[0], *rows[1:])


def test_the_best_of_a_part_come_first():
    """By change inside against that outside and its mean, 2: 8 / (1 + 2), 9 / (3 + 2), 6 / (2 + 2)."""
    found = of([[4, 0]] * 3, [[9, 0], [8, 0], [6, 0]], [[3, 1], [1, 1], [2, 1]])
    assert found.best_of(0, 0.5, 0.25) == [1, 0, 2]
    assert found.best_of(1, 0.5, 0.25) == []


def test_small_changes_and_none_outside_are_ranked_alike():
    assert of([[4, 0]] * 2, [[0.02, 0], [0.03, 0]], [[0.001, 0], [0.01, 0]]).best_of(0, 0.5, 0.25) == [0, 1]
    assert of([[4, 0]] * 2, [[0.1, 0], [0.2, 0]], [[0, 0], [0, 0]]).best_of(0, 0.5, 0.25) == [1, 0]


@pytest.mark.parametrize(
    ("first", "belongs"),
    [
        ([3, 0], True),
        ([2, 0], False),  # half is not more than half
        ([3, 2], False),  # the other comes as near as a quarter
        ([4, 2], True),
        ([3, 3], False),
        ([2, 4], False),
        ([0, 0], False),
    ],
)
def test_what_belongs_to_a_part(first, belongs):
    assert of([first], [[1, 1]], [[1, 1]]).best_of(0, 0.5, 0.25) == [0] * belongs


def test_shares_are_of_the_samples_that_have_the_part():
    found = of([[2, 1]], [[1, 1]], [[1, 1]], samples=(2, 4))
    assert found.best_of(0, 0.5, 0.5) == [0]  # 1 against a quarter
    nowhere = of([[1, 0]], [[1, 0]], [[1, 0]], samples=(1, 0))
    assert nowhere.best_of(0, 0.5, 0.25) == [0] and nowhere.best_of(1, 0.5, 0.25) == []


def test_one_part_alone_has_no_other():
    only = PartTally(*(torch.ones(1, 1, dtype=torch.float64) for _ in range(4)), torch.ones(1))
    assert only.best_of(0, 0.0, 1.0) == [0]
    assert math.isclose(float((only + only).samples), 2)
