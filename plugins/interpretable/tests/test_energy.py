"""The energy model on a toy in closed form: maps linear in the code make g quadratic, and P_W normal."""

from itertools import pairwise

import pytest
import torch

from interpgan_interpretable.training.energy import (
    energy,
    group_maps,
    group_members,
    interpretability_loss,
    realism_loss,
    weight_gradient,
    weight_moments,
)
from interpgan_interpretable.training.langevin import langevin, log_density_gradient

N, M, C, K, D, SIGMA = 6, 5, 3, 4, 3, 0.8
GROUPS = torch.tensor([0, 2, 0, 1, -1])
MEMBERS = group_members(GROUPS, C)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


DRAW = 0.3 * normal(D, M * K)  # maps of a code: z @ DRAW
WEIGHTS = 0.3 * normal(M, C, K, seed=1)


def maps_of(z):
    return (z @ DRAW).view(len(z), M, K)


def precision(weights):
    """Of P_W, a normal distribution about 0: g is z B z, so that -log P_W is z (I/σ² - 2B) z / 2."""
    basis = maps_of(torch.eye(D, dtype=torch.float64))
    quadratic = torch.einsum("ajk,jck,bck->ab", basis, weights, group_maps(basis, MEMBERS))
    return torch.eye(D, dtype=torch.float64) / SIGMA**2 - (quadratic + quadratic.T)


def log_z(weights):
    """log E exp(g) over codes from N(0, σ² I), in closed form."""
    return -0.5 * torch.logdet(SIGMA**2 * precision(weights))


def spread(covariance):
    """2D points about 0 whose second moments are exactly these."""
    root = torch.linalg.cholesky(covariance).T * D**0.5
    return torch.cat([root, -root])


def slopes(function, at, step=1e-5):
    """Gradient by central differences."""
    flat = at.flatten()
    ones = torch.eye(len(flat), dtype=torch.float64) * step
    rises = [function((flat + e).view_as(at)) - function((flat - e).view_as(at)) for e in ones]
    return (torch.stack(rises) / (2 * step)).view_as(at)


def test_the_energy_is_the_sum_of_the_paper():
    maps = normal(N, M, K, seed=2).relu()
    means = group_maps(maps, MEMBERS)
    torch.testing.assert_close(means[:, 0], (maps[:, 0] + maps[:, 2]) / 2)
    torch.testing.assert_close(means[:, 1:], maps[:, [3, 1]])  # groups of one
    expected = torch.zeros(N, dtype=torch.float64)
    for j in range(M):
        for c in range(C):
            for k in range(K):
                expected += WEIGHTS[j, c, k] * maps[:, j, k] * means[:, c, k]
    torch.testing.assert_close(energy(maps, WEIGHTS, MEMBERS), expected)


def test_the_map_of_a_group_without_filters_is_zero():
    members = group_members(torch.tensor([0, 0, 2, 2, 2]), C)
    assert not group_maps(normal(N, M, K), members)[:, 1].any()


def test_moments_are_the_gradient_of_the_energy_by_its_weights():
    maps = normal(N, M, K, seed=2)
    found = slopes(lambda w: energy(maps, w, MEMBERS).mean(), WEIGHTS)
    torch.testing.assert_close(weight_moments(maps, MEMBERS), found, rtol=1e-8, atol=1e-8)


def test_equation_8_is_the_gradient_of_the_likelihood():
    """Against differences of L(W) = -mean g + log Z(W), with Z known and samples of P_W that have its exact moments."""
    plain = maps_of(normal(N, D, seed=3))
    drawn = maps_of(spread(torch.linalg.inv(precision(WEIGHTS))))
    expected = slopes(lambda w: log_z(w) - energy(plain, w, MEMBERS).mean(), WEIGHTS)
    found = weight_gradient(plain, drawn, MEMBERS)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)
    assert found.abs().max() > 0.01


def test_descending_equation_8_raises_the_likelihood():
    plain = maps_of(1.2 * normal(200, D, seed=3))
    weights, losses = torch.zeros_like(WEIGHTS), []
    for _ in range(20):
        drawn = maps_of(spread(torch.linalg.inv(precision(weights))))
        losses.append(float(log_z(weights) - energy(plain, weights, MEMBERS).mean()))
        weights = weights - 0.03 * weight_gradient(plain, drawn, MEMBERS)
    assert all(after < before for before, after in pairwise(losses))


def energy_of(z):
    return energy(maps_of(z), WEIGHTS, MEMBERS)


def test_equation_9_follows_the_log_density():
    """Against the closed form, and against differences of the log density."""
    z = normal(N, D, seed=4)
    found = log_density_gradient(z, energy_of, SIGMA)
    torch.testing.assert_close(found, -z @ precision(WEIGHTS), rtol=1e-10, atol=1e-12)
    for row, slope in zip(z, found, strict=True):
        by_steps = slopes(lambda one: (energy_of(one) - one.square().sum(1) / 2 / SIGMA**2).sum(), row[None])
        torch.testing.assert_close(slope[None], by_steps, rtol=1e-7, atol=1e-9)


def test_langevin_without_noise_climbs():
    z = 3 * normal(N, D, seed=4)
    after = langevin(z, energy_of, [torch.zeros_like(z)] * 50, 0.3, SIGMA)
    log_p = [energy_of(x) - x.square().sum(1) / 2 / SIGMA**2 for x in (z, after)]
    assert (log_p[1] > log_p[0]).all()
    step = langevin(z, energy_of, [torch.zeros_like(z)], 0.3, SIGMA)
    torch.testing.assert_close(step, z + 0.045 * log_density_gradient(z, energy_of, SIGMA))


def test_a_step_of_langevin_and_the_numbers_of_the_paper():
    """Equation 9: δ²/2 of the gradient, and δ of the noise, as it is drawn; σ_0 = 1. Equation 5: λ_1 = 2/3."""
    z, noise = normal(N, D, seed=4), normal(N, D, seed=5)
    step = langevin(z, energy_of, [noise], 0.3)
    torch.testing.assert_close(step, z + 0.045 * log_density_gradient(z, energy_of, 1.0) + 0.3 * noise)
    torch.testing.assert_close(log_density_gradient(z, energy_of), log_density_gradient(z, energy_of, 1.0))
    torch.testing.assert_close(
        interpretability_loss(WEIGHTS, MEMBERS), interpretability_loss(WEIGHTS, MEMBERS, 2 / 3)
    )


def test_langevin_draws_from_the_model():
    """A chain of steps δ has the covariance (Λ - δ²Λ²/4)⁻¹ in the end; δ = 0 would give the model's Λ⁻¹."""
    count, steps, step = 500, 150, 0.3
    # Noise whose second moments are exact: orthogonal columns, D of them a step.
    columns = torch.linalg.qr(normal(count, steps * D, seed=10)).Q * count**0.5
    z = langevin(torch.zeros(count, D, dtype=torch.float64), energy_of, columns.split(D, 1), step, SIGMA)
    inverse = precision(WEIGHTS)
    expected = torch.linalg.inv(inverse - step**2 / 4 * inverse @ inverse)
    torch.testing.assert_close(z.T @ z / count, expected, rtol=1e-6, atol=1e-6)
    assert not z.requires_grad


def test_langevin_leaves_weights_without_gradients():
    weights = WEIGHTS.clone().requires_grad_(True)
    z = normal(N, D)
    found = langevin(z, lambda z: energy(maps_of(z), weights, MEMBERS), [z, z], 0.1)
    assert weights.grad is None and not found.requires_grad and not z.requires_grad


def test_interpretability_ties_a_filter_to_its_own_group():
    weights = WEIGHTS.clone().requires_grad_(True)
    loss = interpretability_loss(weights, MEMBERS, 0.25)
    expected = sum(
        (-1 if GROUPS[j] == c else 0.25) * float(WEIGHTS[j, c].sum())
        for j in range(M)
        if GROUPS[j] >= 0
        for c in range(C)
    )
    assert float(loss.detach()) == pytest.approx(expected)
    (slope,) = torch.autograd.grad(loss, weights)
    assert slope[0, :, 0].tolist() == [-1, 0.25, 0.25]
    assert not slope[4].any()


def test_realism_has_gradients_for_the_maps_alone():
    maps, weights = normal(N, M, K).requires_grad_(True), WEIGHTS.clone().requires_grad_(True)
    realism_loss(maps, weights, MEMBERS).backward()
    expected = slopes(lambda f: -energy(f, WEIGHTS, MEMBERS).mean(), maps.detach())
    torch.testing.assert_close(maps.grad, expected, rtol=1e-7, atol=1e-9)
    assert weights.grad is None
