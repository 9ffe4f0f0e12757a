"""The split of an attribute's samples, and its random halves."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from interpgan_core import InterpganError
from interpgan_interfacegan.split import check_chosen, halves, split_samples

RISING = np.arange(100, dtype=np.float64)


def test_both_ends_are_split():
    split = split_samples("smile", RISING, 0.1, 0.7, "midpoint", 0)
    assert sorted(split.train[:7]) >= [90] and sorted(split.train[7:])[-1] <= 9
    assert np.flatnonzero(split.validation).size == 6
    assert np.flatnonzero(split.rest).tolist() == list(range(10, 90))
    assert split.threshold == 49.5
    assert set(split.fitted_on(extremes=False)) == set(range(100)) - set(np.flatnonzero(split.validation))


@pytest.mark.parametrize(
    ("chosen", "count"), [(0.02, 2), (1, 50), (1.0, 50), (7, 7), (70, 50), (0.5, 50), (2, 2)]
)
def test_how_many_are_chosen(chosen, count):
    assert split_samples("smile", RISING, chosen, 0.7, "midpoint", 0).count == count


@pytest.mark.parametrize(("share", "left"), [(0.01, 1), (0.7, 7), (0.999, 9), (1.0, 9)])
def test_either_part_has_a_sample_at_least(share, left):
    assert len(split_samples("smile", RISING, 10, share, "midpoint", 0).train) == 2 * left


def test_one_outlier_moves_the_midrange_alone():
    scores = RISING.copy()
    scores[99] = 1e6
    assert split_samples("smile", scores, 0.1, 0.7, "midpoint", 0).threshold == 49.5
    assert split_samples("smile", scores, 0.1, 0.7, "midrange", 0).threshold == 5e5
    assert split_samples("smile", scores + 20, 0.1, 0.7, "midrange", 0).threshold == 5e5 + 20


def test_halves_are_disjoint_and_balanced():
    positive = RISING >= 90
    first, second = halves(np.arange(100), positive, 1, 0)
    assert sorted([*first, *second]) == list(range(100))
    assert positive[first].sum() == positive[second].sum() == 5
    assert halves(np.arange(91), positive, 3, 0) == []


def test_a_sample_halfway_is_positive_and_one_without_a_score_is_dropped():
    """Of 101 samples, ten a side: the inner edges are 9 and 91, and 50 lies halfway."""
    scores = np.append(np.arange(101.0), np.nan)
    split = split_samples("smile", scores, 0.1, 0.7, "midpoint", 0)
    np.testing.assert_array_equal(split.targets, scores - 50)
    assert np.flatnonzero(split.positive).tolist() == list(range(50, 101))
    assert split.labels.tolist() == split.positive.tolist()
    assert split.dropped == 1 and split.threshold == 50
    assert sorted(split.fitted_on(extremes=True)) == sorted(split.train)


def test_the_positive_extremes_to_fit_on_come_first():
    split = split_samples("smile", RISING, 0.1, 0.7, "midpoint", 0)
    assert (split.train[:7] >= 90).all() and (split.train[7:] <= 9).all()
    assert set(np.flatnonzero(split.validation)) == {*range(10), *range(90, 100)} - set(split.train)


def test_a_seed_splits_as_it_always_has():
    """So that results of a seed can be found again."""
    scores = np.array([5.0, 4, 3, 2, 1, 0])
    assert split_samples("smile", scores, 3, 0.7, "midpoint", 0).train.tolist() == [2, 1, 5, 3]
    assert split_samples("smile", scores, 3, 0.7, "midpoint", 1).train.tolist() == [0, 2, 4, 5]
    first, second = halves(np.arange(8), np.arange(8) < 4, 1, 7)
    assert (first.tolist(), second.tolist()) == ([2, 3, 5, 7], [1, 0, 6, 4])


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (
            [0] * 8 + [1] * 3,
            "hold samples of the score 0, .* that 5 a side cannot be told apart; at most 3 a side",
        ),
        (
            [0] * 3 + [1] * 8,
            "hold samples of the score 1, .* that 5 a side cannot be told apart; at most 3 a side",
        ),
        ([0] * 8 + [1] * 2, "at most 2 a side can be chosen"),
        ([0] * 9 + [1], "too few samples score otherwise"),
        ([1] * 5, "every score of 'smile' is 1, and no boundary"),
        ([1, np.inf, -np.inf, 2], "2 scores of 'smile' are infinite"),
        ([np.nan] * 3, "none of the 3 samples has a score of 'smile'"),
    ],
)
def test_scores_that_have_no_two_sides(scores, said):
    with pytest.raises(InterpganError, match=said):
        split_samples("smile", np.array(scores, float), 0.5, 0.7, "midpoint", 0)


def test_a_side_needs_two_samples():
    assert check_chosen("smile", 10, 0.2) == 2
    with pytest.raises(
        InterpganError, match=r"'smile' has 10 scored samples, of which chosen: 0\.1 takes 1 a side"
    ):
        check_chosen("smile", 10, 0.1)


def test_sides_of_two_can_be_halved_and_others_not():
    first, second = halves(np.arange(5), np.array([True, False, True, False, False]), 1, 0)
    assert sorted([*first, *second]) == list(range(5)) and len(first) == 2
    assert halves(np.arange(4), np.array([True, False, False, False]), 1, 0) == []
    assert len(halves(np.arange(4), np.array([True, True, False, False]), 3, 0)) == 6


def test_a_split_stays_as_it_is():
    """And is told from another by identity: arrays cannot be compared as one."""
    one, two = (split_samples("smile", RISING, 0.1, 0.7, "midpoint", 0) for _ in range(2))
    assert len({one, two}) == 2
    with pytest.raises(FrozenInstanceError):
        one.count = 3
