"""The Hessian penalty against second derivatives that are known, and the rotation that it is minimised over."""

import pytest
import torch

from interpgan_core import seeded_normal
from interpgan_hessian.penalty import Rotation, hessian_penalty

MIXED = torch.tensor([[3.0, 1.0, -2.0], [1.0, 5.0, 0.5], [-2.0, 0.5, 1.0]]).double()
EYE = torch.eye(3).double()


def all_signs(samples):
    """(8, samples, 3); every choice of signs of three directions, the same for each sample."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3).double()
    return signs[:, None].expand(-1, samples, -1)


def bent(*forms, below=0.0):
    """Draws xᵀHx / 2 of each form H, whose second differences are exact, on a floor of `below`; (m, n, forms)."""

    def draw(offsets):
        found = [torch.einsum("mni,ij,mnj->mn", offsets, form, offsets) / 2 + below for form in forms]
        return [torch.stack(found, -1)]

    return draw


def squares_of_mixed(form):
    """Twice the sum of the squares off the diagonal; the variance of 8 moves has 7 in the denominator."""
    return 2 * float((form - form.diag().diag()).square().sum()) * 8 / 7


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_the_penalty_is_the_squares_of_mixed_derivatives(epsilon):
    """Of Peebles et al., ECCV 2020, equation 4; steps of equation 5, whatever their size and the value between them."""
    found = hessian_penalty(bent(MIXED, below=7.0), EYE, all_signs(1), epsilon)
    assert found.tolist() == pytest.approx([squares_of_mixed(MIXED)], rel=1e-9)


def test_along_the_axes_of_a_form_nothing_mixes():
    _, axes = torch.linalg.eigh(MIXED)
    assert float(hessian_penalty(bent(MIXED), axes.T, all_signs(1), 0.1)) == pytest.approx(0, abs=1e-9)


def test_a_slope_is_no_curvature():
    slope = torch.tensor([1.0, -2.0, 3.0]).double()
    found = hessian_penalty(lambda offsets: [(offsets @ slope)[..., None]], EYE, all_signs(1), 0.1)
    assert float(found) == pytest.approx(0, abs=1e-18)


def test_the_largest_element_or_the_mean_for_each_sample_and_output():
    """Of two samples, the second twice as curved; one output of 2 x 3 elements, another of a single one."""

    def draw(offsets):
        product = offsets[..., 0] * offsets[..., 1] * torch.tensor([1.0, 2.0]).double()
        return [product[..., None, None] * torch.tensor([[0, 1, 2], [3, 0, 0]]), product[..., None]]

    # xy has two entries of 1 off the diagonal of its H.
    one = squares_of_mixed(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    largest, mean = (hessian_penalty(draw, EYE, all_signs(2), 0.1, how).tolist() for how in ("max", "mean"))
    assert largest == pytest.approx([one * (9 + 1) / 2, 4 * one * (9 + 1) / 2])
    assert mean == pytest.approx([one * (14 / 6 + 1) / 2, 4 * one * (14 / 6 + 1) / 2])


def test_the_basis_is_what_signs_are_of():
    """Two directions of three: only the second derivative that mixes these counts."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 2).double()[:, None]
    found = hessian_penalty(bent(MIXED), EYE[[0, 2]], signs, 0.1)
    assert float(found) == pytest.approx(4 * 2.0**2 * 4 / 3)


def test_a_rotation_stays_orthonormal():
    rotation = Rotation(9, 6, seed=1)
    rotation.lower.data = seeded_normal([2], (9, 9))[0]
    rows = rotation()
    assert rows.shape == (6, 9) and torch.allclose(rows @ rows.T, torch.eye(6), atol=1e-5)


def test_the_rotation_of_a_seed_is_the_same_in_every_version():
    """What a training that was stopped goes on from; the sense of a row is the linear algebra's."""
    assert Rotation(3, 1, seed=1)().abs().tolist()[0] == pytest.approx([0.00063, 0.94793, 0.31849], abs=1e-5)


def test_a_state_keeps_what_is_learnt_alone():
    """The start follows from the seed."""
    assert list(Rotation(4, 2, seed=0).state_dict()) == ["lower"]
