"""The generalised eigenproblem, against problems whose answer is known."""

import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import InterpganError
from interpgan_resefa.solve import gram, region_directions


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_ratios_are_those_of_scipy():
    """Against its generalised eigenproblem, with the floor in the second matrix."""
    a, b = normal(9, 4), normal(9, 4, seed=1)
    inside, outside = a.T @ a, b.T @ b
    values, vectors = region_directions(inside, outside, 0.1)
    below = outside + 0.1 * outside.trace() * torch.eye(4, dtype=torch.float64)
    expected = scipy.linalg.eigh(inside.numpy(), below.numpy(), eigvals_only=True)[::-1]
    assert values.tolist() == pytest.approx(expected.tolist())
    torch.testing.assert_close(vectors @ inside, values[:, None] * vectors @ below)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4, dtype=torch.float64))
    assert (vectors.gather(1, vectors.abs().argmax(1, keepdim=True)) > 0).all()


def test_a_singular_outside_needs_the_floor():
    """As the published code is run by default, its matrix has no inverse here."""
    inside, outside = (
        torch.diag(torch.tensor([1.0, 4.0, 2.0]).double()),
        torch.diag(torch.tensor([1.0, 0, 1]).double()),
    )
    values, vectors = region_directions(inside, outside, 1e-3)
    assert vectors[0].tolist() == [0, 1, 0] and float(values[0]) == pytest.approx(4 / 2e-3)


def test_nothing_changes_outside():
    with pytest.raises(InterpganError, match="nothing outside"):
        region_directions(torch.eye(2).double(), torch.zeros(2, 2).double(), 1e-3)


def test_gram_is_the_mean_squared_change_of_a_position():
    changes = torch.zeros(2, 3, 2, 2)
    changes[0, :, 0, 0] = 2.0  # 12 summed over the colours, in one of two positions that count
    changes[1, 0, 1, 1] = 5.0  # where nothing counts
    mask = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    assert gram(changes, mask).tolist() == [[6.0, 0.0], [0.0, 0.0]]


def test_where_no_position_counts_nothing_changes():
    assert gram(torch.ones(2, 3, 2, 2), torch.zeros(1, 2, 2)).tolist() == [[0, 0], [0, 0]]


def test_no_ratio_is_below_zero():
    """As rounding can leave one of a direction that changes nothing inside."""
    inside, outside = torch.diag(torch.tensor([2.0, -1e-9])).double(), torch.eye(2).double()
    values, _ = region_directions(inside, outside, 1e-3)
    assert values.tolist() == [pytest.approx(2 / 1.002), 0.0]


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 12), st.integers(1, 30), st.integers(1, 30), st.floats(1e-6, 1), st.integers(0, 2**31))
def test_no_vector_has_a_higher_ratio(size, inner, outer, floor, seed):
    a, b = normal(inner, size, seed=seed), normal(outer, size, seed=seed + 1)
    inside, outside = a.T @ a, b.T @ b
    values, vectors = region_directions(inside, outside, floor)
    below = outside + floor * outside.trace() * torch.eye(size, dtype=torch.float64)

    def ratio(v):
        return float((v @ inside @ v) / (v @ below @ v))

    for value, vector in zip(values.tolist(), vectors, strict=True):
        assert ratio(vector) == pytest.approx(value, rel=1e-6, abs=1e-8 * float(values[0]))
        assert float(vector.norm()) == pytest.approx(1)
        assert vector[vector.abs().argmax()] > 0
    assert values.diff().le(1e-9).all()
    tried = max(ratio(v) for v in normal(200, size, seed=seed + 2))
    assert tried <= float(values[0]) * (1 + 1e-9) + 1e-12
    crossed = vectors @ below @ vectors.T
    scale = crossed.diagonal().sqrt()
    off = crossed / scale.outer(scale) - torch.eye(size, dtype=torch.float64)
    assert off.abs().max() < 1e-5
