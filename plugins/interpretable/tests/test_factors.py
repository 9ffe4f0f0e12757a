"""Factors over positions by hand: products, errors, and what the factorisation finds."""

import pytest
import torch

from interpgan_interpretable.edits.factors import error_of, factorised, gram

# Two parts: positions 0 and 1 go together, and position 2 is on its own.
PARTS = torch.tensor([[0.6, 0], [0.8, 0], [0, 1]]).double()
MAPS = (torch.tensor([[3, 0], [0, 2], [4, 1], [1, -2]]).double() @ PARTS.T).float()


def test_positions_that_light_together():
    maps = torch.tensor([[1.0, 2], [3, 0]])
    torch.testing.assert_close(gram(maps), torch.tensor([[10.0, 2], [2, 4]]).double() / 14)
    assert gram(maps).dtype == torch.float64
    torch.testing.assert_close(gram(maps * 1e-3), gram(maps))
    assert not gram(torch.zeros(2, 3)).any()


def test_the_error_is_what_the_factors_do_not_give_back():
    maps = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    factors = torch.rand(4, 2, generator=torch.Generator().manual_seed(1)).double()
    wanted = (maps - maps @ factors @ factors.T).square().sum()
    assert error_of(maps.T @ maps, factors) == pytest.approx(float(wanted))
    assert error_of(gram(MAPS), PARTS) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_parts_are_found(seed):
    """Orthogonal parts are the only factors that leave nothing over, in either order."""
    start = torch.rand(3, 2, generator=torch.Generator().manual_seed(seed)).double()
    found = factorised(gram(MAPS), start, 300)
    assert (found >= 0).all()
    assert error_of(gram(MAPS), found) < 1e-6
    together = found[:, found[0].argmax()]
    torch.testing.assert_close(together, PARTS[:, 0], atol=1e-3, rtol=0)


def test_no_step_raises_the_error():
    scatter = gram(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)))
    start = torch.rand(5, 2, generator=torch.Generator().manual_seed(1)).double()
    errors = [error_of(scatter, factorised(scatter, start, steps)) for steps in range(30)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[1] < errors[0]
    assert torch.equal(factorised(scatter, start, 0), start)


def test_the_first_step_is_a_tenth_of_the_factors():
    """Down the gradient of |Z - Z U U^T|^2, here by automatic differentiation; the next may be half as long again."""
    scatter = gram(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)))
    start = torch.full((5, 2), 0.2).double() + 0.01 * torch.arange(10).view(5, 2)

    def step(factors, rate):
        factors = factors.clone().requires_grad_(True)
        image, inner = scatter @ factors, factors.T @ factors
        error = scatter.trace() - 2 * (factors * image).sum() + ((factors.T @ image) * inner).sum()
        (gradient,) = torch.autograd.grad(error, [factors])
        return (factors - rate * gradient * factors.norm() / gradient.norm()).detach().clamp(min=0)

    once = step(start, 0.1)
    torch.testing.assert_close(factorised(scatter, start, 1), once)
    torch.testing.assert_close(factorised(scatter, start, 2), step(once, 0.15))


def test_at_the_best_factors_the_search_ends():
    torch.testing.assert_close(factorised(gram(MAPS), PARTS, 50), PARTS, atol=1e-4, rtol=0)
    nothing = torch.zeros(3, 2).double()
    assert torch.equal(factorised(gram(MAPS), nothing, 50), nothing)
