"""Matrices of effects small enough to be worked out by hand."""

import math
from dataclasses import FrozenInstanceError

import pytest
import torch

from interpgan_metrics.effect_matrix import assign, dependency, selectivity


def test_shares_of_a_row():
    shares = selectivity(torch.tensor([[3.0, -1.0], [0.0, 0.0]]))
    assert shares.tolist() == [[0.75, 0.25], [0.0, 0.0]]


def test_one_factor_each_is_perfect():
    found = assign(torch.tensor([[0.0, -2.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.5]]))
    assert found.movers == (1, 0, 2)
    assert (found.disentanglement, found.completeness, found.coverage) == pytest.approx((1.0, 1.0, 1.0))


def test_equal_effects_are_worth_nothing():
    found = assign(torch.ones(2, 2))
    assert (found.disentanglement, found.completeness, found.coverage) == pytest.approx((0.0, 0.0, 0.0))


def test_a_matrix_by_hand():
    found = assign(torch.tensor([[3.0, 1.0], [1.0, 3.0]]))
    expected = 1 - (-(0.75 * math.log2(0.75)) - 0.25 * math.log2(0.25))
    assert found.movers == (0, 1)
    assert found.disentanglement == pytest.approx(expected)
    assert found.completeness == pytest.approx(expected)
    assert found.covered == (True, True)


def test_movers_beyond_one_a_factor_do_not_count():
    pure = torch.eye(2)
    more = torch.cat([torch.ones(20, 2), pure])
    assert assign(more).movers == (20, 21)
    assert assign(more).disentanglement == assign(pure).disentanglement == pytest.approx(1.0)


def test_a_factor_that_no_mover_is_left_for_is_not_complete():
    found = assign(torch.tensor([[1.0, 0.0]]))
    assert found.movers == (0, None)
    assert (found.disentanglement, found.completeness, found.coverage) == pytest.approx((1.0, 0.5, 0.5))


def test_no_mover_at_all():
    found = assign(torch.zeros(0, 3))
    assert (found.movers, found.disentanglement, found.coverage) == ((None, None, None), None, 0.0)


def test_half_is_not_selective():
    assert assign(torch.tensor([[1.0, 1.0], [1.0, 0.9]])).covered == (True, False)


def test_dependency_is_of_the_others_for_each_deviation_of_the_target():
    sizes = torch.tensor([2.0, 0.5, 1.5, math.nan])
    assert dependency(sizes, 0, -2.0) == pytest.approx((0.5, 0.75))
    assert all(map(math.isnan, dependency(torch.tensor([1.0, math.nan]), 0, 1.0)))


def test_small_effects_have_the_same_shares():
    """The unit of effects does not count."""
    assert selectivity(torch.tensor([[3e-9, -1e-9]])).tolist() == [pytest.approx([0.75, 0.25])]
    small, large = (
        assign(torch.tensor([[0.03, 0.01], [0.01, 0.03]])),
        assign(torch.tensor([[3.0, 1.0], [1.0, 3.0]])),
    )
    assert small.disentanglement == pytest.approx(large.disentanglement)
    assert small.completeness == pytest.approx(large.completeness)


def test_a_mover_that_changes_nothing_stands_for_nothing():
    found = assign(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert found.movers == (0, 1) and found.covered == (True, False)
    assert (found.disentanglement, found.completeness) == pytest.approx((0.5, 0.5))


def test_entropies_are_to_the_base_of_the_factors():
    """Even over two of three: the logarithm of 2 to the base 3."""
    found = assign(torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
    assert found.disentanglement == pytest.approx(1 - math.log(2, 3))
    assert found.completeness == pytest.approx(1 - math.log(2, 3))


def test_fewer_movers_than_factors():
    """The first changes two of three alike, the second the third alone; one factor is left without."""
    found = assign(torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    assert found.disentanglement == pytest.approx(1 - math.log(2, 3) / 2)
    assert found.completeness == pytest.approx(2 / 3)


def test_without_movers_nothing_is_covered():
    assert assign(torch.zeros(0, 2)).covered == (False, False)


def test_the_others_are_all_but_the_target():
    sizes = torch.tensor([1.0, 9.0, 3.0, 4.0])
    assert dependency(sizes, 1, 2.0) == pytest.approx((8 / 3 / 2, 2))
    assert dependency(sizes, 3, 1.0) == pytest.approx((13 / 3, 9))


def test_an_assignment_is_not_changed():
    with pytest.raises(FrozenInstanceError):
        assign(torch.eye(2)).movers = ()
