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


@pytest.mark.parametrize(("value", "step"), [(3.0, 0.03), (0.5, 0.01)])
def test_differences_are_taken_over_a_hundredth_of_the_code(value, step):
    """Or of 1, where the code is smaller: of x cubed they are 3 x² and the squared step."""
    code = torch.full((1, 2), value, dtype=torch.float64)
    offsets = torch.eye(2, dtype=torch.float64)
    found = derivatives(lambda codes: codes**3, code, offsets, batch_size=2, differences=True)
    torch.testing.assert_close(found, (3 * value**2 + step**2) * offsets, rtol=1e-10, atol=0)
    assert (
        float((derivatives(lambda codes: codes**3, code, offsets, 2) - 3 * value**2 * offsets).norm()) < 1e-12
    )


def test_codes_ask_for_a_gradient():
    """Families that would write in place then choose operations that have a forward mode."""

    def draw(codes):
        return codes.sin() if codes.requires_grad else _NoForwardMode.apply(codes)

    code = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    found = derivatives(draw, code, torch.eye(2, dtype=torch.float64), batch_size=1)
    torch.testing.assert_close(found, torch.diag(code[0].cos()), rtol=1e-12, atol=0)


def test_what_does_not_change_has_no_derivative():
    found = derivatives(
        lambda codes: torch.ones(len(codes), 3), torch.zeros(1, 2), torch.eye(2), batch_size=2
    )
    assert found.eq(0).all() and found.shape == (2, 3)


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
