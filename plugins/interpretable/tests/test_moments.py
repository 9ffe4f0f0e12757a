"""Sums over samples of feature maps, against the samples themselves."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from interpgan_core import InterpganError
from interpgan_interpretable.partition.moments import moments


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("block", [1, 5, 64])
def test_moments_are_sums_over_the_samples(block):
    maps = normal(23, 4, 3, 5) + 2
    found = moments(maps.split(block))
    assert found.count == 23
    torch.testing.assert_close(found.sums, maps.sum(0).flatten(1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.squares, maps.square().sum((0, 2, 3)), rtol=1e-12, atol=0)
    unit = moments([maps / found.rms()[:, None, None]])
    torch.testing.assert_close(found.normalised().sums, unit.sums, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.normalised().squares, unit.squares, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(unit.rms(), torch.ones(4, dtype=torch.float64), rtol=1e-12, atol=0)


def test_no_sample_no_moments():
    with pytest.raises(InterpganError, match="give one seed at least"):
        moments([])


def test_a_filter_that_is_never_active_has_a_root_mean_square_of_0():
    maps = normal(3, 2, 2, 5)
    maps[:, 1] = 0
    assert moments([maps]).rms().tolist() == [pytest.approx(float(maps[:, 0].square().mean().sqrt())), 0]


def test_of_some_filters():
    maps, few = normal(5, 4, 2, 3), torch.tensor([2, 0])
    some, those = moments([maps]).of(few), moments([maps[:, few]])
    assert some.count == 5
    torch.testing.assert_close((some.sums, some.squares), (those.sums, those.squares))


def test_sums_are_float64_and_hold_no_graph():
    found = moments([normal(2, 3, 2, 2).float().requires_grad_()])
    assert found.sums.dtype == found.squares.dtype == torch.float64
    assert not found.sums.requires_grad and not found.squares.requires_grad


def test_moments_stay_as_they_are():
    """And are told from others by identity: tensors cannot be compared as one."""
    one = moments([normal(2, 3, 2, 2)])
    assert replace(one) != one
    with pytest.raises(FrozenInstanceError):
        one.count = 3
