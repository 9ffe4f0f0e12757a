"""The split of an attribute's samples, and its random halves."""

import numpy as np
import pytest

from interpgan_interfacegan.split import halves, split_samples

RISING = np.arange(100, dtype=np.float64)


def test_both_ends_are_split():
    split = split_samples("smile", RISING, 0.1, 0.7, "midpoint", 0)
    assert sorted(split.train[:7]) >= [90] and sorted(split.train[7:])[-1] <= 9
    assert np.flatnonzero(split.validation).size == 6
    assert np.flatnonzero(split.rest).tolist() == list(range(10, 90))
    assert split.threshold == 49.5
    assert set(split.fitted_on(extremes=False)) == set(range(100)) - set(np.flatnonzero(split.validation))


@pytest.mark.parametrize(("chosen", "count"), [(0.02, 2), (1, 50), (1.0, 50), (7, 7), (70, 50), (0.5, 50)])
def test_how_many_are_chosen(chosen, count):
    assert split_samples("smile", RISING, chosen, 0.7, "midpoint", 0).count == count


@pytest.mark.parametrize(("share", "left"), [(0.01, 1), (0.7, 7), (0.999, 9)])
def test_either_part_has_a_sample_at_least(share, left):
    assert len(split_samples("smile", RISING, 10, share, "midpoint", 0).train) == 2 * left


def test_one_outlier_moves_the_midrange_alone():
    scores = RISING.copy()
    scores[99] = 1e6
    assert split_samples("smile", scores, 0.1, 0.7, "midpoint", 0).threshold == 49.5
    assert split_samples("smile", scores, 0.1, 0.7, "midrange", 0).threshold == 5e5


def test_halves_are_disjoint_and_balanced():
    positive = RISING >= 90
    first, second = halves(np.arange(100), positive, 1, 0)
    assert sorted([*first, *second]) == list(range(100))
    assert positive[first].sum() == positive[second].sum() == 5
    assert halves(np.arange(91), positive, 3, 0) == []
