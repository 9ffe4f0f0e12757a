"""Derivatives: exact in forward mode, against differences in float64; and what stands in where there is none."""

from dataclasses import replace

import pytest
import torch

from interpgan_core.testing import toy
from interpgan_resefa.jacobian import derivatives


def drawing(space, seed=3):
    """The toy in float64: what it draws of codes of a space, and one code."""
    generator = toy()
    batch = generator.to_space(generator.sample([seed]), space)
    generator.module.double()
    return lambda codes: generator.forward(
        replace(batch.repeat(len(codes)), codes=codes)
    ), batch.codes.double()


@pytest.mark.parametrize("space", ["w", "w+", "s"])
def test_derivatives_are_exact(space):
    draw, code = drawing(space)
    offsets = torch.eye(code[0].numel(), dtype=torch.float64)[:20].reshape(-1, *code.shape[1:])
    found = derivatives(draw, code, offsets, batch_size=7)
    step = 1e-6  # small enough that no leaky ReLU turns within it
    expected = (draw(code + step * offsets) - draw(code - step * offsets)) / (2 * step)
    assert float((found - expected).norm() / expected.norm()) < 1e-8
    assert not found.requires_grad


def test_derivatives_do_not_depend_on_how_many_are_taken_at_once():
    draw, code = drawing("w")
    offsets = torch.eye(16, dtype=torch.float64)
    one = derivatives(draw, code, offsets, batch_size=1)
    assert torch.allclose(one, derivatives(draw, code, offsets, batch_size=16), rtol=0, atol=1e-12)


class _NoForwardMode(torch.autograd.Function):
    @staticmethod
    def forward(context, codes):
        return codes.sin()

    @staticmethod
    def backward(context, gradient):
        raise AssertionError("not asked for")


def test_central_differences_where_an_operation_has_no_forward_mode():
    code = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    found = derivatives(_NoForwardMode.apply, code, torch.eye(2, dtype=torch.float64), batch_size=1)
    assert torch.allclose(found, torch.diag(code[0].cos()), atol=1e-4)


def test_what_does_not_change_has_no_derivative():
    found = derivatives(
        lambda codes: torch.ones(len(codes), 3), torch.zeros(1, 2), torch.eye(2), batch_size=2
    )
    assert found.eq(0).all() and found.shape == (2, 3)
